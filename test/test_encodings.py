"""One golden per camera encoding, padded rows, byte order, and everything that is wrong with a frame."""

import array
import contextlib
import itertools
import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from instance_seg_node.encodings import ENCODINGS, MAX_SIDE, rgb_of_compressed, rgb_of_image
from instance_seg_node.errors import FrameError
from instance_seg_node.image_size import image_size

RED, GREEN, BLUE, ORANGE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50)
COLOURS = np.array([[RED, GREEN], [BLUE, ORANGE]], np.uint8)
GREYS = np.array([[0, 1, 127], [128, 254, 255]], np.uint8)
BAYER_8 = [f"bayer_{pattern}8" for pattern in ("rggb", "bggr", "gbrg", "grbg")]


def image(encoding, width, height, data, *, step=None, big=0):
    """A message with adjacent rows unless `step` says otherwise."""
    return SimpleNamespace(encoding=encoding, width=width, height=height, is_bigendian=big,
                           step=step if step is not None else len(data) // height, data=data)


def rows(encoding, array_, *, big=0, padding=0):
    """A message whose rows are those of `array_` (rows, width[, samples]), each followed by `padding` bytes of 0xAA."""
    height, width = array_.shape[:2]
    flat = np.ascontiguousarray(array_).view(np.uint8).reshape(height, -1)
    padded = np.pad(flat, ((0, 0), (0, padding)), constant_values=0xAA)
    return image(encoding, width, height, array.array("B", padded.tobytes()), step=padded.shape[1], big=big)


def grey(values):
    return np.repeat(values[..., None], 3, axis=2)


# What the rows of a message hold, and the picture they stand for.
GOLDEN = {
    "rgb8": (COLOURS, COLOURS),
    "bgr8": (COLOURS[..., ::-1], COLOURS),
    "rgba8": (np.insert(COLOURS, 3, 77, axis=2), COLOURS),
    "bgra8": (np.insert(COLOURS[..., ::-1], 3, 77, axis=2), COLOURS),
    "mono8": (GREYS, grey(GREYS)),
    "8UC1": (GREYS, grey(GREYS)),
    "8UC3": (COLOURS[..., ::-1], COLOURS),
    "8UC4": (np.insert(COLOURS[..., ::-1], 3, 77, axis=2), COLOURS),
}


@pytest.mark.parametrize("encoding", GOLDEN)
def test_eight_bit_encodings_give_the_picture_they_hold(encoding):
    stored, picture = GOLDEN[encoding]
    np.testing.assert_array_equal(rgb_of_image(rows(encoding, stored)), picture)


@pytest.mark.parametrize("byte_order", ["<u2", ">u2"])
@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "rgba16", "bgra16", "mono16"])
def test_sixteen_bits_give_their_high_byte_in_either_byte_order(encoding, byte_order):
    stored, picture = GOLDEN[encoding.replace("16", "8")]
    message = rows(encoding, (stored.astype(np.uint16) * 256 + 99).astype(byte_order), big=int(byte_order[0] == ">"))
    np.testing.assert_array_equal(rgb_of_image(message), picture)


def bayer_mosaic(pattern, colour, height=6, width=8):
    """What a sensor with `pattern` sees of an even colour."""
    tile = np.array([colour["rgb".index(letter)] for letter in pattern], np.uint8).reshape(2, 2)
    return np.tile(tile, (height // 2, width // 2))


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_bayer_mosaic_of_one_colour_gives_that_colour_everywhere(pattern):
    picture = rgb_of_image(rows(f"bayer_{pattern}8", bayer_mosaic(pattern, ORANGE)))
    np.testing.assert_array_equal(picture, np.full((6, 8, 3), ORANGE, np.uint8))


@pytest.mark.parametrize("byte_order", ["<u2", ">u2"])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_bayer_mosaic_of_sixteen_bits_gives_that_colour_too(pattern, byte_order):
    mosaic = (bayer_mosaic(pattern, ORANGE).astype(np.uint16) * 256 + 99).astype(byte_order)
    picture = rgb_of_image(rows(f"bayer_{pattern}16", mosaic, big=int(byte_order[0] == ">")))
    np.testing.assert_array_equal(picture, np.full((6, 8, 3), ORANGE, np.uint8))


def yuv(colour):
    """BT.601, 16..235, as video has it."""
    red, green, blue = colour
    luma = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    return (round(luma), round(128 - 0.148 * red - 0.291 * green + 0.439 * blue),
            round(128 + 0.439 * red - 0.368 * green - 0.071 * blue))


def packed(order):
    """Two pixels ORANGE and two BLUE in a row, two rows; `order` says where y, u and v are in a pair of pixels."""
    pairs = [[dict(zip("yuv", yuv(colour), strict=True))[letter] for letter in order] for colour in (ORANGE, BLUE)]
    return np.array([pairs, pairs], np.uint8).reshape(2, 4, 2)


@pytest.mark.parametrize(("encoding", "order"), [("yuv422", "uyvy"), ("uyvy", "uyvy"),
                                                 ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")])
def test_packed_yuv_gives_its_colours(encoding, order):
    picture = rgb_of_image(rows(encoding, packed(order)))
    np.testing.assert_allclose(picture, [[ORANGE, ORANGE, BLUE, BLUE]] * 2, atol=3)


def two_planes(order):
    """4 x 4: the left half ORANGE, the right BLUE."""
    (y0, *chroma0), (y1, *chroma1) = yuv(ORANGE), yuv(BLUE)
    if order == "vu":
        chroma0, chroma1 = chroma0[::-1], chroma1[::-1]
    return np.array([[y0, y0, y1, y1]] * 4 + [[*chroma0, *chroma1]] * 2, np.uint8)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize(("encoding", "order"), [("nv12", "uv"), ("nv21", "vu")])
@pytest.mark.parametrize("height", [4, 6], ids=["height of the picture", "height of both planes"])
def test_two_planes_give_their_colours_whichever_height_is_sent(encoding, order, height, padding):
    message = rows(encoding, two_planes(order), padding=padding)
    message.height = height
    np.testing.assert_allclose(rgb_of_image(message), [[ORANGE, ORANGE, BLUE, BLUE]] * 4, atol=3)


def drawn(encoding):
    """A message of random values that fits the encoding: 6 x 8 pixels."""
    row = ENCODINGS[encoding]
    shape = (9 if row.chroma_rows else 6, 8 * row.samples * row.sample_bytes)
    values = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    return image(encoding, 8, 6, array.array("B", values.tobytes()), step=shape[1])


def padded(message, padding):
    """The same picture with `padding` bytes of 0xAA after each row."""
    values = np.frombuffer(message.data, np.uint8).reshape(-1, message.step)
    values = np.pad(values, ((0, 0), (0, padding)), constant_values=0xAA)
    return image(message.encoding, message.width, message.height, values.tobytes(), step=values.shape[1])


@pytest.mark.parametrize("padding", [1, 2, 24])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_padded_rows_change_nothing(encoding, padding):
    message = drawn(encoding)
    np.testing.assert_array_equal(rgb_of_image(padded(message, padding)), rgb_of_image(message))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_last_rows_padding_may_be_missing(encoding):
    message = padded(drawn(encoding), 24)
    expected = rgb_of_image(message)
    message.data = message.data[:-24]
    np.testing.assert_array_equal(rgb_of_image(message), expected)


@pytest.mark.parametrize("container", [bytes, bytearray, lambda data: np.frombuffer(data, np.uint8)])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_data_may_be_bytes_or_numpy(encoding, container):
    message = drawn(encoding)
    expected = rgb_of_image(message)
    message.data = container(message.data.tobytes())
    np.testing.assert_array_equal(rgb_of_image(message), expected)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_comes_out_is_uint8_of_the_pictures_size(encoding):
    picture = rgb_of_image(drawn(encoding))
    assert picture.dtype == np.uint8
    assert picture.shape == (6, 8, 3)


@pytest.mark.parametrize("padding", [0, 5])
def test_rgb8_is_a_view_of_the_message(padding):
    message = rows("rgb8", COLOURS, padding=padding)
    message.data[0] = 42
    picture = rgb_of_image(message)
    message.data[0] = 43
    assert picture[0, 0, 0] == 43


def test_out_receives_what_is_converted():
    out = np.zeros((2, 2, 3), np.uint8)
    rgb_of_image(rows("bgr8", COLOURS[..., ::-1]), out)
    np.testing.assert_array_equal(out, COLOURS)


def test_out_of_another_size_is_left_alone():
    out = np.zeros((3, 3, 3), np.uint8)
    np.testing.assert_array_equal(rgb_of_image(rows("bgr8", COLOURS[..., ::-1]), out), COLOURS)
    assert not out.any()


# What is wrong with a frame: cause, message, and a part of the text that says so.
WRONG = {
    "unknown name": ("unknown encoding", image("rgb9", 2, 2, bytes(12)), "'rgb9'; known are rgb8"),
    "depth image": ("unknown encoding", image("16UC1", 2, 2, bytes(8)), "'16UC1'"),
    "no name": ("unknown encoding", image("", 2, 2, bytes(12)), "''"),
    "no width": ("zero size", image("rgb8", 0, 2, b"", step=0), "width 0, height 2"),
    "no height": ("zero size", image("rgb8", 2, 0, b"", step=6), "width 2, height 0"),
    "one side": ("absurd size", image("mono8", MAX_SIDE + 1, 1, bytes(9)), "width 16385"),
    "both sides": ("absurd size", image("rgb8", 16000, 16000, bytes(9), step=48000), "width 16000, height 16000"),
    "most a field holds": ("absurd size", image("rgb8", 2**32 - 1, 2**32 - 1, b"", step=2**32 - 1), "4294967295"),
    "width in pixels": ("wrong step", image("rgb8", 4, 2, bytes(24), step=4), "step 4, 24 bytes: a row takes 12"),
    "no step": ("wrong step", image("rgb8", 4, 2, bytes(24), step=0), "step 0"),
    "more rows than said": ("wrong step", image("rgb8", 4, 2, bytes(36), step=12), "2 rows take only 24"),
    "both planes in step": ("wrong step", image("nv12", 4, 6, bytes(36), step=6), "step 6: it counts both planes"),
    "one byte missing": ("short data", image("rgb8", 4, 2, bytes(23), step=12), "23 bytes: 2 rows take 24"),
    "no data": ("short data", image("rgb8", 4, 2, b"", step=12), "0 bytes"),
    "no chroma": ("short data", image("nv12", 4, 4, bytes(16), step=4), "6 rows take 24"),
    "half a pair": ("odd size", image("uyvy", 3, 2, bytes(12)), "uyvy needs multiples of 2 and 1"),
    "half a cell": ("odd size", image("nv21", 4, 5, bytes(32), step=4), "nv21 needs multiples of 2 and 2"),
    "no full cell": ("odd size", image("bayer_rggb8", 2, 2, bytes(4)), "bayer_rggb8 needs 3 or more each"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_frame_is_refused_with_its_cause_and_values(case):
    cause, message, text = WRONG[case]
    with pytest.raises(FrameError, match="^" + cause) as caught:
        rgb_of_image(message)
    assert caught.value.cause == cause
    assert text in str(caught.value)


def test_no_message_whatever_its_fields_raises_anything_but_a_frame_error():
    sizes = (0, 1, 2, 3, 8, 40, 2**16, 2**32 - 1)
    for encoding, width, height, step in itertools.product(ENCODINGS, sizes, sizes, sizes):
        message = image(encoding, width, height, bytes(96), step=step)
        with contextlib.suppress(FrameError):
            assert rgb_of_image(message).ndim == 3


# Compressed images

def compressed(file, format_="jpeg"):
    return SimpleNamespace(data=array.array("B", file), format=format_)


def encoded(extension, picture):
    """RGB or grey picture as a file."""
    bgr = picture[..., ::-1] if picture.ndim == 3 else picture
    return cv2.imencode(extension, np.ascontiguousarray(bgr))[1].tobytes()


SMOOTH = cv2.resize(COLOURS, (64, 48), interpolation=cv2.INTER_LINEAR)


def test_a_png_gives_its_picture():
    np.testing.assert_array_equal(rgb_of_compressed(compressed(encoded(".png", SMOOTH))), SMOOTH)


def test_a_jpeg_gives_nearly_its_picture():
    picture = rgb_of_compressed(compressed(encoded(".jpg", SMOOTH)))
    assert np.abs(picture.astype(int) - SMOOTH).mean() < 4


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_a_grey_file_gives_three_equal_channels(extension):
    picture = rgb_of_compressed(compressed(encoded(extension, SMOOTH[..., 0])))
    assert picture.shape == SMOOTH.shape
    np.testing.assert_array_equal(picture[..., 0], picture[..., 2])


def test_a_png_of_sixteen_bits_gives_the_high_byte():
    values = np.arange(0, 65536, 173, np.uint16)[:360].reshape(18, 20)
    np.testing.assert_array_equal(rgb_of_compressed(compressed(encoded(".png", values))), grey(values >> 8))


def test_the_orientation_in_a_jpeg_is_not_applied():
    file = encoded(".jpg", SMOOTH)
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: a quarter turn
    exif = b"\xff\xe1" + struct.pack(">H", 2 + 6 + len(tiff)) + b"Exif\0\0" + tiff
    assert cv2.imdecode(np.frombuffer(file[:2] + exif + file[2:], np.uint8), cv2.IMREAD_COLOR).shape == (64, 48, 3)
    assert rgb_of_compressed(compressed(file[:2] + exif + file[2:])).shape == (48, 64, 3)


class CountedBytes(bytes):
    """Counts how often something is taken out of it."""

    taken = 0

    def __getitem__(self, at):
        self.taken += 1
        return super().__getitem__(at)


def test_fill_bytes_before_a_marker_are_stepped_over_in_one_search():
    file = encoded(".jpg", SMOOTH)
    filled = CountedBytes(file[:2] + b"\xff" * 100_000 + file[2:])
    assert image_size(filled) == (48, 64)
    assert filled.taken < 100


def png_of_size(width, height):
    """A whole PNG whose header claims this size, with no row in it."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg_of_size(width, height):
    """A good JPEG with another size written into its header."""
    file = bytearray(encoded(".jpg", SMOOTH))
    at = file.index(b"\xff\xc0")
    file[at + 5:at + 9] = struct.pack(">HH", height, width)
    return bytes(file)


@pytest.mark.parametrize("file", [png_of_size(60000, 60000), jpeg_of_size(60000, 60000)], ids=["png", "jpeg"])
def test_a_claim_of_60000_pixels_a_side_is_refused_before_anything_is_decoded(file, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(FrameError, match="absurd size: width 60000, height 60000"):
        rgb_of_compressed(compressed(file))


def test_an_empty_header_is_refused_as_zero_size():
    with pytest.raises(FrameError, match="zero size: width 64, height 0"):
        rgb_of_compressed(compressed(jpeg_of_size(64, 0)))


UNDECODABLE = {
    "nothing": b"",
    "text": b"this was renamed to .jpg",
    "a start only": b"\xff\xd8",
    "a png start only": b"\x89PNG\r\n\x1a\n",
    "half a jpeg": encoded(".jpg", SMOOTH)[:-200],
    "a jpeg without its last byte": encoded(".jpg", SMOOTH)[:-1],
    "half a png": encoded(".png", SMOOTH)[:300],
    "a png without rows": png_of_size(64, 48),
    "a gif": b"GIF89a" + bytes(40),
}


@pytest.mark.parametrize("case", UNDECODABLE)
def test_what_is_no_whole_jpeg_or_png_is_refused(case):
    with pytest.raises(FrameError) as caught:
        rgb_of_compressed(compressed(UNDECODABLE[case]))
    assert caught.value.cause == "undecodable image"


def test_a_png_that_is_cut_short_is_found_before_libpng_complains_on_the_terminal(capfd):
    file = encoded(".png", SMOOTH)
    with pytest.raises(FrameError, match="the PNG has no end, it is cut short after"):
        rgb_of_compressed(compressed(file[:-20]))
    assert capfd.readouterr() == ("", "")


def test_no_cut_or_damaged_file_raises_anything_but_a_frame_error():
    random = np.random.default_rng(3)
    for extension in (".png", ".jpg"):
        file = np.frombuffer(encoded(extension, SMOOTH), np.uint8)
        for _ in range(150):
            damaged = file[:random.integers(0, len(file) + 1)].copy()
            places = random.integers(0, max(1, len(damaged)), 4)
            damaged[places[places < len(damaged)]] = 255
            with contextlib.suppress(FrameError):
                assert rgb_of_compressed(compressed(damaged.tobytes())).ndim == 3


# The two peers. Both ignore padding, and each knows only some encodings.

PEER_ENCODINGS = ["rgb8", "bgr8", "rgba8", "bgra8", "mono8", *BAYER_8[:2]]


@pytest.mark.parametrize("encoding", [*PEER_ENCODINGS, "yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21"])
def test_rosbags_image_sees_the_same_picture(encoding):
    message_to_cvimage = pytest.importorskip("rosbags.image").message_to_cvimage
    message = drawn(encoding)
    expected = rgb_of_image(message)
    message.__msgtype__, message.data = "sensor_msgs/msg/Image", np.frombuffer(message.data, np.uint8)
    if ENCODINGS[encoding].chroma_rows:
        message.height = 9
    np.testing.assert_array_equal(message_to_cvimage(message, "rgb8"), expected)


@pytest.mark.parametrize("encoding", [*PEER_ENCODINGS, *BAYER_8[2:], "yuv422"])
def test_cv_bridge_sees_the_same_picture(encoding):
    bridge = pytest.importorskip("cv_bridge", exc_type=ImportError).CvBridge()
    from sensor_msgs.msg import Image
    ours = drawn(encoding)
    message = Image(height=6, width=8, encoding=encoding, step=ours.step, data=ours.data)
    np.testing.assert_array_equal(bridge.imgmsg_to_cv2(message, "rgb8"), rgb_of_image(ours))
