"""Bags for tests: written by rosbags, read back by rosbags, without any code of the package."""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

ROS1, ROS2 = get_typestore(Stores.ROS1_NOETIC), get_typestore(Stores.ROS2_HUMBLE)

KINDS = {
    "mcap": (StoragePlugin.MCAP, CompressionMode.NONE),
    "mcap, zstd in chunks": (StoragePlugin.MCAP, CompressionMode.STORAGE),
    "mcap, zstd per message": (StoragePlugin.MCAP, CompressionMode.MESSAGE),
    "mcap, zstd per file": (StoragePlugin.MCAP, CompressionMode.FILE),
    "sqlite3": (StoragePlugin.SQLITE3, CompressionMode.NONE),
    "sqlite3, zstd per message": (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    "sqlite3, zstd per file": (StoragePlugin.SQLITE3, CompressionMode.FILE),
}


def image(rgb: np.ndarray, stamp: tuple[int, int], *, frame_id: str = "camera_optical", ros1: bool = False):
    """sensor_msgs/Image, bgr8, with rows padded by 5 bytes."""
    height, width, _ = rgb.shape
    rows = np.full((height, width * 3 + 5), 77, np.uint8)
    rows[:, :width * 3] = rgb[:, :, ::-1].reshape(height, -1)
    return _types(ros1)["sensor_msgs/msg/Image"](
        header=_header(stamp, frame_id, ros1), height=height, width=width, encoding="bgr8", is_bigendian=0,
        step=width * 3 + 5, data=rows.ravel())


def compressed(rgb: np.ndarray, stamp: tuple[int, int], *, frame_id: str = "camera_optical", ros1: bool = False):
    """sensor_msgs/CompressedImage, lossless."""
    file = cv2.imencode(".png", rgb[:, :, ::-1])[1].ravel()
    return _types(ros1)["sensor_msgs/msg/CompressedImage"](
        header=_header(stamp, frame_id, ros1), format="bgr8; png compressed bgr8", data=file)


def write_bag(path: Path, recorded: list[tuple], kind: str = "mcap") -> Path:
    """A rosbag2 of (topic, log_ns, message or (type, bytes)), in that order."""
    plugin, compression = KINDS[kind]
    writer = Writer(path, version=8, storage_plugin=plugin)
    if compression != CompressionMode.NONE:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        _write(writer, ROS2, ROS2.serialize_cdr, recorded)
    return path


def write_bag1(path: Path, recorded: list[tuple]) -> Path:
    with Writer1(path) as writer:
        _write(writer, ROS1, ROS1.serialize_ros1, recorded)
    return path


def read_bag(path: Path) -> dict[str, list[tuple]]:
    """Topic -> its (log_ns, message), with the types that the bag itself brings."""
    found = defaultdict(list)
    with AnyReader([path]) as reader:
        for connection, log_ns, raw in reader.messages():
            found[connection.topic].append((log_ns, reader.deserialize(raw, connection.msgtype)))
    return dict(found)


def pixels(message) -> np.ndarray:
    """The values of a mono16 or mono8 image."""
    sample = {"mono16": "<u2", "mono8": "u1"}[message.encoding]
    return message.data.view(sample).reshape(message.height, message.width)


def plain(header) -> SimpleNamespace:
    """A header as values that compare, whatever class it is of."""
    return SimpleNamespace(sec=header.stamp.sec, nanosec=header.stamp.nanosec, frame_id=header.frame_id)


def _write(writer, store, serialize, recorded):
    connections = {}
    for topic, log_ns, message in recorded:
        kind = message[0] if isinstance(message, tuple) else message.__msgtype__
        if topic not in connections:
            connections[topic] = writer.add_connection(topic, kind, typestore=store)
        writer.write(connections[topic], log_ns, message[1] if isinstance(message, tuple) else serialize(message, kind))


def _types(ros1: bool):
    return (ROS1 if ros1 else ROS2).types


def _header(stamp: tuple[int, int], frame_id: str, ros1: bool):
    time = _types(ros1)["builtin_interfaces/msg/Time"](sec=stamp[0], nanosec=stamp[1])
    sequence = {"seq": 7} if ros1 else {}
    return _types(ros1)["std_msgs/msg/Header"](stamp=time, frame_id=frame_id, **sequence)
