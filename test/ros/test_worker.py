"""What the worker makes of waiting frames, with cameras and a pipeline that only take notes."""

import sys
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed: pip install .[ros]")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built: make test builds it")

from instance_seg_node.errors import FrameError, InputError  # noqa: E402
from instance_seg_node.pipelines.pipeline import EngineFault  # noqa: E402
from instance_seg_node.ros import engine_life, worker  # noqa: E402
from instance_seg_node.ros.camera_record import FAILED, NO_ENGINE, REPLACED, STALE, CameraRecord  # noqa: E402
from instance_seg_node.ros.camera_state import ERROR  # noqa: E402
from instance_seg_node.ros.worker import Worker  # noqa: E402

pytestmark = pytest.mark.ros
NOW_NS = 100 * 10**9


class Camera:
    """Notes in `events`, which all cameras of a test share, what it was asked to publish."""

    def __init__(self, name: str, events: list):
        self.name, self.input_topic, self.events = name, f"{name}/image_raw", events
        self.record = CameraRecord(0, 0)

    def publish_ids(self, header, instances, stages) -> None:
        self.events.append(("ids", self.name, instances))

    def publish_classes(self, header, instances, result, stages) -> None:
        self.events.append(("classes", self.name, instances))

    def publish_pictures(self, header, result, stages) -> None:
        self.events.append(("pictures", self.name, result.instances))
        if result.instances == 13:
            raise RuntimeError("no ink")


class Pipeline:
    """Finds in a message what is written in it, once `go` is set. Fails if that is 66; a fault if it is 77, or, when
    its turn to be finished comes, 88. opened, closed: how often; `faults` of the next openings are raised."""

    description, stage = "a stand-in", ""

    def __init__(self, depth: int):
        self.depth, self.stage_ms, self.batches, self.under_way = depth, {}, [], []
        self.go, self.busy, self.opened, self.closed, self.faults = threading.Event(), threading.Event(), 0, 0, []

    def open(self, cancelled) -> None:
        self.opened += 1
        if self.faults:
            raise self.faults.pop(0)

    def close(self) -> None:
        self.under_way.clear()
        self.closed += 1

    def start(self, messages) -> None:
        contents = [message.content for message in messages.values()]
        self.batches.append(contents)
        self.busy.set()
        assert self.go.wait(10)
        if 66 in contents:
            raise RuntimeError("bad batch")
        if 99 in contents:
            sys.exit("a library that thinks it owns the process")
        if 77 in contents:
            raise EngineFault("the GPU fell off the bus")
        self.under_way.append(messages)

    def finish(self) -> dict:
        messages = self.under_way.pop(0)
        if 88 in [message.content for message in messages.values()]:
            raise EngineFault("an illegal address was used")
        return {camera: FrameError("wrong step", "step 1") if message.content == "broken"
                else SimpleNamespace(instances=message.content) for camera, message in messages.items()}


class Log(list):
    def warning(self, text: str) -> None:
        self.append(text)

    info = error = warning


def message(content, stamp_s: int = 0) -> SimpleNamespace:
    header = SimpleNamespace(stamp=SimpleNamespace(sec=stamp_s, nanosec=0), frame_id="")
    return SimpleNamespace(content=content, header=header, width=1, height=1, encoding="rgb8")


@pytest.fixture(params=[1, 2], ids=["one batch at a time", "two batches at once"])
def rig(request, monkeypatch):
    """Two cameras /a and /b, a worker that has begun with a first frame (1) of /a, and what they note."""
    monkeypatch.setattr(engine_life, "BACK_OFF_S", (0.01, 0.02))
    monkeypatch.setattr(engine_life, "WELL_S", 0.0)
    rig = SimpleNamespace(events=[], pipeline=Pipeline(request.param), log=Log())
    rig.a, rig.b = Camera("/a", rig.events), Camera("/b", rig.events)
    clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=NOW_NS))
    rig.worker = Worker(rig.pipeline, clock, rig.log, max_age_ms=5000)
    rig.worker.start()
    rig.worker.offer(rig.a, message(1))
    assert rig.pipeline.busy.wait(10)
    yield rig
    rig.pipeline.go.set()
    rig.worker.stop()
    assert not rig.worker.alive
    assert rig.pipeline.closed > 0


def until(true) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


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
    rig.pipeline.go.set()
    assert totals(rig.a) == (4, 2, {REPLACED: 2})
    assert totals(rig.b) == (1, 1, {})
    assert rig.pipeline.batches == [[1], [4, 9]]


def test_all_masks_go_out_before_any_picture_is_drawn(rig):
    rig.worker.offer(rig.a, message(4))
    rig.worker.offer(rig.b, message(9))
    rig.pipeline.go.set()
    totals(rig.b)
    rig.worker.stop()
    assert rig.events[3:] == [("ids", "/a", 4), ("classes", "/a", 4), ("ids", "/b", 9), ("classes", "/b", 9),
                              ("pictures", "/a", 4), ("pictures", "/b", 9)]


def test_a_broken_frame_is_dropped_from_its_batch_and_warned_of_once(rig):
    rig.pipeline.go.set()
    totals(rig.a)
    for content in (5, 6):
        rig.worker.offer(rig.b, message("broken"))
        rig.worker.offer(rig.a, message(content))
        totals(rig.a), totals(rig.b)
    assert totals(rig.a) == (3, 3, {})
    assert totals(rig.b) == (2, 0, {"wrong step": 2})
    assert rig.log == ["engine: a stand-in", "/b/image_raw: frame dropped: wrong step: step 1"]


def test_a_frame_older_than_max_age_is_dropped_and_one_without_stamp_is_not(rig):
    rig.pipeline.go.set()
    totals(rig.a)
    rig.worker.offer(rig.a, message(5, stamp_s=94))
    assert totals(rig.a) == (2, 1, {STALE: 1})
    rig.worker.offer(rig.a, message(5, stamp_s=96))
    assert totals(rig.a) == (3, 2, {STALE: 1})
    assert rig.log[1:] == ["/a/image_raw: frame dropped: a frame is 6.00 s old, max_age_ms is 5000"]


def test_a_batch_that_fails_is_counted_and_named_and_the_worker_goes_on(rig):
    rig.worker.offer(rig.a, message(66))
    rig.worker.offer(rig.b, message(9))
    rig.pipeline.go.set()
    assert totals(rig.b) == (1, 0, {FAILED: 1})
    rig.worker.offer(rig.b, message(10))
    assert totals(rig.b) == (2, 1, {FAILED: 1})
    assert totals(rig.a) == (2, 1, {FAILED: 1})
    assert rig.log[1].startswith("a frame of /a, a frame of /b failed: ")
    assert "RuntimeError: bad batch" in rig.log[1]


def test_drawing_that_fails_is_logged_and_fails_no_frame(rig):
    rig.worker.offer(rig.a, message(13))
    rig.pipeline.go.set()
    totals(rig.a)
    rig.worker.offer(rig.a, message(14))
    assert totals(rig.a) == (3, 3, {})
    assert rig.log[1].startswith("drawing for viewers failed: ")


def test_stop_finishes_the_batch_in_hand_and_takes_no_more(rig):
    rig.worker.offer(rig.a, message(2))
    stopper = threading.Thread(target=rig.worker.stop)
    stopper.start()
    rig.pipeline.go.set()
    stopper.join(10)
    assert not rig.worker.alive
    assert rig.pipeline.batches[0] == [1]
    assert ("ids", "/a", 1) in rig.events
    rig.worker.offer(rig.a, message(3))
    assert 3 not in sum(rig.pipeline.batches, [])


@pytest.mark.parametrize("number", [77, 88], ids=["at its start", "at its end"])
def test_a_fault_fails_what_is_under_way_and_the_engine_is_opened_again(rig, number):
    rig.pipeline.go.set()
    totals(rig.a)
    rig.worker.offer(rig.b, message(number))
    assert totals(rig.b) == (1, 0, {FAILED: 1})
    until(lambda: rig.worker.engine.is_open)
    assert (rig.pipeline.opened, rig.pipeline.closed) == (2, 1)
    rig.worker.offer(rig.b, message(3))
    assert totals(rig.b) == (2, 1, {FAILED: 1})
    assert any("It is opened again after 0.01 s (failure 1 of 3)" in line for line in rig.log)


def test_frames_that_come_while_there_is_no_engine_are_counted(rig, monkeypatch):
    monkeypatch.setattr(engine_life, "BACK_OFF_S", (1000.0,))
    rig.pipeline.go.set()
    totals(rig.a)
    rig.worker.offer(rig.b, message(77))
    assert totals(rig.b) == (1, 0, {FAILED: 1})
    assert (rig.worker.engine.state.name, rig.worker.engine.state.level) == ("engine failed", ERROR)
    rig.worker.offer(rig.b, message(3))
    assert totals(rig.b) == (2, 0, {FAILED: 1, NO_ENGINE: 1})


def test_after_three_failures_in_a_row_the_engine_is_left_alone_and_the_worker_lives(rig):
    rig.pipeline.go.set()
    totals(rig.a)
    rig.pipeline.faults = [EngineFault("no memory")] * 5
    rig.worker.offer(rig.a, message(77))
    until(lambda: "left alone" in rig.worker.engine.state.text)
    assert rig.pipeline.opened == 3
    rig.worker.offer(rig.a, message(3))
    assert totals(rig.a) == (3, 1, {FAILED: 1, NO_ENGINE: 1})
    assert rig.worker.alive
    assert "EngineFault" not in rig.worker.engine.state.text
    assert rig.worker.engine.state.level == ERROR


def test_a_batch_that_goes_through_ends_the_count_of_failures(rig):
    rig.pipeline.go.set()
    for number in range(1, 6):
        rig.worker.offer(rig.b, message(77))
        totals(rig.b)
        until(lambda: rig.worker.engine.is_open)
        rig.worker.offer(rig.b, message(3))
        assert totals(rig.b) == (2 * number, number, {FAILED: number})


def test_failures_that_come_after_a_batch_or_two_are_in_a_row_all_the_same(rig, monkeypatch):
    monkeypatch.setattr(engine_life, "WELL_S", 1000.0)
    rig.pipeline.go.set()
    totals(rig.a)
    for number in range(1, 4):
        rig.worker.offer(rig.b, message(77))
        totals(rig.b)
        if number < 3:
            until(lambda: rig.worker.engine.is_open)
            rig.worker.offer(rig.b, message(3))
            totals(rig.b)
    assert "left alone" in rig.worker.engine.state.text


def test_what_only_the_user_can_mend_is_not_tried_again():
    pipeline, camera = Pipeline(1), Camera("/a", [])
    pipeline.faults = [InputError("the plan cannot be built: no such GPU")]
    alone = Worker(pipeline, SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=NOW_NS)), Log(), max_age_ms=5000)
    alone.start()
    until(lambda: alone.engine.state.text == "the plan cannot be built: no such GPU")
    alone.offer(camera, message(3))
    assert totals(camera) == (1, 0, {NO_ENGINE: 1})
    assert pipeline.opened == 1
    alone.stop()


def test_what_seems_to_be_the_users_is_tried_again_where_it_has_worked_before(rig):
    rig.pipeline.go.set()
    totals(rig.a)
    rig.pipeline.faults = [InputError("there is no GPU here")]
    rig.worker.offer(rig.a, message(77))
    until(lambda: rig.pipeline.opened == 3)
    until(lambda: rig.worker.engine.is_open)


def test_a_pipeline_that_cannot_be_closed_is_said(rig):
    rig.pipeline.go.set()
    totals(rig.a)

    def close():
        rig.pipeline.closed += 1
        raise EngineFault("the GPU is gone")

    rig.pipeline.close = close
    rig.worker.stop()
    assert rig.log[-1] == "engine: not all could be given back: the GPU is gone"


def test_nothing_of_a_fault_is_alive_when_the_pipeline_is_closed(rig):
    class Memory:
        pass

    seen = []
    rig.pipeline.go.set()
    totals(rig.a)
    start, close = rig.pipeline.start, rig.pipeline.close

    def failing(messages):
        memory = Memory()
        seen.append(weakref.ref(memory))
        raise EngineFault("an illegal address was used") from RuntimeError(f"of {type(memory).__name__}")

    def closing():
        seen.append(seen[0]() is None)
        close()

    rig.pipeline.start, rig.pipeline.close = failing, closing
    rig.worker.offer(rig.b, message(3))
    until(lambda: len(seen) > 1)
    rig.pipeline.start, rig.pipeline.close = start, close
    assert seen[1] is True


def test_what_the_worker_does_and_for_how_long_can_be_asked(rig):
    stage, seconds, frames = rig.worker.busy()
    assert (stage, frames) == ("segment", 1)
    until(lambda: rig.worker.busy()[1] > seconds)
    rig.pipeline.stage = "network"
    assert rig.worker.busy()[0] == "network"
    rig.pipeline.go.set()
    totals(rig.a)
    until(lambda: rig.worker.busy() is None)


def test_a_batch_is_started_while_another_is_under_way_if_the_pipeline_takes_two(rig):
    order, start, finish = [], rig.pipeline.start, rig.pipeline.finish
    rig.pipeline.start = lambda messages: (start(messages), order.append("start"))
    rig.pipeline.finish = lambda: (order.append("finish"), finish())[1]
    rig.worker.offer(rig.b, message(2))
    rig.pipeline.go.set()
    totals(rig.b)
    assert order == {1: ["finish", "start", "finish"], 2: ["start", "finish", "finish"]}[rig.pipeline.depth]


def test_a_thread_that_ends_says_what_ended_it_and_no_frame_is_forgotten(rig):
    rig.worker.offer(rig.a, message(99))
    rig.worker.offer(rig.b, message(2))
    rig.pipeline.go.set()
    until(lambda: not rig.worker.alive)
    assert rig.worker.died == "SystemExit: a library that thinks it owns the process"
    assert totals(rig.a) == {1: (2, 1, {FAILED: 1}), 2: (2, 0, {FAILED: 2})}[rig.pipeline.depth]
    assert totals(rig.b) == (1, 0, {FAILED: 1})
    until(lambda: rig.pipeline.closed == 1)
    rig.worker.offer(rig.b, message(3))
    assert totals(rig.b) == (2, 0, {FAILED: 2})


def test_a_thread_that_ends_amid_publishing_fails_no_frame_that_is_out(rig):
    def publish(header, instances, stages):
        sys.exit("a library that thinks it owns the process")

    rig.b.publish_ids = publish
    rig.worker.offer(rig.a, message(4))
    rig.worker.offer(rig.b, message(9))
    rig.pipeline.go.set()
    until(lambda: not rig.worker.alive)
    assert totals(rig.a) == (2, 2, {})
    assert totals(rig.b) == (1, 0, {FAILED: 1})


def test_a_thread_that_hangs_is_left_behind_and_named(rig, monkeypatch):
    monkeypatch.setattr(worker, "STOP_S", 0.05)
    rig.pipeline.stage = "network"
    with pytest.raises(RuntimeError, match=r"hangs in network, for \d+ s now, and is left behind. Restart the node"):
        rig.worker.stop()
    rig.pipeline.go.set()
    until(lambda: not rig.worker.alive)
