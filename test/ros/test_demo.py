"""The demo on pictures whose masks are known: its figures, its files, and that nothing is left running."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed: pip install .[ros]")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built: make test builds it")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "test"))
from tiny_model import blobs, write_tiny_model  # noqa: E402

TIMEOUT_S = 300
"""For a machine that is busy; the demo itself takes 10 s here."""
pytestmark = pytest.mark.ros

PROGRAM = """
import sys
from pathlib import Path
from instance_seg_node.ros.demo import RigCamera, run
rig = (RigCamera("front", 256, 128, 10.0), RigCamera("left", 128, 64, 5.0))
run(Path(sys.argv[1]), float(sys.argv[4]), model=sys.argv[2], source=sys.argv[3], rig=rig)
"""


@pytest.fixture
def demo(domain, tmp_path):
    """demo(picture, seconds): start it on this picture as what all cameras see. Ended with the test."""
    write_tiny_model(tmp_path / "tiny")
    started = []

    def start(picture, seconds):
        cv2.imwrite(str(tmp_path / "seen.png"), picture[..., ::-1])
        command = [sys.executable, "-c", PROGRAM, tmp_path / "out", tmp_path / "tiny", tmp_path / "seen.png", seconds]
        started.append(subprocess.Popen([str(part) for part in command], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
                                        start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):  # the group is gone with its last process
            os.killpg(process.pid, signal.SIGKILL)


def children(tmp_path):
    """Processes that the demo of this test has started."""
    return [process.pid for process in psutil.process_iter(["cmdline"])
            if "-m" in (process.info["cmdline"] or []) and any(str(tmp_path) in p for p in process.info["cmdline"])]


def test_it_records_what_the_node_publishes_and_writes_it_down(demo, tmp_path):
    seen = blobs(height=128, width=256)
    process = demo(seen, 3)
    printed, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    assert not children(tmp_path)
    check_summary(json.loads((tmp_path / "out" / "summary.json").read_text()))
    assert "front" in printed
    assert "network" in printed
    check_pictures(sorted((tmp_path / "out").glob("front-*.png")), seen)
    check_video(tmp_path / "out" / "left.mp4")


def check_summary(summary):
    front, left = summary["cameras"]["front"], summary["cameras"]["left"]
    assert (front["width"], front["height"], front["sent"]) == (256, 128, 30)
    assert (left["width"], left["height"], left["sent"]) == (128, 64, 15)
    for camera in (front, left):
        assert camera["sent"] - 5 <= camera["received"] <= camera["sent"]  # best effort: the node may have been busy
        assert 0 < camera["masks"] == camera["received"] - sum(camera["dropped"].values()) and camera["missed"] == 0
        assert camera["instances_per_frame"] == 3
        assert camera["instances_by_class"] == {"car": 2 * camera["masks"], "person": camera["masks"]}
        assert camera["ids_without_detection"] == 0
        assert 0 < camera["age_ms"]["p50"] <= camera["age_ms"]["p99"]
    assert {"network", "cluster"} <= summary["stages_ms"].keys()


def check_pictures(files, seen):
    """Each mask is tinted."""
    assert files
    for file in files:
        changed = (cv2.imread(str(file))[..., ::-1] != seen).any(axis=2)
        assert changed[seen.any(axis=2)].mean() > 0.9


def check_video(file):
    """It plays, and its frames are not black."""
    video, frames = cv2.VideoCapture(str(file)), []
    while (read := video.read())[0]:
        frames.append(read[1])
    assert len(frames) >= 2
    assert frames[0].shape == (512, 1024, 3)
    assert frames[0].any()


def test_it_fails_with_one_line_where_no_instance_is_found(demo, tmp_path):
    process = demo(np.zeros((64, 128, 3), np.uint8), 2)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    masks = json.loads((tmp_path / "out" / "summary.json").read_text())["cameras"]["front"]["masks"]
    assert [line for line in errors.splitlines() if "demo failed" in line] == [
        f"demo failed: {masks} masks of front arrived, and there is no instance in any"]
    assert not children(tmp_path)


def test_it_fails_with_one_line_where_the_model_is_broken(demo, tmp_path):
    (tmp_path / "tiny" / "model.onnx").write_bytes(b"no network")
    process = demo(blobs(), 2)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "demo failed: the node says" in errors
    assert "Traceback" not in errors
    assert not children(tmp_path)


def test_ctrl_c_leaves_no_process(demo, tmp_path):
    process = demo(blobs(), 60)
    deadline = time.monotonic() + 60
    while len(children(tmp_path)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert not children(tmp_path)
