"""Generated streets as a dataset."""

import re
from collections.abc import Sequence

import numpy as np

from ..encodings import MAX_PIXELS, MAX_SIDE
from ..errors import InputError
from .class_choice import choose
from .labelled_image import LabelledImage
from .street import CLASSES, Street

SPELLING = "street:FIRST..LAST:HEIGHTxWIDTH, such as street:0..99:256x512"

CAMERAS = (0, 1, 0, 2, 0, 3, 0, 0)
"""Which camera of the vehicle sees the street of a seed, by the seed modulo 8: five of eight look ahead."""


class Streets:
    """One image of each street of `seeds`. The moment within it and the camera follow from the seed too.

    height, width: pixels. names: as `classes` of open_dataset. Raises ValueError on a side that is too small.
    """

    def __init__(self, seeds: range, height: int, width: int, names: Sequence[str] | None = None):
        self.seeds, self.height, self.width = seeds, height, width
        self.name = f"street {seeds[0]}..{seeds[-1]} {height}x{width}"
        self.classes, self._place = choose(CLASSES, names, "a generated street")
        Street(seeds[0], height, width)

    def __len__(self) -> int:
        return len(self.seeds)

    def title(self, i: int) -> str:
        return f"street {self.seeds[i]}"

    def __getitem__(self, i: int) -> LabelledImage:
        image = scene(self.seeds[i], self.height, self.width)
        class_ids = self._place[image.class_ids]
        rows = np.flatnonzero(class_ids >= 0)
        ids = np.zeros(len(image) + 1, np.uint16)
        ids[rows + 1] = np.arange(1, len(rows) + 1)
        return LabelledImage(image.rgb, ids[image.instance_map], class_ids[rows], image.track_ids[rows], image.ignore,
                             image.labels)


def scene(seed: int, height: int, width: int) -> LabelledImage:
    """One image of one street. The moment within it and the camera follow from the seed too."""
    street = Street(seed, height, width, camera_index=CAMERAS[seed % len(CAMERAS)])
    return street.render(time_s=seed % 7 * 0.3)


def read(text: str, names: Sequence[str] | None) -> Streets:
    """The streets that SPELLING spells, without its `street:`. Raises InputError if it is spelled otherwise."""
    spelled = re.fullmatch(r"(\d{1,15})(?:\.\.(\d{1,15}))?:(\d{1,6})x(\d{1,6})", text)
    if not spelled:
        raise InputError(f"street:{text} is not {SPELLING}")
    first, last, height, width = (int(part) for part in (spelled[1], spelled[2] or spelled[1], *spelled.group(3, 4)))
    if last < first:
        raise InputError(f"street:{text} has its last seed before its first. Type {SPELLING}")
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise InputError(f"street:{text} has images of more than {MAX_SIDE} pixels a side or {MAX_PIXELS} in all")
    try:
        return Streets(range(first, last + 1), height, width, names)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"street:{text} cannot be generated: {error}") from error
