"""Labels of your own: a folder with

    images/NAME.jpg    pictures, any suffix that OpenCV reads
    masks/NAME.png     for each a PNG with one channel of 8 or 16 bits, or a palette: 0 = no object
    classes.yaml       what the other ids mean
    train.txt ...      if you like: the names of a split, one per line (also val, validation, test)

classes.yaml with one class, where each other id of an image is one object:

    classes: [person]

With several, ids are divisor * (place of the class, from 1) + n. Here 1000 to 1999 are persons, 2000 to 2999 are cars.
An id that is a place by itself, here 1 or 2, is a group of such objects that are not told apart; it is ignored.

    classes: [person, {name: car, color: [0, 0, 142]}]
    divisor: 1000
    ignore: [255]      # ids of pixels that neither reward nor punish, such as a border between objects
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from ..errors import InputError
from ..files.yaml_files import read_yaml
from ..model_spec import ObjectClass, Strict, problems
from ..picture_files import IMAGE_SUFFIXES
from . import split_lists
from .class_choice import choose, colour
from .codes import CODES, IGNORE, NONE, UNKNOWN
from .id_pictures import IdPictures

LOOKED_FOR = "images/, masks/ and classes.yaml"
EXAMPLE = "Write, for example: classes: [person]"

Id = Annotated[int, Field(gt=0, lt=CODES)]


class IdClasses(Strict):
    """The content of classes.yaml. Raises pydantic.ValidationError naming what does not fit."""

    classes: tuple[ObjectClass, ...] = Field(min_length=1, max_length=255)
    divisor: int | None = Field(None, ge=2, lt=CODES, description="None: every id but 0 is an object of the one class")
    ignore: tuple[Id, ...] = ()

    @field_validator("classes", mode="before")
    @classmethod
    def _names_are_enough(cls, value):
        if not isinstance(value, list):
            return value
        return [{"name": c, "color": colour(c, i)} if isinstance(c, str) else c for i, c in enumerate(value)]

    @model_validator(mode="after")
    def _ids_are_told_apart(self):
        names = [c.name for c in self.classes]
        if len(set(names)) < len(names):
            raise ValueError(f"class names must be unique, got {names}")
        if len(names) > 1 and self.divisor is None:
            raise ValueError("several classes need a divisor: ids are divisor * (place of the class, from 1) + n")
        if self.divisor is not None and (len(names) >= self.divisor or self.divisor * (len(names) + 1) > CODES):
            raise ValueError(f"ids of {len(names)} classes with divisor {self.divisor} do not fit 16 bits")
        return self

    def meaning(self, place: np.ndarray) -> np.ndarray:
        """Of each id, see codes.from_codes. place: class id of each class, -1 if it is not asked for."""
        instances = np.where(place >= 0, place, NONE)
        meaning = np.full(CODES, UNKNOWN if self.divisor else instances[0])
        for i, class_id in enumerate(instances if self.divisor else (), start=1):
            meaning[i] = IGNORE if class_id >= 0 else NONE
            meaning[i * self.divisor:(i + 1) * self.divisor] = class_id
        meaning[0] = NONE
        meaning[list(self.ignore)] = IGNORE
        return meaning

    def known(self) -> str:
        """Which ids there may be, for an error."""
        blocks = ", ".join(f"{i * self.divisor}..{(i + 1) * self.divisor - 1} {c.name}"
                           for i, c in enumerate(self.classes, start=1)) if self.divisor else ""
        return f"By classes.yaml ids are 0, 1..{len(self.classes)} (groups), {blocks}; add it to `ignore` there, or " \
               "correct the PNG"


def fits(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("images", "masks", "classes.yaml"))


splits = split_lists.splits


def read(folder: Path, split: str, names: Sequence[str] | None) -> IdPictures:
    """The images of a split, or of all. Raises InputError if there are none or classes.yaml does not fit."""
    labels = _id_classes(folder / "classes.yaml")
    files = pairs(folder, "images", "masks", "")
    chosen = split_lists.listed(folder, split, list(files))
    classes, place = choose(labels.classes, names, str(folder))
    return IdPictures(f"{folder.resolve().name} {split}", classes, tuple(files[name] for name in chosen),
                      labels.meaning(place), labels.known())


def pairs(folder: Path, images: str, masks: str, more: str) -> dict[str, tuple[Path, Path]]:
    """Picture and id PNG by name, in order of name; one of the two may not exist, which reading it will tell.

    more: what the name of the PNG ends with beyond that of the picture. Raises InputError if there are none, or two
    pictures share a name.
    """
    try:
        pictures = sorted(p for p in (folder / images).iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        truths = {p.stem.removesuffix(more) for p in (folder / masks).iterdir() if p.suffix.lower() == ".png"}
    except OSError as error:
        raise InputError(f"{folder} needs the folders {images}/ and {masks}/: {error}") from error
    by_name: dict[str, Path] = {}
    for picture in pictures:
        other = by_name.setdefault(picture.stem, picture)
        if other is not picture:
            raise InputError(f"{other} and {picture} would share {masks}/{picture.stem}{more}.png. Rename one of them")
    if not by_name:
        raise InputError(f"{folder / images} holds no image ({' '.join(IMAGE_SUFFIXES)})")
    suffix = pictures[0].suffix
    return {name: (by_name.get(name, folder / images / f"{name}{suffix}"), folder / masks / f"{name}{more}.png")
            for name in sorted(by_name.keys() | truths)}


def _id_classes(path: Path) -> IdClasses:
    content = read_yaml(path, remedy=EXAMPLE)
    try:
        return IdClasses.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path} does not say what ids mean:\n{problems(error, IdClasses)}. {EXAMPLE}") from error
