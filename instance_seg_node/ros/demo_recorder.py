"""What the demo sees of the node: its topics, and nothing else."""

import time
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo

from ..encodings import rgb_of_image

VIDEO_WIDTH = 1024
JPEG_QUALITY = 92
OUTPUT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@dataclass(frozen=True)
class MaskFrame:
    """One `instances` message: when it came (s, steady), its age then (node's clock minus stamp), the ids in it."""

    arrived_s: float
    age_ms: float
    ids: int


@dataclass
class CameraRecording:
    """Everything received of one camera. Keys are stamps in ns."""

    frames: dict[int, MaskFrame] = field(default_factory=dict)
    detections: dict[int, list[str]] = field(default_factory=dict)
    class_names: list[str] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    video: dict[int, np.ndarray] = field(default_factory=dict)
    pictures: list[np.ndarray] = field(default_factory=list)
    picture_due_s: float = 0.0

    def mismatches(self) -> int:
        """Frames in which the largest id and the number of detections differ."""
        both = self.frames.keys() & self.detections.keys()
        return sum(self.frames[stamp].ids != len(self.detections[stamp]) for stamp in both)


class Recorder(Node):
    """Subscribes to every output of the cameras. A full-size overlay is kept every `picture_every_s`, from then on."""

    def __init__(self, names: list[str], picture_every_s: float):
        super().__init__("demo_recorder")
        self.cameras = {name: CameraRecording() for name in names}
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.node_error = ""
        self._picture_every_s = picture_every_s
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics, OUTPUT_QOS)
        for name, camera in self.cameras.items():
            for topic, kind, callback, qos in (
                    ("instances", Image, self._instances, OUTPUT_QOS),
                    ("detections", Detection2DArray, self._detections, OUTPUT_QOS),
                    ("overlay", Image, self._overlay, OUTPUT_QOS),
                    ("label_info", LabelInfo, self._label_info, LATCHED_QOS)):
                self.create_subscription(kind, f"/{name}/instance_seg/{topic}", partial(callback, camera), qos)

    def spin(self, seconds: float) -> None:
        """Receive for a time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def _instances(self, camera: CameraRecording, message: Image) -> None:
        now_ns = self.get_clock().now().nanoseconds
        stamp_ns = _stamp_ns(message)
        ids = np.frombuffer(message.data, np.uint16)
        camera.size = (message.width, message.height)
        camera.frames[stamp_ns] = MaskFrame(time.monotonic(), (now_ns - stamp_ns) / 1e6, int(ids.max()))

    def _detections(self, camera: CameraRecording, message: Detection2DArray) -> None:
        camera.detections[_stamp_ns(message)] = [d.results[0].hypothesis.class_id for d in message.detections]

    def _label_info(self, camera: CameraRecording, message: LabelInfo) -> None:
        camera.class_names = [c.class_name for c in message.class_map]

    def _overlay(self, camera: CameraRecording, message: Image) -> None:
        rgb = rgb_of_image(message)
        height = round(message.height * VIDEO_WIDTH / message.width / 2) * 2
        small = cv2.resize(rgb, (VIDEO_WIDTH, height), interpolation=cv2.INTER_AREA)
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
        camera.video[_stamp_ns(message)] = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        now_s = time.monotonic()
        if not camera.picture_due_s:
            camera.picture_due_s = now_s + self._picture_every_s / 2
        if now_s >= camera.picture_due_s:
            camera.pictures.append(rgb.copy())
            camera.picture_due_s = now_s + self._picture_every_s

    def _diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            node, _, part = status.name.partition(": ")
            if node != "instance_seg":
                continue
            self.diagnostics[part.strip("/")] = {pair.key: pair.value for pair in status.values}
            if part == "segmentation":
                self.node_error = status.message if status.level == DiagnosticStatus.ERROR else ""


def _stamp_ns(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
