"""Camera messages to RGB: every encoding is a row of ENCODINGS.

A message is any object with the fields of sensor_msgs/Image or CompressedImage, so the ROS node and the bag reader,
which runs without ROS, share this file. `data` may be array.array, bytes or NumPy uint8. Rows may be padded (`step`).

The conversion is a view where memory already holds RGB, and one OpenCV call otherwise. Of a 16-bit sample the high
byte is kept, which is its value at 8 bits.
"""

from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from .errors import FrameError
from .image_size import image_size

MAX_SIDE = 16384
MAX_PIXELS = 2**27
"""134 megapixels. What claims to be larger is taken for garbage, before anything is allocated."""


@dataclass(frozen=True)
class Encoding:
    """How an encoding lies in memory.

    samples: values per pixel and row. to_rgb: OpenCV conversion code, None for RGB itself.
    sample_bytes: 1, or 2 in the byte order of `is_bigendian`. cell: width and height are multiples of it.
    smallest: least width and height that OpenCV converts. chroma_rows: a second plane of height/2 rows follows.
    """

    samples: int
    to_rgb: int | None
    sample_bytes: int = 1
    cell: tuple[int, int] = (1, 1)
    smallest: int = 1
    chroma_rows: bool = False

    def high_byte(self, is_bigendian: bool) -> int:
        """The place of a sample's high byte in its bytes."""
        return 0 if is_bigendian else self.sample_bytes - 1

    def data_rows(self, height: int) -> int:
        """Rows of the data of a picture of `height` rows."""
        return height * 3 // 2 if self.chroma_rows else height


def _bayer(code: int, sample_bytes: int = 1) -> Encoding:
    return Encoding(1, code, sample_bytes, smallest=3)


UYVY = Encoding(2, cv2.COLOR_YUV2RGB_UYVY, cell=(2, 1))
YUYV = Encoding(2, cv2.COLOR_YUV2RGB_YUY2, cell=(2, 1))

# ROS names a bayer pattern by its first two rows from the first pixel on, OpenCV by the four pixels one further down
# and right: ROS rggb is OpenCV BG. 16UC1 has no row: REP-118 makes it a depth image.
ENCODINGS = MappingProxyType({
    "rgb8": Encoding(3, None),
    "bgr8": Encoding(3, cv2.COLOR_BGR2RGB),
    "rgba8": Encoding(4, cv2.COLOR_RGBA2RGB),
    "bgra8": Encoding(4, cv2.COLOR_BGRA2RGB),
    "mono8": Encoding(1, cv2.COLOR_GRAY2RGB),
    "rgb16": Encoding(3, None, 2),
    "bgr16": Encoding(3, cv2.COLOR_BGR2RGB, 2),
    "rgba16": Encoding(4, cv2.COLOR_RGBA2RGB, 2),
    "bgra16": Encoding(4, cv2.COLOR_BGRA2RGB, 2),
    "mono16": Encoding(1, cv2.COLOR_GRAY2RGB, 2),
    # OpenCV's own type names, in OpenCV's order of channels.
    "8UC1": Encoding(1, cv2.COLOR_GRAY2RGB),
    "8UC3": Encoding(3, cv2.COLOR_BGR2RGB),
    "8UC4": Encoding(4, cv2.COLOR_BGRA2RGB),
    "bayer_rggb8": _bayer(cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": _bayer(cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": _bayer(cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": _bayer(cv2.COLOR_BayerGB2RGB),
    "bayer_rggb16": _bayer(cv2.COLOR_BayerBG2RGB, 2),
    "bayer_bggr16": _bayer(cv2.COLOR_BayerRG2RGB, 2),
    "bayer_gbrg16": _bayer(cv2.COLOR_BayerGR2RGB, 2),
    "bayer_grbg16": _bayer(cv2.COLOR_BayerGB2RGB, 2),
    "yuv422": UYVY,
    "uyvy": UYVY,
    "yuv422_yuy2": YUYV,
    "yuyv": YUYV,
    "nv12": Encoding(1, cv2.COLOR_YUV2RGB_NV12, cell=(2, 2), chroma_rows=True),
    "nv21": Encoding(1, cv2.COLOR_YUV2RGB_NV21, cell=(2, 2), chroma_rows=True),
})


def rgb_of_image(message, out: np.ndarray | None = None) -> np.ndarray:
    """The picture of a sensor_msgs/Image: uint8 (H, W, 3).

    rgb8 gives a view of `message.data` (its rows perhaps not adjacent, read-only if the data is); any other is
    converted into `out` if that is a contiguous array of the result's shape, else into a new array. Use what is
    returned. Raises FrameError.
    """
    encoding, height = checked(message)
    samples = _samples(message, encoding, height)
    if encoding.to_rgb is not None:
        return cv2.cvtColor(samples, encoding.to_rgb, dst=out)
    return samples if encoding.sample_bytes == 1 else samples.copy()  # OpenCV would copy every second byte each time


def checked(message) -> tuple[Encoding, int]:
    """The row of ENCODINGS and the picture's height of a sensor_msgs/Image, if its fields fit. Raises FrameError."""
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise FrameError("unknown encoding", f"{message.encoding!r}; known are {', '.join(ENCODINGS)}")
    height, width = _image_height(message, encoding), message.width
    _check_size(height, width)
    _check_grid(message.encoding, encoding, height, width)
    _check_data(message, encoding, height)
    return encoding, height


def rgb_of_compressed(message) -> np.ndarray:
    """The picture of a sensor_msgs/CompressedImage that holds a JPEG or PNG: a new uint8 (H, W, 3). Raises FrameError.

    The file says by itself what it is, so `format` is not read. An EXIF orientation is not applied: pixels stay where
    the camera, and every result, has them.
    """
    file = bytes(message.data)
    try:
        height, width = image_size(file)
    except ValueError as error:
        raise FrameError("undecodable image", f"{error} ({len(file)} bytes, format {message.format!r})") from error
    _check_size(height, width)
    try:
        bgr = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise FrameError("undecodable image", f"{error} (format {message.format!r})") from error
    if bgr is None:
        raise FrameError("undecodable image", f"{len(file)} bytes of format {message.format!r} with the header of a "
                                              f"{width} x {height} picture and damaged content")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)


def _image_height(message, encoding: Encoding) -> int:
    """Rows of the picture. Some senders count the rows of both planes in `height`, which the data's length shows."""
    if not encoding.chroma_rows or len(message.data) != message.height * message.step:
        return message.height
    if message.step * 2 == message.width * 3:
        raise FrameError("wrong step", f"{message.encoding} of width {message.width}, step {message.step}: it counts "
                                       "both planes, but is the bytes of one row of one plane")
    return message.height * 2 // 3 if message.height % 3 == 0 else message.height


def _check_size(height: int, width: int) -> None:
    if height == 0 or width == 0:
        raise FrameError("zero size", f"width {width}, height {height}")
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise FrameError("absurd size", f"width {width}, height {height}; at most {MAX_SIDE} a side and "
                                        f"{MAX_PIXELS} pixels are accepted")


def _check_grid(name: str, encoding: Encoding, height: int, width: int) -> None:
    across, down = encoding.cell
    if width % across or height % down:
        raise FrameError("odd size", f"width {width}, height {height}; {name} needs multiples of {across} and {down}")
    if min(height, width) < encoding.smallest:
        raise FrameError("odd size", f"width {width}, height {height}; {name} needs {encoding.smallest} or more each")


def _check_data(message, encoding: Encoding, height: int) -> None:
    rows = encoding.data_rows(height)
    row_bytes = message.width * encoding.samples * encoding.sample_bytes
    step, size = message.step, len(message.data)
    sizes = f"{message.encoding} of width {message.width}, height {height}, step {step}, {size} bytes"
    if step < row_bytes:
        raise FrameError("wrong step", f"{sizes}: a row takes {row_bytes}")
    if size < (rows - 1) * step + row_bytes:  # the last row's padding may be missing
        raise FrameError("short data", f"{sizes}: {rows} rows take {rows * step}")
    if size > rows * step:  # some other step was meant, and the picture would be sheared
        raise FrameError("wrong step", f"{sizes}: {rows} rows take only {rows * step}")


def _samples(message, encoding: Encoding, height: int) -> np.ndarray:
    """The message's bytes as uint8 (rows, width, samples), or (rows, width) for one sample; not copied."""
    pixel_bytes = encoding.samples * encoding.sample_bytes
    shape, strides = (encoding.data_rows(height), message.width), (message.step, pixel_bytes)
    if encoding.samples > 1:
        shape, strides = (*shape, encoding.samples), (*strides, encoding.sample_bytes)
    return np.ndarray(shape, np.uint8, message.data, encoding.high_byte(message.is_bigendian), strides)
