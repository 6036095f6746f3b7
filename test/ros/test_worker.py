"""What the worker makes of waiting frames, with cameras and a segmenter that only take notes."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed: pip install .[ros]")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built: make test builds it")

from instance_seg_node.errors import FrameError  # noqa: E402
from instance_seg_node.frame import Frame  # noqa: E402
from instance_seg_node.ros.camera_record import FAILED, REPLACED, STALE, CameraRecord  # noqa: E402
from instance_seg_node.ros.worker import Worker  # noqa: E402

pytestmark = pytest.mark.ros
NOW_NS = 100 * 10**9


class Camera:
    """Notes in `events`, which all cameras of a test share, what it was asked to publish."""

    def __init__(self, name: str, events: list):
        self.name, self.input_topic, self.events = name, f"{name}/image_raw", events
        self.record = CameraRecord(0, 0)

    def frame(self, message) -> Frame:
        if message.content == "broken":
            raise FrameError("wrong step", "step 1")
        return Frame(np.full((2, 2, 3), message.content, np.uint8))

    def publish_ids(self, header, instances, stages) -> None:
        self.events.append(("ids", self.name, instances))

    def publish_classes(self, header, instances, stages) -> None:
        self.events.append(("classes", self.name, instances))

    def publish_pictures(self, header, frame, instances, stages) -> None:
        self.events.append(("pictures", self.name, instances))
        if instances == 13:
            raise RuntimeError("no ink")


class Segmenter:
    """Finds in a frame what is written in it, once `go` is set. Fails if that is 66."""

    def __init__(self):
        self.stage_ms, self.batches, self.go, self.busy = {}, [], threading.Event(), threading.Event()

    def __call__(self, frames: list[Frame]) -> list[int]:
        contents = [int(frame.rgb[0, 0, 0]) for frame in frames]
        self.batches.append(contents)
        self.busy.set()
        assert self.go.wait(10)
        if 66 in contents:
            raise RuntimeError("bad batch")
        return contents


class Log(list):
    def warning(self, text: str) -> None:
        self.append(text)

    error = warning


def message(content, stamp_s: int = 0) -> SimpleNamespace:
    header = SimpleNamespace(stamp=SimpleNamespace(sec=stamp_s, nanosec=0), frame_id="")
    return SimpleNamespace(content=content, header=header)


@pytest.fixture
def rig():
    """Two cameras /a and /b, a worker that has begun with a first frame (1) of /a, and what they note."""
    rig = SimpleNamespace(events=[], segmenter=Segmenter(), log=Log())
    rig.a, rig.b = Camera("/a", rig.events), Camera("/b", rig.events)
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=NOW_NS))
    rig.worker = Worker(rig.segmenter, clock, rig.log, max_age_ms=5000)
    rig.worker.start()
    rig.worker.offer(rig.a, message(1))
    assert rig.segmenter.busy.wait(10)
    yield rig
    rig.segmenter.go.set()
    rig.worker.stop()
    assert not rig.worker.alive


def totals(camera: Camera) -> tuple[int, int, dict]:
    """Received, processed and dropped by cause, once all that was received is accounted for."""
    received, processed, dropped = 0, 0, {}
    deadline = time.monotonic() + 10
    while not received or received != processed + sum(dropped.values()):
        assert time.monotonic() < deadline, (received, processed, dropped)
        time.sleep(0.005)
        report = camera.record.report(0, 0)
        received, processed, dropped = report.received, report.processed, report.dropped
    return received, processed, dropped


def test_frames_of_several_cameras_that_wait_make_one_batch_of_the_newest(rig):
    for content in (2, 3, 4):
        rig.worker.offer(rig.a, message(content))
    rig.worker.offer(rig.b, message(9))
    rig.segmenter.go.set()
    assert totals(rig.a) == (4, 2, {REPLACED: 2})
    assert totals(rig.b) == (1, 1, {})
    assert rig.segmenter.batches == [[1], [4, 9]]


def test_all_masks_go_out_before_any_picture_is_drawn(rig):
    rig.worker.offer(rig.a, message(4))
    rig.worker.offer(rig.b, message(9))
    rig.segmenter.go.set()
    totals(rig.b)
    rig.worker.stop()
    assert rig.events[3:] == [("ids", "/a", 4), ("classes", "/a", 4), ("ids", "/b", 9), ("classes", "/b", 9),
                              ("pictures", "/a", 4), ("pictures", "/b", 9)]


def test_a_broken_frame_is_dropped_from_its_batch_and_warned_of_once(rig):
    rig.segmenter.go.set()
    totals(rig.a)
    for content in (5, 6):
        rig.worker.offer(rig.b, message("broken"))
        rig.worker.offer(rig.a, message(content))
        totals(rig.a), totals(rig.b)
    assert totals(rig.a) == (3, 3, {})
    assert totals(rig.b) == (2, 0, {"wrong step": 2})
    assert rig.log == ["/b/image_raw: frame dropped: wrong step: step 1"]


def test_a_frame_older_than_max_age_is_dropped_and_one_without_stamp_is_not(rig):
    rig.segmenter.go.set()
    totals(rig.a)
    rig.worker.offer(rig.a, message(5, stamp_s=94))
    assert totals(rig.a) == (2, 1, {STALE: 1})
    rig.worker.offer(rig.a, message(5, stamp_s=96))
    assert totals(rig.a) == (3, 2, {STALE: 1})
    assert rig.log == ["/a/image_raw: frame dropped: a frame is 6.00 s old, max_age_ms is 5000"]


def test_a_batch_that_fails_is_counted_and_named_and_the_worker_goes_on(rig):
    rig.worker.offer(rig.a, message(66))
    rig.worker.offer(rig.b, message(9))
    rig.segmenter.go.set()
    assert totals(rig.b) == (1, 0, {FAILED: 1})
    rig.worker.offer(rig.b, message(10))
    assert totals(rig.b) == (2, 1, {FAILED: 1})
    assert totals(rig.a) == (2, 1, {FAILED: 1})
    assert rig.log[0].startswith("a frame of /a, a frame of /b failed: ")
    assert "RuntimeError: bad batch" in rig.log[0]


def test_drawing_that_fails_is_logged_and_fails_no_frame(rig):
    rig.worker.offer(rig.a, message(13))
    rig.segmenter.go.set()
    totals(rig.a)
    rig.worker.offer(rig.a, message(14))
    assert totals(rig.a) == (3, 3, {})
    assert rig.log[0].startswith("drawing for viewers failed: ")


def test_stop_finishes_the_batch_in_hand_and_takes_no_more(rig):
    rig.worker.offer(rig.a, message(2))
    stopper = threading.Thread(target=rig.worker.stop)
    stopper.start()
    rig.segmenter.go.set()
    stopper.join(10)
    assert not rig.worker.alive
    assert rig.segmenter.batches[0] == [1]
    assert ("ids", "/a", 1) in rig.events
    rig.worker.offer(rig.a, message(3))
    assert 3 not in sum(rig.segmenter.batches, [])
