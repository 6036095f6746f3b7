"""There is one way to write a file, instance_seg_node/files/atomic_files.py, and a list of what goes another way."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "instance_seg_node"

WRITES = (r"os\.(replace|rename|link|symlink|truncate)|shutil\.(copy\w*|move)|.*\.(write_text|write_bytes|imwrite"
          r"|tofile|savefig|rename|hardlink_to|symlink_to|touch)|(torch|np|numpy|onnx|program)\.save\w*|.*VideoWriter"
          r"|SummaryWriter|Writer|(tempfile\.)?(mk[sd]temp|TemporaryDirectory|NamedTemporaryFile)")
"""Calls that write or name files, as they stand in the source."""

OTHERWISE = {
    "files/atomic_files.py": {"os.replace", "open"},
    "files/claimed_names.py": {"os.open"},
    "files/folder_exchange.py": {"os.rename"},
    "files/cached_files.py": {"open"},  # a lock, which is empty
    "cli/__init__.py": {"os.open"},  # /dev/null
    "bag_results.py": {"Writer"},  # into a folder that nobody sees before it is whole
    "training/export.py": {"program.save"},  # likewise
    "training/checkpoint.py": {"torch.save"},  # into memory
    "training/scenes.py": {"np.savez"},  # into an unfinished file
    "training/journal.py": {"SummaryWriter"},  # appends records with check sums; what is cut short is left out
    "datasets/street/writer.py": {"path.write_bytes"},  # scenes are named after its source: a change renders all again
    "evaluation/cityscapes.py": {"tempfile.TemporaryDirectory", "path.write_text", "path.write_bytes"},
    "ros/demo.py": {"(self._logs / f'{name}.log').open"},  # of programs that are running
    "ros/demo_report.py": {"TemporaryDirectory", "cv2.VideoWriter"},
}
"""File -> what it calls."""


def writes(path: Path) -> set[str]:
    """The calls in a file that write, as ast spells them; `open` only to write."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {name for call in calls if re.fullmatch(WRITES, name := ast.unparse(call.func)) or opens_to_write(call)}


def opens_to_write(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name == "os.open":
        return re.search("O_(CREAT|WRONLY|RDWR)", ast.unparse(call)) is not None
    if name.rpartition(".")[2] != "open":
        return False
    mode = [*(argument for argument in call.args if isinstance(argument, ast.Constant)),
            *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    passed_on = any(isinstance(argument, ast.Name) and argument.id == "mode" for argument in call.args)
    return passed_on or any(re.fullmatch("[rwaxbt+]*[wax+][rwaxbt+]*", str(constant.value)) for constant in mode)


def test_every_place_that_writes_is_known():
    found = {path.relative_to(PACKAGE).as_posix(): writes(path) for path in sorted(PACKAGE.rglob("*.py"))}
    assert {file: calls for file, calls in found.items() if calls} == OTHERWISE


@pytest.mark.parametrize("code", ["open(path, 'w')", "open(path, mode='ab')", "path.open('x')", "open(path, 'r+b')",
                                  "path.write_text(text)", "cv2.imwrite(name, picture)", "os.rename(a, b)",
                                  "np.savez(file, a=1)", "tempfile.mkstemp()", "open(path, mode)",
                                  "os.open(path, os.O_CREAT)"])
def test_a_call_that_writes_is_seen(code, tmp_path):
    (tmp_path / "planted.py").write_text(code)
    assert len(writes(tmp_path / "planted.py")) == 1


@pytest.mark.parametrize("code", ["open(path)", "open(path, 'rb')", "path.open()", "text.replace('a', 'b')",
                                  "spec.save(folder)", "Image.open(path)", "path.read_bytes()",
                                  "os.open(path, os.O_RDONLY)"])
def test_a_call_that_reads_is_none(code, tmp_path):
    (tmp_path / "planted.py").write_text(code)
    assert not writes(tmp_path / "planted.py")
