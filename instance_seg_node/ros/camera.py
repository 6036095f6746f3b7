"""One camera of the node: what comes in, what goes out, and what became of each frame."""

from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray, LabelInfo

from ..instances import Instances
from ..model_spec import ModelSpec
from ..pipelines.pipeline import Result
from .camera_record import CameraRecord, Look
from .messages import KeptDetections, KeptImage, jpeg, label_info, png
from .stage_times import StageTimes

OUTPUTS = {
    "instances": Image,
    "classes": Image,
    "detections": Detection2DArray,
    "label_info": LabelInfo,
    "overlay": Image,
    "overlay/compressed": CompressedImage,
    "instances/compressed": CompressedImage,
}
"""Topic below <camera>/instance_seg -> type."""

TRANSPORTS: dict[str, tuple[str, type]] = {
    "raw": ("image_raw", Image),
    "compressed": ("image_raw/compressed", CompressedImage),
}
"""Value of parameter `transport` -> topic below <camera>, type."""


def input_qos() -> QoSProfile:
    """Best effort reaches every camera, reliable or not (REP-2003)."""
    return QoSProfile(history=qos_profile_sensor_data.history, depth=qos_profile_sensor_data.depth,
                      reliability=qos_profile_sensor_data.reliability, durability=qos_profile_sensor_data.durability)


def output_qos(topic: str) -> QoSProfile:
    """Reliable reaches every subscriber; label_info also whoever comes later."""
    if topic == "label_info":
        return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE)
    return QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)


@dataclass(frozen=True)
class Received:
    """A message and when it came, by the steady clock."""

    message: Any
    arrived_s: float


def look_of(message: Any) -> Look:
    """What is to be seen of a message without decoding it."""
    if isinstance(message, CompressedImage):
        return Look(message.format, message.header.frame_id)
    return Look(f"{message.width} x {message.height} {message.encoding}", message.header.frame_id)


class Camera:
    """A camera namespace between configure and cleanup; `record` starts anew with each activation."""

    def __init__(self, node: LifecycleNode, camera: str, transport: str, spec: ModelSpec):
        self.name = node.resolve_topic_name(camera)
        topic, self.input_type = TRANSPORTS[transport]
        self.input_topic = node.resolve_topic_name(f"{camera}/{topic}")
        self.record: CameraRecord | None = None
        self.incompatible = ""
        self._outputs = f"{camera}/instance_seg"
        self._spec = spec
        self._publishers: dict[str, LifecyclePublisher] = {}
        self._ids = KeptImage("mono16", "uint16")
        self._classes = KeptImage("mono8", "uint8")
        self._overlay = KeptImage("rgb8", "uint8", channels=3)
        self._detections = KeptDetections()

    def announce(self, node: LifecycleNode) -> None:
        """Put the outputs on the network. If that raises, destroy() takes back what is there."""
        for output, kind in OUTPUTS.items():
            self._publishers[output] = node.create_lifecycle_publisher(
                kind, f"{self._outputs}/{output}", output_qos(output),
                qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def publish_ids(self, header: Header, instances: Instances, stages: StageTimes) -> None:
        """The id map, before anything else is computed."""
        with stages.measure("fill ids"):
            self._ids.pixels(header, *instances.id_map.shape)[:] = instances.id_map
        with stages.measure("publish ids"):
            self._publishers["instances"].publish(self._ids.message)

    def publish_classes(self, header: Header, instances: Instances, result: Result, stages: StageTimes) -> None:
        """What each id is: detections and the class map."""
        with stages.measure("detections"):
            self._publishers["detections"].publish(self._detections.fill(header, instances))
        with stages.measure("classes"):
            result.class_map(self._classes.pixels(header, *instances.id_map.shape))
            self._publishers["classes"].publish(self._classes.message)

    def publish_pictures(self, header: Header, result: Result, stages: StageTimes) -> None:
        """The outputs that take long, those of them that someone subscribes to."""
        if self._wanted("instances/compressed"):
            with stages.measure("png"):
                self._publishers["instances/compressed"].publish(png(header, result.instances.id_map))
        if not (self._wanted("overlay") or self._wanted("overlay/compressed")):
            return
        with stages.measure("overlay"):
            pixels = self._overlay.pixels(header, *result.instances.id_map.shape)
            result.overlay(pixels)
            if self._wanted("overlay"):
                self._publishers["overlay"].publish(self._overlay.message)
            if self._wanted("overlay/compressed"):
                self._publishers["overlay/compressed"].publish(jpeg(header, pixels))

    def publish_label_info(self, seed_threshold: float, stamp) -> None:
        """What the class ids mean."""
        self._publishers["label_info"].publish(label_info(self._spec, seed_threshold, stamp))

    def destroy(self, node: LifecycleNode) -> None:
        """Take the outputs off the network."""
        for publisher in self._publishers.values():
            node.destroy_lifecycle_publisher(publisher)

    def _wanted(self, output: str) -> bool:
        return self._publishers[output].get_subscription_count() > 0
