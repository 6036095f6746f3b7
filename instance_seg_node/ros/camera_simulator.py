"""Cameras for a machine that has none: streets, videos, pictures or bags on camera topics.

    ros2 run instance_seg_node camera_simulator --ros-args -p cameras:="['/front']" -p source:=drive.mp4

Every frame is stamped with the node's clock when it is sent. A street is rendered ahead, so that its rate holds; any
other source is read while it plays.
"""

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
import rclpy
from rcl_interfaces.msg import IntegerRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ..errors import InputError
from .camera_sources import Packed, Picture, open_source, street
from .messages import KeptImage, jpeg
from .spin import spin, stop_on_signals
from .transport import tune

Message = Image | CompressedImage

ENCODINGS = {
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_RGB2BGR),
    "rgba8": (4, cv2.COLOR_RGB2RGBA),
    "bgra8": (4, cv2.COLOR_RGB2BGRA),
    "mono8": (1, cv2.COLOR_RGB2GRAY),
}
"""Channels, and how OpenCV makes them from RGB."""
TRANSPORTS = {"raw": (Image, "image_raw"), "compressed": (CompressedImage, "image_raw/compressed")}
RELIABILITIES = {"best_effort": ReliabilityPolicy.BEST_EFFORT, "reliable": ReliabilityPolicy.RELIABLE}
STREET_HEIGHT, STREET_WIDTH = 720, 1280

PARAMETERS = {
    "cameras": (["/camera"], "camera namespaces; frames go to <camera>/image_raw or <camera>/image_raw/compressed"),
    "rates_hz": ([10.0], "frames per second: one for all cameras, or one for each"),
    "source": ("street", "what the cameras see: `street`, or the path of a video, picture, folder of pictures or bag"),
    "first_camera": (0, "number of the first camera: which view of the street it has, which image topic of a bag"),
    "bag_topic": ("", "image topic of the bag; empty: camera i plays the i-th"),
    "width": (0, f"pixels; with height 0 too: the source's own size, {STREET_WIDTH} x {STREET_HEIGHT} for a street"),
    "height": (0, "pixels; see width"),
    "transport": ("raw", f"one of {', '.join(TRANSPORTS)}; jpeg files travel as they are if no size is set"),
    "encoding": ("rgb8", f"of raw images, one of {', '.join(ENCODINGS)}"),
    "reliability": ("best_effort", f"one of {', '.join(RELIABILITIES)}"),
    "count": (0, "frames of each camera, after which the node ends; 0: no limit"),
    "loop": (True, "start again at the end of the source; false: the node ends there"),
    "wait_for_subscribers": (False, "a camera sends its first frame when someone subscribes"),
    "street_seed": (1, "which street"),
    "street_frames": (24, "how many frames of a street are rendered, to be shown over and over"),
}
LEAST = {"street_frames": 1}


class SimulatedCamera:
    """One camera topic. `done`: its last frame is sent."""

    def __init__(self, node: "CameraSimulator", name: str, messages: Iterator[Message], rate_hz: float):
        kind, topic = TRANSPORTS[node.setting("transport")]
        qos = QoSProfile(depth=5, reliability=RELIABILITIES[node.setting("reliability")])
        self.sent = 0
        self.done = False
        self._messages = messages
        self._waiting = node.setting("wait_for_subscribers")
        self._frame_id = f"{name.strip('/')}_optical_frame"
        self._node = node
        self._publisher = node.create_publisher(kind, f"{name.rstrip('/')}/{topic}", qos)
        # Not the node's clock: that stands still in simulated time until someone publishes /clock.
        self._timer = node.create_timer(1 / rate_hz, self._send, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._first_s = self._last_s = 0.0

    def _send(self) -> None:
        if self.done or self._waiting and not self._publisher.get_subscription_count():
            return
        self._waiting = False
        message = next(self._messages, None)
        if message is None:
            self.done = True
            self._node.stop_if_done()
            return
        message.header.frame_id = self._frame_id
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
        self._last_s = time.monotonic()
        self._first_s = self._first_s or self._last_s
        self.sent += 1

    def finish(self) -> str:
        """Wait until reliable frames have arrived, then say what was sent."""
        self._publisher.wait_for_all_acked(Duration(seconds=2))
        rate_hz = (self.sent - 1) / (self._last_s - self._first_s) if self.sent > 1 else 0.0
        return f"{self._publisher.topic_name}: {self.sent} frames sent at {rate_hz:.1f} Hz"


class CameraSimulator(Node):
    """All simulated cameras of a process, until the last has sent its last frame; then it sets `stopped`.

    Set from outside, `stopped` ends the rendering of a street. Raises InputError if the parameters or the source do
    not fit.
    """

    def __init__(self, stopped: threading.Event):
        super().__init__("camera_simulator")
        self.stopped = stopped
        for name, (default, description) in PARAMETERS.items():
            limits = IntegerRange(from_value=LEAST.get(name, 0), to_value=2**31 - 1, step=1)
            self.declare_parameter(name, default, ParameterDescriptor(
                description=description, read_only=True, integer_range=[limits] if type(default) is int else []))
        wrong = self._problems()
        if wrong:
            raise InputError("; ".join(wrong))
        names, rates = self.setting("cameras"), list(self.setting("rates_hz"))
        rates *= len(names) if len(rates) == 1 else 1
        played = [self._messages(index, rate_hz) for index, rate_hz in enumerate(rates, self.setting("first_camera"))]
        self.cameras = [SimulatedCamera(self, name, itertools.islice(messages, self.setting("count") or None), rate_hz)
                        for name, messages, rate_hz in zip(names, played, rates, strict=True)]

    def setting(self, name: str):
        """The value of a parameter."""
        return self.get_parameter(name).value

    def stop_if_done(self) -> None:
        """Called by a camera that has sent its last frame."""
        if all(camera.done for camera in self.cameras):
            self.stopped.set()

    def _problems(self) -> list[str]:
        choices = {"transport": TRANSPORTS, "encoding": ENCODINGS, "reliability": RELIABILITIES}
        wrong = [f"{name} must be one of {', '.join(known)}, got {self.setting(name)!r}"
                 for name, known in choices.items() if self.setting(name) not in known]
        cameras, rates = self.setting("cameras"), list(self.setting("rates_hz"))
        if not cameras or len(set(cameras)) < len(cameras) or not all(name.strip("/") for name in cameras):
            wrong.append(f"cameras must name at least one camera, each once, got {cameras}")
        if len(rates) not in (1, len(cameras)) or not all(0 < rate <= 1000 for rate in rates):
            wrong.append(f"rates_hz must be one rate, or one for each of {len(cameras)} cameras, above 0 and at most "
                         f"1000, got {rates}")
        if (self.setting("width") == 0) != (self.setting("height") == 0):
            wrong.append("width and height must both be set, or neither")
        return wrong

    def _messages(self, camera_index: int, rate_hz: float) -> Iterator[Message]:
        if self.setting("source") == "street":
            prepared = self._street(camera_index, rate_hz)
            return _rounds(lambda: prepared, self.setting("loop"))
        source = open_source(self.setting("source"), camera_index=camera_index, bag_topic=self.setting("bag_topic"))
        return _rounds(lambda: self._filled(source()), self.setting("loop"))

    def _street(self, camera_index: int, rate_hz: float) -> list[Message]:
        """Rendered and filled messages, each with memory of its own."""
        count = self.setting("street_frames")
        pictures = street(seed=self.setting("street_seed"), camera_index=camera_index, frames=count, rate_hz=rate_hz,
                          height=self.setting("height") or STREET_HEIGHT, width=self.setting("width") or STREET_WIDTH)
        started, messages = time.monotonic(), []
        for picture in itertools.takewhile(lambda _: not self.stopped.is_set(), pictures):
            messages.extend(self._filled([picture]))
            self.get_logger().info(f"camera {camera_index}: {len(messages)} of {count} street frames rendered",
                                   throttle_duration_sec=5.0)
        self.get_logger().info(f"camera {camera_index}: street rendered in {time.monotonic() - started:.1f} s")
        return messages

    def _filled(self, pictures: Iterable[Picture]) -> Iterator[Message]:
        """Messages; one is overwritten when the next is asked for."""
        size = (self.setting("width"), self.setting("height"))
        if self.setting("transport") == "compressed":
            return (_compressed(picture, size) for picture in pictures)
        channels, code = ENCODINGS[self.setting("encoding")]
        kept = KeptImage(self.setting("encoding"), np.uint8, channels)
        return (_raw(_rgb(picture, size), kept, code) for picture in pictures)


def _rounds(source: Callable[[], Iterable[Message]], loop: bool) -> Iterator[Message]:
    """What the source gives, once or for ever. Raises InputError if that is nothing."""
    for number in itertools.count():
        empty = True
        for message in source():
            empty = False
            yield message
        if empty and number == 0:
            raise InputError("the source has no frames")
        if not loop or empty:
            return


def _rgb(picture: Picture, size: tuple[int, int]) -> np.ndarray:
    rgb = picture.rgb() if isinstance(picture, Packed) else picture
    if size == (0, 0) or rgb.shape[1::-1] == size:
        return rgb
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if size[0] < rgb.shape[1] else cv2.INTER_LINEAR)


def _raw(rgb: np.ndarray, kept: KeptImage, code: int | None) -> Image:
    pixels = kept.pixels(Header(), *rgb.shape[:2])
    if code is None:
        pixels[:] = rgb
    else:
        cv2.cvtColor(rgb, code, dst=pixels)
    return kept.message


def _compressed(picture: Picture, size: tuple[int, int]) -> CompressedImage:
    if isinstance(picture, Packed) and size == (0, 0):
        message = CompressedImage(format=picture.format)
        message.data.frombytes(picture.data)
        return message
    return jpeg(Header(), np.ascontiguousarray(_rgb(picture, size)))


def main(args: list[str] | None = None) -> int:
    """Run until the last frame, Ctrl-C or a problem. Returns 0, or 2 for wrong parameters or a bad source."""
    stopped = stop_on_signals()
    try:
        said = tune()
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = CameraSimulator(stopped)
        for sentence in said:
            node.get_logger().info(sentence)
        spin(node, stopped)
        for camera in node.cameras:
            node.get_logger().info(camera.finish())
    except (InputError, ParameterException) as error:
        print(f"camera_simulator: {error}", file=sys.stderr)
        return 2
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
