"""One tree, installed by pip, by colcon and by make; nothing is left behind."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from instance_seg_node import __version__
from instance_seg_node.errors import InputError
from instance_seg_node.share import fastdds_profile, share_folder

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "instance_seg_node"
SOURCES = ("instance_seg_node", "config", "launch", "models", "resource", "package.xml", "setup.py", "setup.cfg",
           "pyproject.toml", "README.md", "LICENSE")

# Each foreign module that the package imports: what pip calls it, and its rosdep key (None: there is none that serves).
REQUIREMENTS = {
    "cv2": ("opencv-python-headless", "python3-opencv"),
    "numba": ("numba", None),
    "numpy": ("numpy", "python3-numpy"),
    "onnxruntime": ("onnxruntime", "python3-onnxruntime-pip"),
    "pycocotools": ("pycocotools", None),
    "pydantic": ("pydantic", None),
    "rosbags": ("rosbags", None),
    "tqdm": ("tqdm", "python3-tqdm"),
    "typer": ("typer", "python3-typer"),
    "yaml": ("PyYAML", "python3-yaml"),
    # ROS 2
    "rclpy": ("ros-rclpy", "rclpy"),
    "builtin_interfaces": ("ros-builtin-interfaces", "builtin_interfaces"),
    "diagnostic_msgs": ("ros-diagnostic-msgs", "diagnostic_msgs"),
    "geometry_msgs": ("ros-geometry-msgs", "geometry_msgs"),
    "lifecycle_msgs": ("ros-lifecycle-msgs", "lifecycle_msgs"),
    "rcl_interfaces": ("ros-rcl-interfaces", "rcl_interfaces"),
    "sensor_msgs": ("ros-sensor-msgs", "sensor_msgs"),
    "std_msgs": ("ros-std-msgs", "std_msgs"),
    "vision_msgs": (None, "vision_msgs"),  # built from interfaces/ where pip is all there is
    # only with an extra of pyproject.toml
    "cityscapesscripts": ("cityscapesscripts", None),
    "lightning_fabric": ("lightning-fabric", None),
    "onnx": ("onnx", None),
    "torch": ("torch", None),
}


def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / "package.xml").getroot()


def copy_of_the_sources(folder: Path) -> Path:
    """The tree as git would hand it out, without environments and results."""
    folder.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def run(*command: str, **options) -> str:
    """What a command prints. It must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_version_is_the_same_everywhere():
    assert manifest().findtext("version") == __version__
    assert __version__ == run(sys.executable, "setup.py", "-q", "--version", cwd=ROOT).split()[-1]


def test_every_folder_with_code_is_a_package():
    assert [path.parent.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")
            if not (path.parent / "__init__.py").is_file()] == []


def test_every_imported_package_is_required():
    requirements = re.findall(r'"([A-Za-z][\w-]*)(?:[<>=][^"]*)?"', (ROOT / "pyproject.toml").read_text())
    keys = {element.text for element in manifest().iter("exec_depend")}
    foreign = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                foreign |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                foreign.add(node.module.split(".")[0])
    foreign -= sys.stdlib_module_names | {"instance_seg_node"}
    assert foreign - REQUIREMENTS.keys() == set(), "add a row to REQUIREMENTS and the requirement to both files"
    for name in foreign:
        requirement, key = REQUIREMENTS[name]
        assert requirement is None or requirement in requirements
        assert key is None or key in keys


def test_every_command_has_its_function():
    commands = dict(re.findall(r'f"([\w-]+) = \{NAME\}\.([\w.]+):main"', (ROOT / "setup.py").read_text()))
    assert set(commands) == {"instance-seg", "instance_seg_node", "camera_simulator"}
    for module in commands.values():
        path = PACKAGE / (module.replace(".", "/") + ".py")
        path = path if path.is_file() else path.with_suffix("") / "__init__.py"
        top = ast.parse(path.read_text()).body
        assert any("main" in ([getattr(node, "name", None)] + [alias.asname or alias.name for alias in
                              getattr(node, "names", [])]) for node in top), f"{path} defines no main"


def test_shared_files_of_a_checkout_are_its_own():
    assert share_folder() == ROOT
    assert fastdds_profile().is_file()


def test_shared_files_of_an_installation_are_below_its_prefix(tmp_path):
    package = tmp_path / "lib" / "python3.11" / "site-packages" / "instance_seg_node"
    package.mkdir(parents=True)
    share = tmp_path / "share" / "instance_seg_node"
    share.mkdir(parents=True)
    (share / "package.xml").touch()
    assert share_folder(package) == share


def test_a_package_without_its_files_says_how_to_install_it(tmp_path):
    with pytest.raises(InputError, match="not completely installed.*pip install ."):
        share_folder(tmp_path / "instance_seg_node")


def test_wheel_holds_code_kernels_models_and_settings(tmp_path):
    sources = copy_of_the_sources(tmp_path / "sources")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), ".",
        cwd=sources)
    wheel, = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    code = {path.relative_to(ROOT).as_posix() for pattern in ("*.py", "*.cu*") for path in PACKAGE.rglob(pattern)}
    assert code - set(names) == set()
    shared = {path.relative_to(sources).as_posix() for folder in ("config", "launch", "models")
              for path in (sources / folder).rglob("*") if path.is_file()}
    assert {"config/fastdds_large_images.xml", "config/sros2/policy.xml"} <= shared
    prefix = f"instance_seg_node-{__version__}.data/data/share/instance_seg_node"
    assert {f"{prefix}/{name}" for name in shared} - set(names) == set()
    assert not [name for name in names if name.startswith(("test", "demo", "benchmarks"))]


@pytest.mark.skipif(not importlib.util.find_spec("colcon_core"),
                    reason="colcon is not installed; the extra dev has it")
@pytest.mark.parametrize("option", ["--merge-install", "--symlink-install"])
def test_colcon_builds_and_installs_the_package(tmp_path, option):
    sources = copy_of_the_sources(tmp_path / "src" / "instance_seg_node")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    run(sys.executable, "-m", "colcon", "build", option, cwd=tmp_path, env=environment)

    prefix = tmp_path / "install" / ("" if option == "--merge-install" else "instance_seg_node")
    for executable in ("instance_seg_node", "camera_simulator", "instance-seg"):
        script = prefix / "lib" / "instance_seg_node" / executable
        assert os.access(script, os.X_OK)
        if option == "--merge-install":  # a symlinked one keeps the Python that ran colcon
            assert script.read_text().startswith("#!/usr/bin/env python3\n")
    share = prefix / "share" / "instance_seg_node"
    for name in ("package.xml", "launch/segment.launch.py", "launch/replay.launch.py", "config/instance_seg.yaml",
                 "config/instance_seg.rviz", "config/sros2/policy.xml"):
        assert (share / name).is_file(), name
    assert (prefix / "share" / "ament_index" / "resource_index" / "packages" / "instance_seg_node").is_file()

    found = run("bash", "-c", "source install/setup.bash && cd / && python3 -c "
                "'from instance_seg_node.share import share_folder; print(share_folder())'",
                cwd=tmp_path, env=environment)
    assert Path(found.strip()) == (share if option == "--merge-install" else sources)


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, **environment})


def test_make_with_an_unsuitable_python_says_which_to_name(tmp_path):
    done = make(f"VENV={tmp_path}/venv", "PYTHON=false", f"{tmp_path}/venv/bin/python")
    assert done.returncode != 0
    assert "false is not a Python >= 3.10. Name another: make PYTHON=" in done.stderr


def test_make_without_a_compiler_says_what_to_install(tmp_path):
    for done_before in ("bin/python", ".demo"):
        (tmp_path / done_before).parent.mkdir(exist_ok=True)
        (tmp_path / done_before).touch()
    done = make(f"VENV={tmp_path}", "CXX=/nowhere/c++", "AMENT_PREFIX_PATH=", f"{tmp_path}/.vision_msgs")
    assert done.returncode != 0
    assert "No C++ compiler was found, and vision_msgs must be compiled. On Debian and Ubuntu: sudo apt install g++" \
        in done.stderr


def test_make_beside_a_distribution_without_vision_msgs_says_what_to_install(tmp_path):
    (tmp_path / "rclpy.py").touch()
    done = make(f"VENV={tmp_path}/venv", f"PYTHON={sys.executable} -S", f"{tmp_path}/venv/bin/python",
                AMENT_PREFIX_PATH="/opt/ros/jazzy", ROS_DISTRO="jazzy", PYTHONPATH=str(tmp_path))
    assert done.returncode != 0
    assert "sourced, but without vision_msgs. Type: sudo apt install ros-jazzy-vision-msgs" in done.stderr


def test_make_beside_a_distribution_builds_no_messages_and_installs_no_ros(tmp_path):
    for name in ("rclpy", "vision_msgs"):
        (tmp_path / f"{name}.py").touch()
    done = make("-n", "test", f"VENV={tmp_path}/venv", f"PYTHON={sys.executable} -S",
                AMENT_PREFIX_PATH="/opt/ros/jazzy", ROS_DISTRO="jazzy", PYTHONPATH=str(tmp_path))
    assert "--system-site-packages" in done.stdout
    assert "-e '.[train,evaluate,dev]'" in done.stdout
    assert "cmake" not in done.stdout


def test_make_help_names_every_target():
    targets = re.search(r"^\.PHONY: help (.+)$", (ROOT / "Makefile").read_text(), re.M)[1].split()
    assert re.findall(r"^make (\w+) ", make("help").stdout, re.M) == targets


@pytest.mark.parametrize(("summary", "status"), [("=== 7 passed in 1.2s ===", 0), ("1 failed, 6 passed in 1.2s", 2)])
def test_ci_ends_with_pytests_summary_and_its_status(tmp_path, summary, status):
    stand_in = tmp_path / "make"
    stand_in.write_text(f"#!/bin/sh\necho '{summary}'\necho 'make: said something more' >&2\nexit {status}\n")
    stand_in.chmod(0o755)
    done = subprocess.run([ROOT / ".ci" / "run"], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.stdout.splitlines()[-1] == summary
    assert done.returncode == status


@pytest.mark.ros
@pytest.mark.skipif(not importlib.util.find_spec("rclpy"), reason="rclpy is not importable")
def test_fastdds_profile_gives_a_participant_32_mb():
    code = """
import glob, os, rclpy
names = "/dev/shm/fast[dr]*_*"  # fastdds_, of Fast DDS 2 fastrtps_
before = set(glob.glob(names))
rclpy.init()
node = rclpy.create_node("shared_memory")
print(max(os.path.getsize(path) for path in set(glob.glob(names)) - before))
rclpy.shutdown()
"""
    environment = {**os.environ, "ROS_DOMAIN_ID": "87", "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
                   **dict.fromkeys(("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"),
                                   str(fastdds_profile()))}
    assert int(run(sys.executable, "-c", code, env=environment)) > 32 << 20
