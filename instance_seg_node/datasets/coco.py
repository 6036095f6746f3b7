"""COCO instances: a .json of images, categories and annotations, and the images.

The images are looked for beside the file, in a folder of the split's name or images/ there, and in those beside the
file's folder, as in annotations/instances_val2017.json and val2017/.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..model_spec import ObjectClass
from . import run_lengths
from .class_choice import choose, colour
from .codes import CODES, NONE, from_codes
from .labelled_image import LabelledImage
from .truth_files import check_same_size, read_picture

LOOKED_FOR = "a .json of COCO instances, itself, in the folder or in annotations/"
PREFIX = "instances_"
NEEDED = {"images": {"id": (int, str), "file_name": str, "height": int, "width": int},
          "categories": {"id": int, "name": str},
          "annotations": {"id": (int, str), "image_id": (int, str), "category_id": int}}
"""List -> key -> type of what an annotation file must have."""
TRIED = 50
"""So many images are looked for in a folder before it is given up: some may be missing in the right one."""


class Coco:
    """The images of an annotation file (a dataset, see dataset.py).

    file, images (the entries of the file) and category_ids (of each class, None where the file has no such category)
    are for those who hand it to pycocotools. Where masks overlap the smaller one is on top, and one without pixels of
    its own is no instance. Crowds of the classes asked for are to ignore.
    Raises InputError if the file is not COCO instances or none of its images is found.
    """

    def __init__(self, file: Path, names: Sequence[str] | None = None):
        self.file, self.name = file, f"coco {_split(file)}"
        content = _content(file)
        self.images = content["images"]
        categories = sorted(content["categories"], key=lambda c: c["id"])
        available = [ObjectClass(name=c["name"], color=colour(c["name"], i)) for i, c in enumerate(categories)]
        self.classes, place = choose(available, names, str(file))
        self._class_of = {c["id"]: int(class_id) for c, class_id in zip(categories, place, strict=True)}
        ids = {class_id: category for category, class_id in self._class_of.items() if class_id >= 0}
        self.category_ids = tuple(ids.get(i) for i in range(len(self.classes)))
        self._annotations = self._by_image(content["annotations"])
        self.folder = _image_folder(file, self.images)

    def __len__(self) -> int:
        return len(self.images)

    def title(self, i: int) -> str:
        return self.images[i]["file_name"]

    def __getitem__(self, i: int) -> LabelledImage:
        entry = self.images[i]
        path, size = self.folder / entry["file_name"], (entry["height"], entry["width"])
        rgb = read_picture(path)
        check_same_size(path, rgb.shape[:2], f"by {self.file} it is", size)
        rows = [row for row in self._annotations[entry["id"]] if self._class_of[row["category_id"]] >= 0]
        crowds = [self._mask(row, size) for row in rows if row.get("iscrowd")]
        objects = [row for row in rows if not row.get("iscrowd")]
        meaning = np.full(CODES, NONE)
        meaning[1:len(objects) + 1] = [self._class_of[row["category_id"]] for row in objects]
        ignore = np.zeros(size, bool)
        for crowd in crowds:
            ignore |= run_lengths.pixels(crowd)
        return from_codes(rgb, _painted([self._mask(row, size) for row in objects], size), meaning, ignore=ignore)

    def _mask(self, row: dict, size: tuple[int, int]) -> dict:
        try:
            return run_lengths.run_lengths(row.get("segmentation"), *size)
        except ValueError as error:
            raise InputError(f"annotation {row['id']} of {self.file} has no mask that can be used: {error}. Correct or "
                             "remove it") from error

    def _by_image(self, annotations: list[dict]) -> dict[Any, list[dict]]:
        """The annotations of each image id. Raises InputError if one is of nothing."""
        image_ids, found = {entry["id"] for entry in self.images}, defaultdict(list)
        for row in annotations:
            if row["image_id"] not in image_ids or row["category_id"] not in self._class_of:
                raise InputError(f"annotation {row['id']} of {self.file} is of image {row['image_id']!r} and category "
                                 f"{row['category_id']!r}, which the file does not both list. Correct or remove it")
            found[row["image_id"]].append(row)
        return found


class Joined:
    """Datasets of the same classes one after another."""

    def __init__(self, parts: Sequence[Coco]):
        self.parts, self.classes = tuple(parts), parts[0].classes
        self.name = "coco all"
        self._places = [(part, i) for part in parts for i in range(len(part))]
        if any(part.classes != self.classes for part in parts):
            raise InputError(f"{' and '.join(str(part.file) for part in parts)} have different categories. Open them "
                             "one by one, or name the classes")

    def __len__(self) -> int:
        return len(self._places)

    def title(self, i: int) -> str:
        part, place = self._places[i]
        return part.title(place)

    def __getitem__(self, i: int) -> LabelledImage:
        part, place = self._places[i]
        return part[place]


def fits(where: Path) -> bool:
    return bool(_files(where))


def splits(where: Path) -> list[str]:
    return [_split(file) for file in _files(where)] if where.is_dir() else []


def read(where: Path, split: str, names: Sequence[str] | None) -> Coco | Joined:
    """The images of a split, or of all. Raises InputError."""
    files = _files(where) or [where]
    parts = [Coco(file, names) for file in files if split == "all" or _split(file) == split]
    return parts[0] if len(parts) == 1 else Joined(parts)


def _files(where: Path) -> list[Path]:
    """The annotation files that a path stands for: itself, or in it those called instances_*, or else any."""
    if where.is_file():
        return [where] if where.suffix.lower() == ".json" else []
    found = sorted([*where.glob("*.json"), *where.glob("annotations/*.json")])
    return [file for file in found if file.name.startswith(PREFIX)] or found


def _split(file: Path) -> str:
    return file.stem.removeprefix(PREFIX)


def _image_folder(file: Path, images: list[dict]) -> Path:
    """Where the images of an annotation file are. Raises InputError saying where they were looked for."""
    places = [base / inner for base in (file.parent, file.parent.parent) for inner in ("", _split(file), "images")]
    for place in places:
        if any((place / entry["file_name"]).is_file() for entry in images[:TRIED]):
            return place
    raise InputError(f"{file} lists {images[0]['file_name']!r} and others, but they are in none of "
                     f"{', '.join(str(place) for place in dict.fromkeys(places))}. Move them to one of these")


def _content(file: Path) -> dict[str, list[dict]]:
    """The three lists of an annotation file, with the keys that are needed. Raises InputError."""
    try:
        content = json.loads(file.read_bytes())
        for name, keys in NEEDED.items():
            for row in content[name]:
                if strange := [key for key, kind in keys.items() if not isinstance(row[key], kind)]:
                    raise TypeError(f"{name} with {strange[0]} {row[strange[0]]!r}")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{file} is not a file of COCO instances ({type(error).__name__}: {error}). It needs "
                         + "; ".join(f"{name} with {', '.join(keys)}" for name, keys in NEEDED.items())) from error
    for name, key in (("images", "id"), ("categories", "id"), ("categories", "name")):
        values = [row[key] for row in content[name]]
        if not values or len(set(values)) < len(values):
            raise InputError(f"{file} has no {name}, or two with the same {key}. Each needs its own")
    return content


def _painted(masks: list[dict], size: tuple[int, int]) -> np.ndarray:
    """Place, from 1, of the mask that is on top at each pixel, uint16 (H, W): the smallest, the first of equal ones."""
    painted = np.zeros(size, np.uint16)
    for place in sorted(range(len(masks)), key=lambda k: (-run_lengths.area(masks[k]), -k)):
        painted[run_lengths.pixels(masks[place])] = place + 1
    return painted
