"""Penn-Fudan: 170 photos with 423 people, id k = k-th person.

As published, PNGImages/NAME.png and PedMasks/NAME_mask.png; or images/NAME.* and masks/NAME.png. The authors give no
split; ours is in train.txt and test.txt where those are there.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..model_spec import ObjectClass
from . import split_lists
from .class_choice import choose, colour
from .codes import CODES, NONE
from .folder import pairs
from .id_pictures import IdPictures

LOOKED_FOR = "PNGImages/ and PedMasks/, or images/FudanPed* and masks/"
PUBLISHED, FLAT = ("PNGImages", "PedMasks", "_mask"), ("images", "masks", "")
"""Folders of pictures and of ids, and what the name of the ids has more."""


def fits(folder: Path) -> bool:
    published = (folder / PUBLISHED[0]).is_dir() and (folder / PUBLISHED[1]).is_dir()
    return published or ((folder / FLAT[1]).is_dir() and any((folder / FLAT[0]).glob("FudanPed*")))


splits = split_lists.splits


def read(folder: Path, split: str, names: Sequence[str] | None) -> IdPictures:
    """The images of a split, or of all. Raises InputError if there are none."""
    layout = PUBLISHED if (folder / PUBLISHED[0]).is_dir() else FLAT
    files = pairs(folder, *layout)
    chosen = split_lists.listed(folder, split, list(files))
    classes, place = choose([ObjectClass(name="person", color=colour("person", 0))], names, str(folder))
    meaning = np.full(CODES, place[0])
    meaning[0] = NONE
    return IdPictures(f"pennfudan {split}", classes, tuple(files[name] for name in chosen), meaning, "")
