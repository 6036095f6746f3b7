"""The masks of COCO annotations, checked, as pycocotools' run lengths: its decoder trusts what it is given."""

from math import isfinite
from typing import Any

import numpy as np
from pycocotools import mask as rle

REACH = 2
"""How far from the origin a corner of a polygon may be, in longer sides of the image: pycocotools walks all of it."""


def run_lengths(segmentation: Any, height: int, width: int) -> dict:
    """The mask {"size": [height, width], "counts": bytes} of polygons or of run lengths, compressed or not.

    Raises ValueError if it is none of these, or does not fit the image.
    """
    if isinstance(segmentation, dict):
        counts = _checked_counts(segmentation, height, width)
        return rle.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("it has neither polygons nor run lengths")
    for polygon in segmentation:
        _check_polygon(polygon, REACH * max(height, width))
    return rle.merge(rle.frPyObjects(segmentation, height, width))


def pixels(lengths: dict) -> np.ndarray:
    """The mask as bool (H, W)."""
    return rle.decode(lengths).astype(bool)


def area(lengths: dict) -> int:
    return int(rle.area(lengths))


def _check_polygon(polygon: Any, limit: float) -> None:
    # Four numbers would be taken for a box.
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError(f"a polygon is a list of x and y of at least three points, not {polygon!r:.60}")
    for value in polygon:
        if not isinstance(value, (int, float)) or not isfinite(value) or abs(value) > limit:
            raise ValueError(f"a polygon has the coordinate {value!r}, which is no place in the image")


def _checked_counts(segmentation: dict, height: int, width: int) -> list[int]:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ValueError(f"its run lengths are of an image of {size!r}, not of {[height, width]}")
    if isinstance(counts, str):
        counts = _uncompressed(counts)
    if not isinstance(counts, list) or any(not isinstance(n, int) or n < 0 for n in counts):
        raise ValueError(f"run lengths are a list of numbers or a text, not {counts!r:.60}")
    if sum(counts) != height * width:
        raise ValueError(f"its run lengths cover {sum(counts)} of {height * width} pixels")
    return counts


def _uncompressed(text: str) -> list[int]:
    """Counts from COCO's text: six bits a character, low first, the difference to the count before last."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"compressed run lengths have no character {character!r}")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its compressed run lengths are cut short")
    return counts
