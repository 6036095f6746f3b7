"""Wherever a run is stopped: pictures are whole, and a list of them is there once all of them are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from tiny_model import blobs

from instance_seg_node.cli import main

STOPPED = """
import contextlib, signal, sys
from pathlib import Path
import numpy as np
from stopped_writers import stopped_everywhere
from instance_seg_node import cli, drawing, outputs, picture_files, segmenter
from instance_seg_node.instances import Instances
from instance_seg_node.model_spec import ModelSpec

class NoInstances:
    spec = ModelSpec.load(sys.argv[2])

    def __call__(self, frames):
        ids = np.zeros(frames[0].rgb.shape[:2], np.uint16)
        return [Instances(ids, np.zeros(0, int), np.zeros(0), np.zeros((0, 4)), np.zeros(0))]

def write():
    status = cli.main(["segment", inputs, "--out", "out", "--model", model, "--overwrite"])
    if status == 130:
        raise KeyboardInterrupt
    assert status == 0

inputs, model, template, out, number = sys.argv[1:]
segmenter.open_segmenter = lambda *_, **__: NoInstances()  # ONNX Runtime's threads do not live in a fork
with contextlib.redirect_stdout(None):
    stopped_everywhere(write, Path(template), Path(out), signal.Signals[number])
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory, model):
    """inputs/: two pictures. template/out/: the results of an earlier run on another one."""
    folder = tmp_path_factory.mktemp("rig")
    for name in ("inputs/a", "inputs/b", "earlier/old"):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.png"), blobs())
    assert main(["segment", f"{folder}/earlier", "--out", f"{folder}/template/out", "--model", f"{model}"]) == 0
    return folder


def names(out: Path) -> set[str]:
    """Of the pictures that have results, each of which is whole."""
    for file in (*out.glob("*.png"), *out.glob("*.jpg")):
        assert cv2.imread(str(file), cv2.IMREAD_UNCHANGED) is not None, file
    return {file.name.removesuffix(".instances.png") for file in out.glob("*.instances.png")}


def listed(out: Path) -> set[str] | None:
    """The pictures of instances.json, if it is there."""
    file = out / "instances.json"
    return {image["name"] for image in json.loads(file.read_text())["images"]} if file.exists() else None


@pytest.mark.parametrize("number", ["SIGKILL", "SIGINT"])
def test_a_list_of_results_names_all_of_them_and_is_there_last(number, rig, model, tmp_path):
    subprocess.run([sys.executable, "-c", STOPPED, rig / "inputs", model, rig / "template", tmp_path, number],
                   check=True, env=os.environ | {"PYTHONPATH": os.path.dirname(__file__)})
    states = [(listed(folder / "out"), names(folder / "out"))
              for folder in sorted(tmp_path.iterdir(), key=lambda folder: int(folder.name))]
    assert states[0] == ({"old"}, {"old"})
    assert states[-1] == ({"a", "b"}, {"a", "b"})
    for in_list, there in states:
        assert in_list in (None, there)
        assert there <= {"old"} or there <= {"a", "b"}, "of two runs"
    assert any(in_list is None for in_list, _ in states)


def test_a_run_after_one_that_was_killed_leaves_nothing_of_it(rig, model, tmp_path):
    (tmp_path / "out").mkdir()
    for name in (".instances.json.partial", ".a.instances.png.partial", "a.instances.png", "a.overlay.jpg",
                 "of another input.instances.png"):
        (tmp_path / "out" / name).write_bytes(b"half")
    command = ["segment", f"{rig}/inputs", "--out", f"{tmp_path}/out", "--model", f"{model}", "--overwrite"]
    assert main(command) == 0
    assert listed(tmp_path / "out") == names(tmp_path / "out") == {"a", "b"}
    assert not list((tmp_path / "out").glob(".*"))
