"""Pictures and maps of ids from files, with what a user of labels needs to hear when they are broken."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ..errors import InputError
from ..image_size import PNG_START
from ..picture_files import Source, check_source, read_image

GREY, PALETTE = 0, 3
COLOUR_TYPES = {2: "colours", 4: "grey with transparency", 6: "colours with transparency"}
"""Colour types of PNG (ISO 15948, table 9) that hold no ids."""


def read_picture(path: Path) -> np.ndarray:
    """An image as RGB, uint8 (H, W, 3), upright as its EXIF orientation says. Raises InputError."""
    try:
        return read_image(path)
    except InputError as error:
        raise InputError(f"{error}. Replace it, or remove it and its labels") from error


def read_ids(path: Path) -> np.ndarray:
    """The map of ids in a PNG, uint16 (H, W): its grey values, of up to 16 bits, or the indices of its palette.

    Raises InputError if it is anything else, or damaged: half a map would be wrong labels.
    """
    check_source(Source(path, path.name))
    try:
        return _grey_values(path.read_bytes())
    except (ValueError, cv2.error) as error:
        raise InputError(f"{path} holds no ids: {error}. Write it as PNG with one channel of 8 or 16 bits") from error


def check_same_size(picture: Path, upright: tuple[int, int], labels: str, size: tuple[int, int]) -> None:
    """Raise InputError if a picture, upright, and its labels differ in (height, width). labels: what to call them."""
    if upright == size:
        return
    said = f"{picture} is {upright[0]} x {upright[1]} (height x width), but {labels} {size[0]} x {size[1]}"
    if upright == size[::-1]:
        raise InputError(f"{said}. If they were drawn on the picture before it was turned as its EXIF orientation "
                         f"says, take that out: exiftool -Orientation= {picture}")
    raise InputError(f"{said}. Give both the same size, or remove both")


def _grey_values(content: bytes) -> np.ndarray:
    if not content.startswith(PNG_START):
        raise ValueError(f"it is not a PNG, it starts with {content[:8]!r}")
    chunks = list(_chunks(content))
    header = chunks[0][1]
    depth, colour = header[8:10]
    if colour not in (GREY, PALETTE):
        raise ValueError(f"it has {COLOUR_TYPES.get(colour, f'colour type {colour}')}")
    # Indices are stored as grey values are. So a PNG that says grey, and has no palette, decodes to the indices.
    pixels = [data for kind, data in chunks if kind == b"IDAT"]
    grey = PNG_START + b"".join(_chunk(kind, data) for kind, data in
                                [(b"IHDR", header[:9] + bytes([GREY]) + header[10:]),
                                 *((b"IDAT", data) for data in pixels), (b"IEND", b"")])
    values = cv2.imdecode(np.frombuffer(grey, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2 or values.dtype not in (np.uint8, np.uint16):
        raise ValueError("its content is damaged")
    if depth < 8:  # the decoder stretches them to 0..255
        values = values // (255 // (2**depth - 1))
    return values.astype(np.uint16)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and data of each chunk of a PNG, the header first. Raises ValueError if it is damaged."""
    at = len(PNG_START)
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at:at + 4], "big")
        body, check = content[at + 4:end - 4], content[end - 4:end]
        if end > len(content) or zlib.crc32(body) != int.from_bytes(check, "big"):
            raise ValueError(f"it is damaged at byte {at}")
        yield body[:4], body[4:]
        if body[:4] == b"IEND":
            return
        at = end
    raise ValueError(f"it is cut short after {len(content)} bytes")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
