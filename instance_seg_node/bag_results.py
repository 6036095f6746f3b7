"""Results in a new rosbag2: complete under its name, or not there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from .bag_messages import image_in_ros2, label_info, results, typestore
from .bags import ImageTopic
from .errors import InputError
from .files.atomic_files import atomic_folder
from .instances import Instances
from .model_spec import ModelSpec

STEM = "instance_seg"
"""Of the file in every bag of ours. It stands in the metadata, so that bags of any name are the same byte for byte."""

TYPES = {
    "instances": "sensor_msgs/msg/Image",
    "classes": "sensor_msgs/msg/Image",
    "detections": "vision_msgs/msg/Detection2DArray",
    "label_info": "vision_msgs/msg/LabelInfo",
    "overlay/compressed": "sensor_msgs/msg/CompressedImage",
}
"""Topic below <camera>/instance_seg -> type."""

LABEL_INFO_EVERY_NS = 5_000_000_000


class ResultBag:
    """The results of some cameras, while they are being written. Made by `result_bag`."""

    def __init__(self, writer: Writer, topics: Sequence[ImageTopic], spec: ModelSpec, seed_threshold: float, *,
                 overlay: bool, with_input: bool):
        self._writer = writer
        self._spec, self._seed_threshold = spec, seed_threshold
        self._labelled_ns: dict[str, int] = {}
        self._connections = {}
        for topic in topics:
            for name in TYPES if overlay else [name for name in TYPES if name != "overlay/compressed"]:
                self._add(f"{topic.camera}/instance_seg/{name}", TYPES[name], latched=name == "label_info")
            if with_input:
                self._add(topic.name, topic.type)

    def write(self, camera: str, log_ns: int, header, instances: Instances, *,
              overlay: np.ndarray | None = None) -> None:
        """The results of one image, under its header and at the time it was recorded; now and then the class names."""
        if log_ns - self._labelled_ns.get(camera, -LABEL_INFO_EVERY_NS) >= LABEL_INFO_EVERY_NS:
            self._labelled_ns[camera] = log_ns
            self._put(f"{camera}/instance_seg/label_info", log_ns, label_info(header, self._spec, self._seed_threshold))
        for name, message in results(header, instances, overlay=overlay).items():
            self._put(f"{camera}/instance_seg/{name}", log_ns, message)

    def copy(self, topic: ImageTopic, log_ns: int, header, message) -> None:
        """An image of the input, in ROS 2's form."""
        self._put(topic.name, log_ns, image_in_ros2(header, message))

    def _add(self, topic: str, message_type: str, *, latched: bool = False) -> None:
        self._connections[topic] = self._writer.add_connection(
            topic, message_type, typestore=typestore(), offered_qos_profiles=[_qos(latched=latched)])

    def _put(self, topic: str, log_ns: int, message) -> None:
        connection = self._connections[topic]
        self._writer.write(connection, log_ns, typestore().serialize_cdr(message, connection.msgtype))


@contextmanager
def result_bag(out: Path, topics: Sequence[ImageTopic], spec: ModelSpec, seed_threshold: float, *,
               overlay: bool = False, with_input: bool = False, overwrite: bool = False) -> Iterator[ResultBag]:
    """A new bag (rosbag2, mcap, zstd in its chunks) that is named `out` when the block ends without error.

    Raises InputError if `out` exists, unless it is a bag and `overwrite` is set; NoRoom if the disk is full.
    """
    out = Path(out).expanduser()
    check_new(out, overwrite=overwrite)
    with atomic_folder(out, STEM) as folder:
        writer = Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP)  # 9 is unknown before Jazzy
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            yield ResultBag(writer, topics, spec, seed_threshold, overlay=overlay, with_input=with_input)
        check_new(out, overwrite=overwrite)  # another run may have finished in the meantime


def check_new(out: Path, *, overwrite: bool) -> None:
    """Raise InputError if a bag may not be written to `out`."""
    if not out.exists() and not out.is_symlink():
        return
    if not overwrite:
        raise InputError(f"{out} exists already. Choose another name, or add --overwrite")
    if not out.is_dir() or out.is_symlink() or not (out / "metadata.yaml").is_file():
        raise InputError(f"{out} is not a bag (a folder with metadata.yaml), so --overwrite does not touch it. "
                         "Choose another name")


def _qos(*, latched: bool) -> Qos:
    """What the node offers: reliable, and to late joiners where `latched`."""
    forever = QosTime(2147483647, 4294967295)
    return Qos(QosHistory.KEEP_LAST, 1 if latched else 5, QosReliability.RELIABLE,
               QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE, forever, forever,
               QosLiveliness.AUTOMATIC, forever, False)
