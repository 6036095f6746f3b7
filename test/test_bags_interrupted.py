"""A run that is stopped half-way leaves no bag under the final name."""

import os
import signal
import subprocess
import sys
import time

import pytest
from bag_files import compressed, read_bag, write_bag
from tiny_model import blobs, write_tiny_model

PROGRAM = [sys.executable, "-c", "import sys; from instance_seg_node.cli import main; sys.exit(main())"]
FRAMES = 4000
"""So many that the signal comes long before the last."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """A folder with a model and two recordings."""
    folder = tmp_path_factory.mktemp("rig")
    write_tiny_model(folder / "tiny")
    message = compressed(blobs(), (1, 0))
    recorded = [("/cam/image_raw/compressed", i, message) for i in range(1, FRAMES + 1)]
    write_bag(folder / "long", recorded)
    write_bag(folder / "short", recorded[:3])
    return folder


@pytest.fixture
def half_way(rig, tmp_path):
    """Starts a run into tmp_path/out and, once it writes, sends it a signal. Gives the status and what it said."""
    def start(number: signal.Signals):
        command = [*PROGRAM, "bag", str(rig / "long"), str(tmp_path / "out"), "--model", str(rig / "tiny")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            while not any(tmp_path.glob(".out.partial-*/instance_seg/instance_seg.mcap")):
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.002)
            process.send_signal(number)
            said = process.stderr.read()
        return process.returncode, said
    return start


@pytest.mark.parametrize(("number", "status", "line"), [
    (signal.SIGINT, 130, "instance-seg: interrupted\n"), (signal.SIGTERM, 143, "")])
def test_a_signal_ends_it_with_nothing_left(number, status, line, half_way, tmp_path):
    assert half_way(number) == (status, line)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_run_leaves_is_hidden_and_removed_by_the_next(half_way, rig, tmp_path):
    assert half_way(signal.SIGKILL)[0] == -signal.SIGKILL
    [left] = os.listdir(tmp_path)
    assert left.startswith(".out.partial-")
    again = [*PROGRAM, "bag", str(rig / "short"), str(tmp_path / "out"), "--model", str(rig / "tiny")]
    subprocess.run(again, check=True)
    assert os.listdir(tmp_path) == ["out"]
    assert len(read_bag(tmp_path / "out")["/cam/instance_seg/instances"]) == 3


def test_a_bag_stays_if_the_new_one_cannot_take_its_place(tmp_path):
    from instance_seg_node.bag_results import _put_in_place

    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    with pytest.raises(FileNotFoundError):
        _put_in_place(tmp_path / "absent", tmp_path / "out", tmp_path / "replaced")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["precious"]


def test_a_run_leaves_alone_what_another_is_still_writing(rig, tmp_path):
    from instance_seg_node.bag_results import _work_folder
    from instance_seg_node.cli import main

    with _work_folder(tmp_path / "out") as other:
        assert main(["bag", str(rig / "short"), str(tmp_path / "out"), "--model", str(rig / "tiny")]) == 0
        assert other.is_dir()
    assert os.listdir(tmp_path) == ["out"]
