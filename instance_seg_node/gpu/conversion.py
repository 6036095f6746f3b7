"""Camera messages made the network's input in the memory of a device."""

from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np

from ..encodings import checked
from .device import Array, Device
from .shrinking import RULES, SPAN, shrinking

THREADS = 128

MESSAGE = np.dtype([("step", np.int64), ("height", np.int32), ("width", np.int32), ("samples", np.int32),
                    ("sample_bytes", np.int32), ("high_byte", np.int32), ("places", np.int32, 3)], align=True)

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


class Layout(NamedTuple):
    """All that messages have in common that are converted alike: of a picture of `height` and `width`, `data_bytes`
    long. kernel: that converts it. message: its MESSAGE."""

    height: int
    width: int
    data_bytes: int
    kernel: str
    message: bytes


def layout_of(message) -> Layout:
    """That of a sensor_msgs/Image. Raises FrameError as ``rgb_of_image`` does."""
    encoding, height = checked(message)
    kernel, places = COLOURS[encoding.to_rgb]
    fields = np.array((message.step, height, message.width, encoding.samples, encoding.sample_bytes,
                       encoding.high_byte(message.is_bigendian), places), MESSAGE)
    return Layout(height, message.width, len(message.data), kernel, fields.tobytes())


class Conversion:
    """``rgb_of_image`` and ``shrink`` for one camera, in one launch.

    The result is theirs bit for bit with OpenCV 5.0 on x86-64. An OpenCV for processors that fuse multiplication and
    addition may differ by one level, in less than one of 100 values, where the camera is larger by fractions.
    """

    def __init__(self, device: Device, layout: Layout):
        self._device, self._layout = device, layout
        self._message = np.frombuffer(layout.message, MESSAGE)[0]
        self._staged = device.host((layout.data_bytes,), np.uint8)
        self._data = device.array((layout.data_bytes,), np.uint8)
        self._tables: dict[tuple[int, int], tuple] = {}

    def load(self, message) -> None:
        """Keep the bytes of a message of this layout, once those of the one before have been sent."""
        np.copyto(self._staged, np.frombuffer(message.data, np.uint8))

    def send(self) -> None:
        """Send the bytes that were loaded, without waiting for it."""
        self._device.send(self._data, self._staged)

    def __call__(self, batch: Array, slot: int) -> None:
        """Fill `batch[slot]` with the picture that was sent, without waiting for it. batch: uint8 (N, h, w, 3)."""
        _, height, width, _ = batch.shape
        self._device.launch(self._layout.kernel, (-(-width // THREADS), height), THREADS, self._data, self._message,
                            *self._shrinking(height, width), batch, np.int32(slot), np.int32(height), np.int32(width))

    def _shrinking(self, height: int, width: int) -> tuple:
        """The kernel's arguments for a size of the result; its tables are uploaded once."""
        if (height, width) not in self._tables:
            halvings, rule, *spans = shrinking((self._layout.height, self._layout.width), (height, width))
            arrays = [self._device.array(axis.shape, SPAN) for axis in spans]
            for array, axis in zip(arrays, spans, strict=True):
                self._device.upload(array, axis)
            self._tables[height, width] = np.int32(halvings), np.int32(RULES[rule]), *arrays
        return self._tables[height, width]
