"""The size that a JPEG or PNG claims, read from its header: known before a decoder allocates anything."""

import re
import struct

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND"
JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
# SOF0..SOF15 hold the size; C4, C8 and CC are tables that share their range (ITU-T T.81, table B.1).
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
FILL = re.compile(b"\xff+")
JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def image_size(file: bytes) -> tuple[int, int]:
    """(height, width) of a whole JPEG or PNG file. Raises ValueError if it is neither, has no size, or is cut short."""
    if file.startswith(PNG_START):
        return _png_size(file)
    if file.startswith(JPEG_START):
        return _jpeg_size(file)
    raise ValueError(f"it starts with {file[:8]!r}, so it is neither JPEG nor PNG")


def _png_size(file: bytes) -> tuple[int, int]:
    if file[12:16] != b"IHDR" or len(file) < 24:
        raise ValueError("the PNG has no IHDR chunk")
    _check_png_chunks(file)
    width, height = struct.unpack(">II", file[16:24])
    return height, width


def _check_png_chunks(file: bytes) -> None:
    """Raises ValueError if a chunk is longer than the file: OpenCV takes memory for all that it claims, up to 4 GB.

    A file that is cut short is found here too: libpng would write to the terminal by itself, for each frame.
    """
    at, kind = len(PNG_START), b""
    while kind != PNG_END:
        kind = file[at + 4:at + 8]
        at += 12 + int.from_bytes(file[at:at + 4], "big")
        if at > len(file):
            raise ValueError(f"the PNG has no end, it is cut short after {len(file)} bytes or a chunk too long")


def _jpeg_size(file: bytes) -> tuple[int, int]:
    at = len(JPEG_START)
    while at + 4 <= len(file):
        if file[at] != 0xFF:
            raise ValueError(f"the JPEG has no marker at byte {at}")
        marker = file[at + 1]
        if marker == 0xFF:  # any number of fill bytes may precede a marker
            at = FILL.match(file, at).end() - 1
        elif marker in JPEG_WITHOUT_LENGTH:
            at += 2
        elif marker in JPEG_FRAMES:
            return _jpeg_frame_size(file, at)
        else:
            at += 2 + int.from_bytes(file[at + 2:at + 4], "big")
    raise ValueError("the JPEG ends before the frame header that holds its size")


def _jpeg_frame_size(file: bytes, at: int) -> tuple[int, int]:
    # OpenCV 4 fills what is missing with grey and says nothing. A thumbnail in front has an end marker of its own.
    if len(file) < at + 9 or file.rfind(JPEG_END, at) < 0:
        raise ValueError(f"the JPEG has no end marker, so it is cut short after {len(file)} bytes")
    height, width = struct.unpack(">HH", file[at + 5:at + 9])
    return height, width
