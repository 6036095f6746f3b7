"""Labelled images from a map of codes, such as the pixel values of an id PNG, and what each code means."""

import numpy as np

from .labelled_image import LabelledImage

CODES = 65536
NONE, IGNORE, UNKNOWN = -1, -2, -3
"""What a code means when it is no instance: no object, pixels to ignore, nothing that may occur."""


class UnknownCode(ValueError):
    """A map has a code that means nothing."""


def from_codes(rgb: np.ndarray, codes: np.ndarray, meaning: np.ndarray, *, ignore: np.ndarray | None = None,
               labels: np.ndarray | None = None) -> LabelledImage:
    """An image of which each code that means a class is one instance, numbered in order of their codes.

    codes: uint16 (H, W). meaning: int (CODES,), a class id, NONE, IGNORE or UNKNOWN. ignore: bool (H, W), more pixels
    to ignore where there is no instance. labels: uint8 (CODES,), Cityscapes label id of each code.
    Raises UnknownCode naming the first of them.
    """
    present = np.bincount(codes.ravel(), minlength=CODES) > 0
    unknown = np.flatnonzero(present & (meaning == UNKNOWN))
    if len(unknown):
        raise UnknownCode(f"{unknown[0]} at {_first(codes == unknown[0])}")
    rows = np.flatnonzero(present & (meaning >= 0))
    ids = np.zeros(CODES, np.uint16)
    ids[rows] = np.arange(1, len(rows) + 1)
    instance_map = ids[codes]
    ignored = (meaning == IGNORE)[codes]
    if ignore is not None:
        ignored |= ignore & (instance_map == 0)
    return LabelledImage(rgb, instance_map, meaning[rows].astype(np.int64), ignore=ignored,
                         labels=None if labels is None else labels[codes])


def _first(mask: np.ndarray) -> str:
    y, x = np.argwhere(mask)[0]
    return f"column {x}, row {y}"
