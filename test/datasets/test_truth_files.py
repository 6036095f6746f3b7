"""Maps of ids in PNG files, and pictures that must agree with them."""

import zlib

import cv2
import numpy as np
import pytest
from drawn_files import cut_short, digits, turn_by_exif, write_ids, write_picture

from instance_seg_node.datasets.truth_files import check_same_size, read_ids, read_picture
from instance_seg_node.errors import InputError

IDS = digits("0011", "0221")


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def indexed_png(rows: list[bytes], width: int, depth: int, palette: bytes) -> bytes:
    header = width.to_bytes(4, "big") + len(rows).to_bytes(4, "big") + bytes([depth, 3, 0, 0, 0])
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in (
        (b"IHDR", header), (b"PLTE", palette), (b"IDAT", pixels), (b"IEND", b"")))


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint8, 100), (np.uint16, 1), (np.uint16, 30000)])
def test_ids_of_8_and_16_bits_are_read_as_they_are(tmp_path, dtype, factor):
    read = read_ids(write_ids(tmp_path / "a.png", IDS * factor, dtype))
    assert read.dtype == np.uint16
    assert np.array_equal(read, IDS * factor)


def test_ids_of_a_palette_are_its_indices_whatever_the_colours(tmp_path):
    path = tmp_path / "a.png"
    rows, one_colour = [row.tobytes() for row in IDS.astype(np.uint8)], bytes([9] * 9)
    path.write_bytes(indexed_png(rows, 4, 8, one_colour))
    assert np.array_equal(read_ids(path), IDS)


def test_ids_of_a_palette_of_four_bits_are_its_indices(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(indexed_png([b"\x00\x1f", b"\x02\x21"], 4, 4, bytes(48)))
    assert np.array_equal(read_ids(path), [[0, 0, 1, 15], [0, 2, 2, 1]])


def test_colours_are_no_ids(tmp_path):
    path = write_picture(tmp_path / "a.png", 4, 4)
    with pytest.raises(InputError, match=r"a\.png holds no ids: it has colours. Write it as PNG with one channel"):
        read_ids(path)


def test_a_jpeg_holds_no_ids(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".jpg", IDS.astype(np.uint8))[1].tobytes())
    with pytest.raises(InputError, match="it is not a PNG"):
        read_ids(path)


def test_one_wrong_byte_is_found_rather_than_read_as_other_ids(tmp_path):
    path = write_ids(tmp_path / "a.png", np.arange(400).reshape(20, 20))
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png holds no ids: it is damaged at byte"):
        read_ids(path)


def test_ids_that_are_cut_short_are_an_input_error(tmp_path):
    path = write_ids(tmp_path / "a.png", np.arange(400).reshape(20, 20))
    cut_short(path)
    with pytest.raises(InputError, match=r"a\.png is not a whole image"):
        read_ids(path)


def test_a_broken_picture_says_what_to_do_with_it(tmp_path):
    path = write_picture(tmp_path / "a.jpg", 20, 20)
    cut_short(path)
    with pytest.raises(InputError, match=r"a\.jpg .*cut short.*Replace it, or remove it and its labels"):
        read_picture(path)


def test_labels_of_the_upright_picture_agree_with_it(tmp_path):
    path = write_picture(tmp_path / "a.jpg", 20, 40)
    turn_by_exif(path, 6)
    rgb = read_picture(path)
    assert rgb.shape == (40, 20, 3)
    check_same_size(path, rgb.shape[:2], "the ids are", (40, 20))


def test_labels_of_the_picture_before_it_was_turned_are_refused(tmp_path):
    path = write_picture(tmp_path / "a.jpg", 20, 40)
    turn_by_exif(path, 6)
    with pytest.raises(InputError, match=r"40 x 20 .*but the ids are 20 x 40.*exiftool -Orientation= .*a\.jpg"):
        check_same_size(path, read_picture(path).shape[:2], "the ids are", (20, 40))
