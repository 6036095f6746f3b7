"""Which room may import what (the rules of the architecture), read from the source and seen in a fresh process."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "instance_seg_node"

# What is imported (a regular expression for the whole dotted name) and the files that may, relative to the package.
RULES = {
    r"rclpy(\..*)?|\w+_msgs(\..*)?|rosidl\w*(\..*)?|cv_bridge(\..*)?": ("ros/**",),
    r"(torch|lightning\w*)(\..*)?": ("methods/*/network.py", "methods/*/networks/**", "methods/*/loss.py",
                                    "methods/*/lovasz.py", "training/**", "bench/**"),
    r"tensorrt(_rtx)?(\..*)?": ("engines/**",),
    r"pycuda(\..*)?": ("gpu/**", "engines/trt.py"),
    r"instance_seg_node\.ros(\..*)?": ("cli.py", "cli/**", "ros/**"),
}


def imported(path: Path, package: Path) -> list[str]:
    """Every dotted name that a file imports, relative ones made absolute; `from a import b` gives a and a.b."""
    here = [package.name, *path.relative_to(package).parts[:-1]]
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = here[:len(here) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def allowed(relative: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path fits a pattern: `*` stands for one name, `**` for any path."""
    def expression(pattern):
        return re.escape(pattern).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")

    return any(re.fullmatch(expression(pattern), relative) for pattern in patterns)


def violations(package: Path) -> list[str]:
    """`<file> imports <name>` for every import that RULES forbid."""
    found = []
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package).as_posix()
        for name in imported(path, package):
            found += [f"{relative} imports {name}" for what, where in RULES.items()
                      if re.fullmatch(what, name) and not allowed(relative, where)]
    return found


def planted(tmp_path: Path, relative: str, code: str) -> list[str]:
    """The violations of a package that has one file."""
    path = tmp_path / "instance_seg_node" / relative
    path.parent.mkdir(parents=True)
    path.write_text(code)
    return violations(tmp_path / "instance_seg_node")


def test_every_import_keeps_to_its_room():
    assert len(list(PACKAGE.rglob("*.py"))) > 10
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(("relative", "code"), [
    ("segmenter.py", "import rclpy"),
    ("segmenter.py", "from sensor_msgs.msg import Image"),
    ("cli/demo.py", "from vision_msgs import msg"),
    ("methods/spatial_embedding/decode.py", "import torch.nn.functional as F"),
    ("engines/ort.py", "import torch"),
    ("ros/node.py", "def late():\n    import torch"),
    ("gpu/context.py", "import tensorrt"),
    ("engines/ort.py", "import pycuda.driver as cuda"),
    ("segmenter.py", "from . import ros"),
    ("segmenter.py", "from .ros import node"),
    ("engines/ort.py", "from ..ros.node import main"),
    ("bags.py", "import instance_seg_node.ros.messages"),
])
def test_an_import_in_the_wrong_room_is_found(tmp_path, relative, code):
    found = planted(tmp_path, relative, code)
    assert found
    assert all(line.startswith(f"{relative} imports ") for line in found)


@pytest.mark.parametrize(("relative", "code"), [
    ("ros/node.py", "import rclpy\nfrom sensor_msgs.msg import Image\nfrom . import messages"),
    ("methods/spatial_embedding/network.py", "import torch"),
    ("methods/spatial_embedding/networks/erfnet.py", "import torch"),
    ("methods/spatial_embedding/loss.py", "from torch import nn"),
    ("methods/spatial_embedding/lovasz.py", "import torch"),
    ("training/train.py", "import torch"),
    ("bench/clustering.py", "import torch"),
    ("engines/trt.py", "import tensorrt, pycuda.driver"),
    ("gpu/context.py", "import pycuda.driver"),
    ("cli/demo.py", "from ..ros import node"),
    ("segmenter.py", "import numpy\nfrom .engines import ort"),
])
def test_an_import_in_its_room_is_not(tmp_path, relative, code):
    assert planted(tmp_path, relative, code) == []


def loaded_by(module: str) -> set[str]:
    """The top-level packages that a fresh Python holds after importing one module."""
    code = f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_segmenter_loads_no_ros_no_torch_and_no_gpu():
    loaded = loaded_by("instance_seg_node.segmenter")
    assert "numpy" in loaded
    assert loaded.isdisjoint({"rclpy", "sensor_msgs", "vision_msgs", "torch", "pycuda", "tensorrt"})


@pytest.mark.ros
@pytest.mark.skipif(not importlib.util.find_spec("rclpy"), reason="rclpy is not importable")
def test_the_node_loads_no_torch():
    loaded = loaded_by("instance_seg_node.ros.node")
    assert "rclpy" in loaded
    assert loaded.isdisjoint({"torch", "onnx", "matplotlib"})
