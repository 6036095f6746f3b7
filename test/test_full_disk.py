"""A full disk is one line that says what, where and how much is free, and status 1; nothing half-written is left."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from bag_files import compressed, read_bag, write_bag
from conv_model import write_conv_model
from file_limit import no_file_above
from tiny_model import blobs

from instance_seg_node.bench.machine import write_results
from instance_seg_node.cli import main
from instance_seg_node.engines import plans
from instance_seg_node.errors import InputError, NoRoom
from instance_seg_node.files import write_errors

LIMIT = 5000
PICTURE = blobs(height=512, width=1024)  # its overlay is larger than LIMIT, its ids and its picture are not
PROGRAM = [sys.executable, "-c", "import sys; from instance_seg_node.cli import main; sys.exit(main())"]


@pytest.fixture
def refused(capsys):
    """Runs a command that finds no room. Gives the line that it says."""
    def run(*words) -> str:
        with no_file_above(LIMIT):
            assert main([str(word) for word in words]) == 1
        return capsys.readouterr().err.splitlines()[-1]
    return run


def segment(folder: Path, model: Path, *options) -> list:
    (folder / "photo.png").write_bytes(cv2.imencode(".png", PICTURE)[1].tobytes())
    return ["segment", folder / "photo.png", "--out", folder / "out", "--model", model, *options]


def bag(folder: Path, model: Path, *options) -> list:
    write_bag(folder / "drive", [("/cam/image_raw/compressed", 1, compressed(PICTURE, (1, 0)))])
    return ["bag", folder / "drive", folder / "out", "--model", model, "--overlay", *options]


def test_segment_says_what_where_how_much_is_free_and_what_to_do(model, tmp_path, refused):
    line = refused(*segment(tmp_path, model))
    free_mb = shutil.disk_usage(tmp_path).free / 1e6
    what, _, rest = line.partition(" (")
    said_mb, _, remedy = rest.partition(" MB are free in ")
    assert what == f"instance-seg: {tmp_path}/out/photo.overlay.jpg cannot be written: File too large"
    assert float(said_mb) == pytest.approx(free_mb, rel=0.5)
    assert remedy == (f"{tmp_path}/out). Raise the limit of a file's size (ulimit -f), or name another folder, and "
                      "type the same again")


def test_segment_leaves_whole_files_and_no_list_of_them(model, tmp_path, refused):
    refused(*segment(tmp_path, model))
    assert os.listdir(tmp_path / "out") == ["photo.instances.png"]
    assert cv2.imread(str(tmp_path / "out/photo.instances.png"), cv2.IMREAD_UNCHANGED).max() == 3
    assert main([str(word) for word in segment(tmp_path, model, "--overwrite")]) == 0
    assert len(os.listdir(tmp_path / "out")) == 3


def test_a_bag_is_not_there_or_stays_as_it_was(model, tmp_path, refused):
    line = refused(*bag(tmp_path, model))
    assert line.startswith(f"instance-seg: {tmp_path / 'out'} cannot be written: File too large (")
    assert os.listdir(tmp_path) == ["drive"]
    write_bag(tmp_path / "out", [("/old", 1, compressed(blobs(), (1, 0)))])
    shutil.rmtree(tmp_path / "drive")
    refused(*bag(tmp_path, model, "--overwrite"))
    assert list(read_bag(tmp_path / "out")) == ["/old"]
    assert sorted(os.listdir(tmp_path)) == ["drive", "out"]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A model folder of which a stand-in builds a plan that is larger than LIMIT."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    members = {"SM86": None}
    runtime = SimpleNamespace(__version__="1", ComputeCapability=SimpleNamespace(__members__=members), __spec__=True)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", runtime)
    builder = SimpleNamespace(serialise=lambda *_, **__: bytes(2 * LIMIT))
    monkeypatch.setitem(sys.modules, "instance_seg_node.engines.build_trt", builder)
    monkeypatch.setattr(plans, "_sources", list)
    return write_conv_model(tmp_path / "small")


def test_a_plan_that_cannot_be_kept_is_not_built(small, tmp_path, refused):
    line = refused("build", small, "--gpu", "sm_86", "--runtime", "tensorrt-rtx")
    assert "could not be kept, so nothing is built. Free some space, or name another place: --out FILE" in line
    assert [path.suffix for path in (tmp_path / "cache/instance_seg_node").iterdir()] == [".lock"]


def test_a_damaged_plan_that_cannot_be_replaced_is_not_taken_for_the_one_that_was_built(small, tmp_path, refused):
    command = ["build", small, "--gpu", "sm_86", "--runtime", "tensorrt-rtx"]
    assert main([str(word) for word in command]) == 0
    plan, = (tmp_path / "cache/instance_seg_node").glob("*.plan")
    os.truncate(plan, 100)
    assert "could not be kept, so nothing is built" in refused(*command)


def test_a_plan_to_take_elsewhere_is_whole_or_not_there(small, tmp_path, refused):
    line = refused("build", small, "--gpu", "sm_86", "--runtime", "tensorrt-rtx", "--out", tmp_path / "small.plan")
    assert f"{tmp_path / 'small.plan'} cannot be written: File too large" in line
    assert not list(tmp_path.glob("*.plan")) + list(tmp_path.glob(".*"))


def test_results_of_a_benchmark_stay_as_they_were(tmp_path):
    write_results(tmp_path / "results.json", {"ms": 1})
    before = (tmp_path / "results.json").read_text()
    with no_file_above(100), pytest.raises(NoRoom):
        write_results(tmp_path / "results.json", {"ms": 2})
    assert (tmp_path / "results.json").read_text() == before
    assert os.listdir(tmp_path) == ["results.json"]


@pytest.mark.parametrize("command", [["models", "--json"], ["models"]])
def test_what_is_printed_on_a_full_disk_is_one_line_and_status_1(command):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "instance-seg: No space left on device\n")


def test_a_command_whose_output_is_closed_does_its_work():
    assert subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, "models"], capture_output=True).returncode == 0


@pytest.mark.parametrize(("number", "remedy"), [
    (errno.ENOSPC, "No space left on device .* Free some space, or"),
    (errno.EDQUOT, "Disk quota exceeded .* Free some of your quota, or"),
    (errno.EFBIG, "File too large .* Raise the limit of a file's size .ulimit -f., or")])
def test_each_want_of_room_has_its_remedy(number, remedy, tmp_path):
    with pytest.raises(NoRoom, match=f"place cannot be written: {remedy}"), \
            write_errors.no_room_said(tmp_path / "missing" / "place"):
        raise OSError(number, os.strerror(number))


def test_another_error_is_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(OSError, match="Input/output error") as error, write_errors.no_room_said(tmp_path / "place"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert not isinstance(error.value, NoRoom | InputError)
