"""Rows of docs/faults.md: what a network or its engine does to the node."""

import numpy as np
import pytest
from faulty_node import ENDS_ITS_THREAD, GIVES_NAN, HANGS, THROWS
from node_fixtures import (
    desk,  # noqa: F401
    expected_ids,
    image,
    node_in,
    pixels,
    scene,
    stamp_ns,
    tiny,  # noqa: F401
)
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros
SIZE = 64, 128
MASKS = "/camera/instance_seg/instances"


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """A file that, while it is there, keeps the network hanging."""
    monkeypatch.setenv("HANGING", str(tmp_path / "hanging"))
    (tmp_path / "hanging").touch()
    return tmp_path / "hanging"


class Rig:
    """The faulty node with one camera."""

    def __init__(self, desk, node):  # noqa: F811
        self.desk, self.node = desk, node
        self.masks, self.camera = desk.record(MASKS, Image), desk.publisher("/camera/image_raw")
        self._number = 0

    def send(self, grey: int, arrived, what: str) -> None:
        """A frame that is not good."""
        self._number += 1
        self.desk.deliver(self.camera, image(np.full((*SIZE, 3), grey, np.uint8), self._number), arrived, what)

    def segment(self) -> None:
        """A good frame, whose masks must come."""
        self._number += 1
        number = self._number
        self.desk.deliver(self.camera, image(scene(number, *SIZE), number),
                          lambda: any(stamp_ns(mask) == number for mask in self.masks), f"mask {number}")
        mask = next(mask for mask in self.masks if stamp_ns(mask) == number)
        np.testing.assert_array_equal(pixels(mask), expected_ids(scene(number, *SIZE)))

    def until(self, task: str, state: str) -> str:
        """Wait until diagnostics of `task` are in a state; their message."""
        self.desk.until(lambda: self.desk.value(task, "state") == state, f"{task} {state}")
        return self.desk.status(task).message

    def level(self, task: str) -> int:
        return self.desk.status(task).level[0]


@pytest.fixture
def rig(desk, tiny, tmp_path, hanging, request):  # noqa: F811
    tracebacks = getattr(request, "param", 0)
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}, "faulty_node", tracebacks=tracebacks) as node:
        desk.until_active()
        yield Rig(desk, node)


@pytest.mark.parametrize("rig", [1], indirect=True)
def test_an_engine_that_throws_fails_the_frame_alone(rig):
    rig.segment()
    rig.send(THROWS, lambda: rig.desk.value("/camera", "state") == "failed", "the failure")
    assert (rig.level("/camera"), rig.desk.status("/camera").message) == (2, "failed: RuntimeError: the network threw")
    rig.segment()
    assert rig.desk.value("/camera", "processed") != "0"


@pytest.mark.parametrize("rig", [1], indirect=True)
def test_an_engine_that_always_throws_is_an_error_as_long_as_it_does(rig):
    for _ in range(5):
        failed = int(rig.desk.value("/camera", "dropped: failed") or 0)
        rig.send(THROWS, lambda failed=failed: int(rig.desk.value("/camera", "dropped: failed") or 0) > failed,
                 "one more failure")
        assert (rig.desk.value("/camera", "state"), rig.level("/camera")) == ("failed", 2)
    assert rig.desk.value("/camera", "processed") == "0"
    assert rig.node.output().count("a frame of /camera failed: ") == 1  # once in a while, not for each frame
    rig.segment()


def test_an_engine_that_hangs_is_named_with_its_stage_and_recovers_when_it_ends(rig, hanging):
    rig.segment()
    rig.send(HANGS, lambda: rig.desk.value("segmentation", "state") == "stuck", "the hanging network")
    assert rig.level("segmentation") == 2
    assert rig.desk.status("segmentation").message.startswith("stuck: in network for ")
    assert rig.desk.value("/camera", "received") != "0"  # frames are still taken
    hanging.unlink()
    rig.until("segmentation", "active")
    rig.segment()


@pytest.mark.parametrize("rig", [1], indirect=True)
def test_an_engine_that_hangs_for_ever_is_left_behind_when_the_node_is_deactivated(rig, hanging):
    rig.send(HANGS, lambda: rig.desk.value("segmentation", "state") == "stuck", "the hanging network")
    assert not rig.desk.change_state("deactivate")
    assert rig.desk.state() == "unconfigured"
    assert "the segmenting thread hangs in network" in rig.node.output()
    assert rig.desk.change_state("configure")
    assert rig.desk.change_state("activate")
    rig.segment()


def test_a_signal_ends_a_node_whose_engine_hangs(rig):
    rig.send(HANGS, lambda: rig.desk.value("segmentation", "state") == "stuck", "the hanging network")
    assert rig.node.end() == 0
    assert "the segmenting thread hangs in network" in rig.node.output()


def test_a_network_that_gives_nan_is_an_error_and_not_an_empty_street(rig):
    rig.segment()
    rig.send(GIVES_NAN, lambda: int(rig.desk.value("/camera", "dropped: network not finite") or 0) > 0, "the NaN")
    assert rig.level("/camera") in (1, 2)
    assert "network not finite" in rig.desk.status("/camera").message
    rig.segment()


@pytest.mark.parametrize("rig", [1], indirect=True)
def test_a_segmenting_thread_that_ends_is_an_error_and_is_started_again(rig):
    rig.segment()
    seen = []
    rig.send(ENDS_ITS_THREAD, lambda: seen.append(rig.desk.status("segmentation").message)
             or any("worker dead" in message for message in seen), "the dead worker")
    dead = next(message for message in seen if "worker dead" in message)
    assert "started again: SystemExit: a library that thinks it owns the process" in dead
    rig.until("segmentation", "active")
    assert int(rig.desk.value("segmentation", "restarts")) >= 1
    rig.segment()


def test_frames_that_take_longer_than_allowed_are_a_warning_and_then_an_error(desk, tiny, tmp_path):  # noqa: F811
    limits = {"max_allowed_processing_time_ms": 50.0, "max_acceptable_consecutive_delay_ms": 1000.0}
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, **limits}, "slow_node") as node:
        desk.until_active()
        camera, levels = desk.publisher("/camera/image_raw"), []

        def over_budget():
            if desk.value("segmentation", "state") == "over budget":
                levels.append(desk.status("segmentation").level[0])
            return 2 in levels

        while not over_budget():
            assert node.running()
            camera.publish(image(scene(1, *SIZE), 1))
            desk.spend(0.1)
        assert levels[0] == 1
        assert "max_allowed_processing_time_ms is 50" in desk.status("segmentation").message
