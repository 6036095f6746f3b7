"""Rows of docs/faults.md: what a camera, its driver or its messages do to the node."""

import time

import numpy as np
import pytest
from node_fixtures import (
    BEST_EFFORT,
    RELIABLE,
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


class Rig:
    """The node with one camera, `/camera`, whose frames are sent by hand."""

    def __init__(self, desk):  # noqa: F811
        self.desk, self.masks = desk, desk.record("/camera/instance_seg/instances", Image)
        self.camera = desk.publisher("/camera/image_raw")

    def now_ns(self) -> int:
        return self.desk.node.get_clock().now().nanoseconds

    def stream(self, done, what: str, *, hz: float = 20.0, send=None) -> None:
        """Send frames, by default of now, until `done()`."""
        send = send or (lambda: self.camera.publish(image(scene(1, *SIZE), self.now_ns())))
        end_s = time.monotonic() + 60
        while not done():
            assert time.monotonic() < end_s, f"in vain waited for {what}; diagnostics: {self.desk.states()}"
            send()
            self.desk.spend(1 / hz)

    def state(self) -> str:
        return self.desk.value("/camera", "state")

    def level(self) -> int:
        return self.desk.status("/camera").level[0]


@pytest.fixture
def rig(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}):
        desk.until_active()
        yield Rig(desk)


def test_a_camera_that_falls_silent_is_an_error_and_well_again_when_it_is_back(rig):
    rig.stream(lambda: rig.state() == "ok", "a good camera")
    rig.desk.until(lambda: rig.state() == "stale", "the silent camera")
    assert rig.level() == 2
    assert rig.desk.status("/camera").message.startswith("stale: no frame on /camera/image_raw for 1.")
    rig.stream(lambda: rig.state() == "ok", "the camera that is back")


def test_a_camera_that_nobody_publishes_is_waited_for(rig):
    rig.stream(lambda: rig.state() == "ok", "a good camera")
    rig.desk.node.destroy_publisher(rig.camera)
    rig.desk.until(lambda: "nobody publishes /camera/image_raw" in rig.desk.status("/camera").message, "nobody")


def test_a_camera_may_become_slower_and_faster(rig):
    for hz in (20.0, 1.25, 20.0):
        rig.stream(lambda hz=hz: 0.5 * hz < float(rig.desk.value("/camera", "rate (Hz)") or 0) < 1.5 * hz
                   and rig.state() == "ok", f"{hz} Hz", hz=hz)
    # Slower still than the time after which a fast camera is silent.
    rig.stream(lambda: rig.state() == "ok" and float(rig.desk.value("/camera", "last frame (s ago)")) > 1.2, "0.6 Hz",
               hz=0.6)


def test_two_publishers_of_one_topic_are_a_warning(rig):
    other = rig.desk.publisher("/camera/image_raw", qos=BEST_EFFORT)
    rig.stream(lambda: rig.state() == "two publishers", "the warning")
    assert rig.level() == 1
    assert "2 publishers send /camera/image_raw" in rig.desk.status("/camera").message
    rig.desk.node.destroy_publisher(other)
    rig.stream(lambda: rig.state() == "ok", "one publisher")


@pytest.mark.parametrize("change", ["size", "encoding", "frame_id"])
def test_a_size_an_encoding_or_a_frame_that_changes_is_followed_and_said(rig, change):
    rig.stream(lambda: rig.state() == "ok", "a good camera")
    size = (128, 256) if change == "size" else SIZE
    other = image(scene(2, *size), 7, frame_id="elsewhere" if change == "frame_id" else "optical")
    if change == "encoding":
        other.encoding, other.data = "bgr8", np.ascontiguousarray(scene(2, *size)[..., ::-1]).tobytes()
    messages = []

    def sent():
        other.header.stamp.sec, other.header.stamp.nanosec = divmod(rig.now_ns(), 10**9)
        rig.camera.publish(other)

    rig.stream(lambda: messages.append(rig.desk.status("/camera").message)
               or any(message.startswith("changed: ") for message in messages), "the warning", send=sent)
    said = next(message for message in messages if message.startswith("changed: "))
    after = {"size": "256 x 128 rgb8, optical", "encoding": "128 x 64 bgr8, optical",
             "frame_id": "128 x 64 rgb8, elsewhere"}[change]
    assert said == f"changed: frames have changed from 128 x 64 rgb8, optical to {after}"
    rig.stream(lambda: rig.state() == "ok" and rig.masks[-1].header.frame_id == other.header.frame_id
               and (rig.masks[-1].height, rig.masks[-1].width) == size, "its masks", send=sent)
    np.testing.assert_array_equal(pixels(rig.masks[-1]), expected_ids(scene(2, *size)))


@pytest.mark.parametrize(("offset_s", "state", "said"), [
    (None, "unstamped", "a stamp of zero"), (60, "future", "60.0 s in the future"), (-5, "old", "5.")])
def test_stamps_that_are_zero_in_the_future_or_old_are_a_warning_and_kept(rig, offset_s, state, said):
    def send():
        stamp = 0 if offset_s is None else rig.now_ns() + offset_s * 10**9
        rig.camera.publish(image(scene(1, *SIZE), stamp))

    rig.stream(lambda: rig.state() == state, state, send=send)
    assert rig.level() == 1
    assert said in rig.desk.status("/camera").message
    assert (stamp_ns(rig.masks[-1]) == 0) == (offset_s is None)


def test_stamps_that_go_back_are_a_warning_as_when_a_bag_loops(rig):
    rig.stream(lambda: rig.state() == "ok", "a good camera")
    states = []

    def send():
        rig.camera.publish(image(scene(1, *SIZE), rig.now_ns()))
        rig.camera.publish(image(scene(1, *SIZE), rig.now_ns() - 10**9 // 2))

    rig.stream(lambda: states.append(rig.state()) or "stamps back" in states, "the warning", send=send)
    assert rig.level() == 1
    rig.stream(lambda: rig.state() == "ok", "stamps that go on")


def test_a_camera_whose_qos_does_not_fit_is_named_with_the_policy(desk, tiny, tmp_path):  # noqa: F811
    override = {"qos_overrides./camera/image_raw.subscription.reliability": "reliable"}
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, **override}):
        desk.until_active()
        camera = desk.node.create_publisher(Image, "/camera/image_raw", BEST_EFFORT)
        desk.until(lambda: desk.value("/camera", "state") == "incompatible QoS", "the policy")
        assert "RELIABILITY" in desk.status("/camera").message
        assert desk.status("/camera").level == b"\x01"
        desk.node.destroy_publisher(camera)
        reliable = desk.publisher("/camera/image_raw", qos=RELIABLE)
        desk.deliver(reliable, image(scene(1, *SIZE), desk.node.get_clock().now().nanoseconds),
                     lambda: desk.value("/camera", "received") not in ("", "0"), "a frame of a publisher that fits")
