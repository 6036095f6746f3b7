"""Folders in the layout of Cityscapes: leftImg8bit/SPLIT/CITY/* and gtFine/SPLIT/CITY/*_gtFine_instanceIds.png."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..picture_files import IMAGE_SUFFIXES
from .class_choice import choose
from .codes import CODES, IGNORE, NONE, UNKNOWN
from .id_pictures import IdPictures
from .street.classes import CITYSCAPES_ID, CLASSES

LOOKED_FOR = "leftImg8bit/ and gtFine/"
LABELS = 34
"""Label ids are below this."""
VOID = range(7)
"""Unlabelled, own vehicle, border, out of region, static, dynamic, ground."""
CARAVAN, TRAILER = 29, 30
"""Have instances, are never evaluated, and look like what is."""


def fits(folder: Path) -> bool:
    return (folder / "leftImg8bit").is_dir() and (folder / "gtFine").is_dir()


def splits(folder: Path) -> list[str]:
    """The splits that have images and labels."""
    images, truth = folder / "leftImg8bit", folder / "gtFine"
    return sorted(p.name for p in images.iterdir() if p.is_dir() and (truth / p.name).is_dir())


def read(folder: Path, split: str, names: Sequence[str] | None) -> IdPictures:
    """The images of a split, or of all. What is void, and a group of objects that are asked for, is to ignore.

    `labels` are the label ids. Raises InputError if there is no image.
    """
    wanted = splits(folder) if split == "all" else [split]
    files = [(picture, _truth(folder, picture)) for one in wanted
             for picture in sorted((folder / "leftImg8bit" / one).glob("*/*_leftImg8bit.*"))
             if picture.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise InputError(f"{folder} has no image leftImg8bit/{split}/CITY/NAME_leftImg8bit.png. Unpack "
                         "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of Cityscapes there")
    classes, place = choose(CLASSES, names, str(folder))
    known = "Known are the label ids 0 to 33, and label id * 1000 + n for objects: " + ", ".join(
        f"{label} {c.name}" for label, c in zip(CITYSCAPES_ID, CLASSES, strict=True))
    code = np.arange(CODES)
    labels = np.where(code < 1000, code, code // 1000).astype(np.uint8)
    return IdPictures(f"cityscapes {split}", classes, tuple(files), _meaning(place), known, labels)


def _truth(folder: Path, picture: Path) -> Path:
    name = picture.stem.removesuffix("_leftImg8bit") + "_gtFine_instanceIds.png"
    return folder / "gtFine" / picture.parent.relative_to(folder / "leftImg8bit") / name


def _meaning(place: np.ndarray) -> np.ndarray:
    """What each instance id means. place: class id of each of CLASSES, -1 if it is not asked for."""
    meaning = np.full(CODES, UNKNOWN)
    meaning[:LABELS] = NONE
    meaning[list(VOID)] = IGNORE
    for label in (CARAVAN, TRAILER):
        meaning[label] = meaning[label * 1000:(label + 1) * 1000] = IGNORE
    for label, class_id in zip(CITYSCAPES_ID, place, strict=True):
        meaning[label] = IGNORE if class_id >= 0 else NONE
        meaning[label * 1000:(label + 1) * 1000] = class_id if class_id >= 0 else NONE
    return meaning
