"""docs/vehicle.md is followed line by line, so what it names is there."""

import ast
import json
import re
from pathlib import Path

import pytest

from benchmarks import gpu_memory
from instance_seg_node.cli import main
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.models import find_model

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "vehicle.md").read_text()
OTHERS = ("cuda.h: No such file or directory", "externally-managed-environment")
"""Texts of pip."""


def texts() -> list[str]:
    """All texts of the package, with … for what is put in."""
    found = []
    for path in (ROOT / "instance_seg_node").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            if isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in parts))
    return found


def quoted() -> list[str]:
    rows = PAGE.partition("| it says |")[2].partition("\n\n")[0].splitlines()
    return [text for row in rows for text in re.findall("`(.+?)`", row.split(" | ")[0]) if text not in OTHERS]


@pytest.fixture(scope="module")
def package():
    return "\n".join(texts())


@pytest.mark.parametrize("text", quoted())
def test_an_error_that_the_page_quotes_is_one_of_ours(text, package):
    pattern = ".*".join(map(re.escape, text.split("…")))
    assert re.search(pattern, package), f"nothing says {text!r}"


def test_its_launch_arguments_are_those_of_the_launch_file():
    tree = ast.parse((ROOT / "launch" / "segment.launch.py").read_text())
    declared = {key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys}
    given = set(re.findall(r"(\w+):=", PAGE))
    assert given
    assert given <= declared


def test_its_options_of_build_are_those_of_the_command(capsys):
    assert main(["build", "--help"]) == 0
    known = set(re.findall(r"--[\w-]+", capsys.readouterr().out))
    given = {option for line in PAGE.splitlines() if "instance-seg build" in line
             for option in re.findall(r"(?<=[ `])--[\w-]+", line.partition("instance-seg build")[2])}
    assert {"--gpu", "--runtime", "--precision", "--cameras"} <= given <= known


def test_its_extras_are_those_of_the_package():
    extras = re.findall(r"^([\w-]+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    given = set(re.findall(r"(?:instance_seg_node|\.|`)\[([\w-]+)\]", PAGE))
    assert {"gpu-rtx", "build"} <= given <= set(extras)


def test_its_table_of_memory_is_what_the_code_asks_for_to_one_percent():
    rows = json.loads(gpu_memory.RESULTS.read_text())["results"]["counted"]
    specs = {name: ModelSpec.load(find_model(name)) for name in {row["model"] for row in rows}}
    for row in rows:
        again = gpu_memory.counted(specs[row["model"]], row["cameras"], *row["camera"][::-1])
        assert again == pytest.approx(row["bytes"], rel=0.01), "write it again: python benchmarks/gpu_memory.py"
    assert gpu_memory.table(rows) in PAGE
