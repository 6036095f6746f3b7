"""Camera messages made the network's input in the memory of a device."""

from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np

from ..encodings import checked
from .device import Array, Device

THREADS = 128

MESSAGE = np.dtype([("step", np.int64), ("height", np.int32), ("width", np.int32), ("samples", np.int32),
                    ("sample_bytes", np.int32), ("high_byte", np.int32), ("places", np.int32, 3)], align=True)
SPAN = np.dtype([("first", np.int32), ("count", np.int32), ("head", np.float32), ("inner", np.float32),
                 ("tail", np.float32)])
"""The pixels that one of the network's is made of, along one axis, and the weights of the first, last and others."""

RULES = MappingProxyType({"mean": 0, "area": 1, "linear": 2})

# For each conversion code of OpenCV in ENCODINGS the kernel that computes it and where it finds colours: the samples
# of red, green and blue; column and row of the first red sample; or the bytes of luma in a pixel, of u and v in two.
# All else that kernels ask for is in the row of ENCODINGS, so that an encoding of a known code needs no other row.
COLOURS = MappingProxyType({
    None: ("convert_interleaved", (0, 1, 2)),
    cv2.COLOR_RGBA2RGB: ("convert_interleaved", (0, 1, 2)),
    cv2.COLOR_BGR2RGB: ("convert_interleaved", (2, 1, 0)),
    cv2.COLOR_BGRA2RGB: ("convert_interleaved", (2, 1, 0)),
    cv2.COLOR_GRAY2RGB: ("convert_interleaved", (0, 0, 0)),
    cv2.COLOR_BayerBG2RGB: ("convert_bayer", (0, 0, 0)),
    cv2.COLOR_BayerRG2RGB: ("convert_bayer", (1, 1, 0)),
    cv2.COLOR_BayerGR2RGB: ("convert_bayer", (0, 1, 0)),
    cv2.COLOR_BayerGB2RGB: ("convert_bayer", (1, 0, 0)),
    cv2.COLOR_YUV2RGB_UYVY: ("convert_yuv", (1, 0, 2)),
    cv2.COLOR_YUV2RGB_YUY2: ("convert_yuv", (0, 1, 3)),
    cv2.COLOR_YUV2RGB_NV12: ("convert_yuv", (0, 0, 1)),
    cv2.COLOR_YUV2RGB_NV21: ("convert_yuv", (0, 1, 0)),
})


class Conversion:
    """``rgb_of_image`` and ``shrink`` for one camera, in one launch. Its arrays are overwritten by the next call.

    The result is theirs bit for bit with OpenCV 5.0 on x86-64. An OpenCV for processors that fuse multiplication and
    addition may differ by one level, in less than one of 100 values, where the camera is larger by fractions.
    """

    def __init__(self, device: Device):
        self._device = device
        self._data: Array | None = None
        self._sizes: tuple[int, ...] = ()
        self._tables: tuple = ()

    def __call__(self, message, batch: Array, slot: int) -> tuple[int, int]:
        """Fill `batch[slot]` with the picture of a sensor_msgs/Image, without waiting for it.

        batch: uint8 (N, h, w, 3). Returns the picture's own height and width. Raises FrameError as
        ``rgb_of_image`` does, and then leaves the batch as it was.
        """
        encoding, rows = checked(message)
        kernel, places = COLOURS[encoding.to_rgb]
        _, height, width, _ = batch.shape
        self._prepare(len(message.data), (rows, message.width), (height, width))
        self._device.upload(self._data, np.frombuffer(message.data, np.uint8))
        layout = np.array((message.step, rows, message.width, encoding.samples, encoding.sample_bytes,
                           encoding.high_byte(message.is_bigendian), places), MESSAGE)[()]
        self._device.launch(kernel, (-(-width // THREADS), height), THREADS, self._data, layout, *self._tables, batch,
                            np.int32(slot), np.int32(height), np.int32(width))
        return rows, message.width

    def _prepare(self, data_bytes: int, source: tuple[int, int], target: tuple[int, int]) -> None:
        if self._sizes == (data_bytes, *source, *target):
            return
        halvings, rule, *spans = shrinking(source, target)
        columns, rows = [self._device.array(axis.shape, SPAN) for axis in spans]
        self._device.upload(columns, spans[0])
        self._device.upload(rows, spans[1])
        self._data = self._device.array((data_bytes,), np.uint8)
        self._tables = np.int32(halvings), np.int32(RULES[rule]), columns, rows
        self._sizes = (data_bytes, *source, *target)


class Shrinking(NamedTuple):
    """What ``resolution.shrink`` does: halvings first, then one of RULES. columns: SPAN (w,), rows: SPAN (h,)."""

    halvings: int
    rule: str
    columns: np.ndarray
    rows: np.ndarray


def shrinking(source: tuple[int, int], target: tuple[int, int]) -> Shrinking:
    """The steps from the camera's height and width to the network's."""
    halvings = 0
    while all(a >= 2 * b and a % 2 == 0 for a, b in zip(source, target)):
        source = source[0] // 2, source[1] // 2
        halvings += 1
    axes = list(zip(source, target))[::-1]
    if any(a < b for a, b in axes):
        return Shrinking(halvings, "linear", _between(*axes[0], pinned=True), _between(*axes[1], pinned=False))
    if all(abs(_scale(a, b) - round(_scale(a, b))) < np.finfo(float).eps for a, b in axes):
        return Shrinking(halvings, "mean", *[_whole(a, b) for a, b in axes])
    return Shrinking(halvings, "area", *[_covered(a, b) for a, b in axes])


def _scale(source: int, target: int) -> float:
    return 1 / (target / source)  # as OpenCV rounds it


def _spans(first, count, head, inner, tail) -> np.ndarray:
    spans = np.empty(first.shape, SPAN)
    for name, values in zip(SPAN.names, (first, count, head, inner, tail)):
        spans[name] = values
    return spans


def _whole(source: int, target: int) -> np.ndarray:
    count = source // target
    return _spans(np.arange(target) * count, count, 1, 1, 1)


def _covered(source: int, target: int) -> np.ndarray:
    """The pixels that each of `target` covers. As OpenCV does, less than a thousandth of one is left out."""
    scale = _scale(source, target)
    begin = np.arange(target) * scale
    end, width = begin + scale, np.minimum(scale, source - begin)
    last = np.minimum(np.floor(end), source - 1)
    first = np.minimum(np.ceil(begin), last)  # of those that are covered as a whole, up to before `last`
    part_before, part_after = first - begin > 1e-3, end - last > 1e-3
    inner = 1 / width
    tail = np.where(part_after, np.minimum(np.minimum(end - last, 1), width) / width, inner)
    head = np.where(part_before, (first - begin) / width, np.where(last > first, inner, tail))
    return _spans(first - part_before, last - first + part_before + part_after, head, inner, tail)


def _between(source: int, target: int, *, pinned: bool) -> np.ndarray:
    """The two pixels around each of `target`, which are one outside, and their weights out of 2048.

    pinned: outside, the one has all the weight. Rows share it even there, which OpenCV's rounding makes a difference.
    """
    position = ((np.arange(target) + 0.5) * _scale(source, target) - 0.5).astype(np.float32)
    first = np.floor(position)
    after = position - first
    if pinned:
        after[(first < 0) | (first >= source - 1)] = 0
    before, first, second = 1 - after, np.clip(first, 0, source - 1), np.clip(first + 1, 0, source - 1)
    return _spans(first, second - first + 1, np.rint(before * 2048), 0, np.rint(after * 2048))
