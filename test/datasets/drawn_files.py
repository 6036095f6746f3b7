"""Small labelled images on disk, drawn as text."""

from pathlib import Path

import cv2
import numpy as np

SHARED = Path(__file__).parents[3] / "shared" / "data"
"""Real images, where they are there. What needs them skips otherwise."""


def digits(*rows: str) -> np.ndarray:
    """A map of ids, uint16, one digit per pixel."""
    return np.array([[int(c) for c in row] for row in rows], np.uint16)


def write_ids(path: Path, ids: np.ndarray, dtype=np.uint16) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), ids.astype(dtype))
    return path


def write_picture(path: Path, height: int, width: int) -> Path:
    """An image, bluish at the left and reddish at the right."""
    bgr = np.zeros((height, width, 3), np.uint8)
    bgr[:, :width // 2, 0] = 200
    bgr[:, width // 2:, 2] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), bgr)
    return path


def turn_by_exif(path: Path, orientation: int) -> None:
    """Give a JPEG file an EXIF orientation (6: turn clockwise to see it upright)."""
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + bytes([0, orientation]) + b"\0\0\0\0\0\0"
    body = b"Exif\0\0" + tiff
    jpeg = path.read_bytes()
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:])


def cut_short(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])
