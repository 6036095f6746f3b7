"""A run that is stopped half-way leaves no bag under the final name."""

import os
import signal
import subprocess
import sys
import time

import pytest
from bag_files import compressed, read_bag, write_bag
from tiny_model import blobs, write_tiny_model

from instance_seg_node.files.atomic_files import atomic_folder

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
            while not any(tmp_path.glob(".out.partial/instance_seg/instance_seg.mcap")):
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
    assert os.listdir(tmp_path) == [".out.partial"]
    again = [*PROGRAM, "bag", str(rig / "short"), str(tmp_path / "out"), "--model", str(rig / "tiny")]
    subprocess.run(again, check=True)
    assert os.listdir(tmp_path) == ["out"]
    assert len(read_bag(tmp_path / "out")["/cam/instance_seg/instances"]) == 3


def test_a_bag_that_is_replaced_is_the_old_one_or_the_new_one_wherever_the_run_is_killed(rig, tmp_path):
    write_bag(tmp_path / "template" / "out", [("/old", 1, compressed(blobs(), (1, 0)))])
    (tmp_path / "stopped").mkdir()
    subprocess.run([sys.executable, "-c", REPLACED, rig / "short", rig / "tiny", tmp_path / "template",
                    tmp_path / "stopped"], check=True, env=os.environ | {"PYTHONPATH": os.path.dirname(__file__)})
    found = {int(folder.name): list(read_bag(folder / "out")) for folder in (tmp_path / "stopped").iterdir()}
    topics = [found[step] for step in sorted(found)]
    changed = topics.index(topics[-1])
    assert topics[:changed] == [["/old"]] * changed
    assert topics[changed:] == [topics[-1]] * (len(topics) - changed)
    assert "/cam/instance_seg/instances" in topics[-1]


REPLACED = """
import signal, sys
from pathlib import Path
from bag_files import compressed
from stopped_writers import stopped_everywhere
from tiny_model import blobs
import numpy as np
from instance_seg_node.bag_results import result_bag
from instance_seg_node.bags import choose_topics, open_bag
from instance_seg_node.bag_messages import header_of
from instance_seg_node.instances import Instances
from instance_seg_node.model_spec import ModelSpec

def write():
    none = Instances(np.zeros((64, 128), np.uint16), *np.zeros((2, 0)), np.zeros((0, 4)), np.zeros(0))
    with open_bag(source) as bag, result_bag(Path("out"), choose_topics(bag), spec, 0.9, overwrite=True) as results:
        for recorded in bag.recorded(bag.topics):
            results.write("/cam", recorded.log_ns, header_of(recorded.message()), none)

source, model, template, out = map(Path, sys.argv[1:])
spec = ModelSpec.load(model)
stopped_everywhere(write, template, out, signal.SIGKILL)
"""


def test_a_run_waits_for_another_that_is_writing_the_same_bag_and_leaves_it_alone(rig, tmp_path):
    command = [*PROGRAM, "bag", str(rig / "short"), str(tmp_path / "out"), "--model", str(rig / "tiny")]
    with atomic_folder(tmp_path / "out") as other:
        write_bag(other, [("/other", 1, compressed(blobs(), (1, 0)))])
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert "another process makes" in process.stderr.readline()
    assert f"{tmp_path / 'out'} exists already" in process.communicate()[1]
    assert process.returncode == 2
    assert list(read_bag(tmp_path / "out")) == ["/other"]
    assert os.listdir(tmp_path) == ["out"]
