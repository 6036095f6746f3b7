"""From the camera's size to the network's, as ``resolution.shrink`` goes: which pixels, and with what weights."""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np

SPAN = np.dtype([("first", np.int32), ("count", np.int32), ("head", np.float32), ("inner", np.float32),
                 ("tail", np.float32)])
"""The pixels that one of the network's is made of, along one axis, and the weights of the first, last and others."""

RULES = MappingProxyType({"mean": 0, "area": 1, "linear": 2})


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
