"""Instances as messages. Their memory is kept between frames, because filling anew costs more than the network's share.

A message made here is overwritten by the next call on the same object: publish it before that.
"""

import array
import sys

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
)

from ..drawing import jpeg_file
from ..instances import Instances
from ..model_spec import ModelSpec

PNG_LEVEL = 1  # 20 ms at 1080p where level 9 takes 47 ms for a third of the size


class KeptImage:
    """A sensor_msgs/Image that keeps its memory while the size stays. sample: NumPy name of one value's type."""

    def __init__(self, encoding: str, sample: str, channels: int = 1):
        self.message = Image(encoding=encoding, is_bigendian=int(sys.byteorder == "big"))
        self._sample = np.dtype(sample)
        self._channels = channels
        self._pixels: np.ndarray | None = None

    def pixels(self, header: Header, height: int, width: int) -> np.ndarray:
        """The message's own memory, (H, W) or (H, W, channels), for the caller to write."""
        message = self.message
        message.header = header
        if self._pixels is None or (message.height, message.width) != (height, width):
            message.height, message.width = height, width
            message.step = width * self._channels * self._sample.itemsize
            # Assigning anything but an array.array costs 0.3 s for 6 MB, and some distributions copy even that,
            # so the memory is taken from the message afterwards.
            message.data = array.array("B", bytes(height * message.step))
            shape = (height, width) if self._channels == 1 else (height, width, self._channels)
            self._pixels = np.frombuffer(message.data, self._sample).reshape(shape)
        return self._pixels


class KeptDetections:
    """A vision_msgs/Detection2DArray that keeps its detections: making one takes longer than filling twenty."""

    def __init__(self):
        self.message = Detection2DArray()
        self._kept: list[Detection2D] = []

    def fill(self, header: Header, instances: Instances) -> Detection2DArray:
        """Row k-1: id = str(k), box, class id as a string, score."""
        while len(self._kept) < len(instances):
            self._kept.append(Detection2D(id=str(len(self._kept) + 1), results=[ObjectHypothesisWithPose()]))
        rows = zip(self._kept, instances.class_ids.tolist(), instances.scores.tolist(), instances.boxes.tolist(),
                   strict=False)
        for detection, class_id, score, (x0, y0, x1, y1) in rows:
            detection.header = header
            hypothesis = detection.results[0].hypothesis
            hypothesis.class_id, hypothesis.score = str(class_id), score
            box = detection.bbox
            box.center.position.x, box.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
            box.size_x, box.size_y = x1 - x0, y1 - y0
        self.message.header = header
        self.message.detections = self._kept[:len(instances)]
        return self.message


def label_info(spec: ModelSpec, seed_threshold: float, stamp: Time) -> LabelInfo:
    """Names of the class ids in `classes` and `detections`."""
    classes = [VisionClass(class_id=i, class_name=c.name) for i, c in enumerate(spec.classes)]
    return LabelInfo(header=Header(stamp=stamp), class_map=classes, threshold=seed_threshold)


def jpeg(header: Header, rgb: np.ndarray) -> CompressedImage:
    """A picture, uint8 (H, W, 3), for people to look at."""
    return _compressed(header, "rgb8; jpeg compressed bgr8", jpeg_file(rgb))


def png(header: Header, id_map: np.ndarray) -> CompressedImage:
    """An id map, uint16 (H, W), lossless: JPEG would turn ids into other ids."""
    _, file = cv2.imencode(".png", id_map, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    return _compressed(header, "mono16; png compressed ", file)


def _compressed(header: Header, kind: str, file: np.ndarray) -> CompressedImage:
    message = CompressedImage(header=header, format=kind)
    message.data = array.array("B", file.tobytes())
    return message
