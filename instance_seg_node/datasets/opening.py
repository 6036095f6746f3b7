"""Datasets by the text that a user names them with.

`street:0..99:256x512`   generated streets of the seeds 0 to 99, both included, 256 high and 512 wide
`DIR` or `FILE.json`     labelled images on disk, their layout recognised by what is there:
  cityscapes             leftImg8bit/ and gtFine/
  coco                   a .json of COCO instances beside its images, or in annotations/
  pennfudan              PNGImages/ and PedMasks/, or images/FudanPed* and masks/
  folder                 images/, masks/ and classes.yaml (see folder.py), for labels of your own
`coco:DIR` and so on     the same, where several layouts fit or none is recognised
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from ..files.user_paths import user_path
from . import cityscapes, coco, folder, pennfudan, streets
from .dataset import Dataset


class Layout(NamedTuple):
    """How labelled images may lie on disk.

    looked_for: by what it is recognised, for people. fits: whether a path has that. splits: the names of its splits,
    none if it has no such parts. read: the dataset of a path, a split or "all", and the classes asked for.
    """

    looked_for: str
    fits: Callable[[Path], bool]
    splits: Callable[[Path], list[str]]
    read: Callable[[Path, str, Sequence[str] | None], Dataset]


LAYOUTS = {
    "cityscapes": Layout(cityscapes.LOOKED_FOR, cityscapes.fits, cityscapes.splits, cityscapes.read),
    "coco": Layout(coco.LOOKED_FOR, coco.fits, coco.splits, coco.read),
    "pennfudan": Layout(pennfudan.LOOKED_FOR, pennfudan.fits, pennfudan.splits, pennfudan.read),
    "folder": Layout(folder.LOOKED_FOR, folder.fits, folder.splits, folder.read),
}


def open_dataset(where: str, *, classes: Sequence[str] | None = None, split: str = "") -> Dataset:
    """The dataset that `where` names (see above).

    classes: names that become the dataset's classes, in this order, such as those of a model; objects of other classes
    are then no instances. Default: all classes that the dataset has.
    split: "train", "val" and so on, or "all". May be left out where there is only one.
    Raises InputError if nothing or more than one thing fits, saying what was looked for.
    """
    kind, colon, rest = where.partition(":")
    if colon and kind == "street":
        if split not in ("", "all"):
            raise InputError(f"{where} has no split {split!r}: the seeds say which images it has. Leave the split out")
        return streets.read(rest, classes)
    named = colon and kind in LAYOUTS
    path = user_path(rest if named else where)
    if not path.exists():
        raise InputError(f"{path} does not exist. A dataset is a folder, a .json of COCO, or {streets.SPELLING}")
    layout = LAYOUTS[kind if named else _recognised(path)]
    if named and not layout.fits(path):
        raise InputError(f"{path} is not of the layout {kind}: {layout.looked_for} not found there")
    return layout.read(path, _split(path, layout.splits(path), split), classes)


def _recognised(path: Path) -> str:
    """The layout of a path. Raises InputError if none or several fit."""
    fitting = [name for name, layout in LAYOUTS.items() if layout.fits(path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(f"{path} can be read as {' or '.join(fitting)}. Say which: {fitting[0]}:{path}")
    looked_for = "; ".join(f"{name}: {layout.looked_for}" for name, layout in LAYOUTS.items())
    raise InputError(f"{path} is no dataset that is known. Looked for {looked_for}")


def _split(path: Path, splits: list[str], asked: str) -> str:
    """The split to read. Raises InputError if it is not there, or not named where there are several."""
    if asked == "all" or asked in splits:
        return asked
    if asked:
        raise InputError(f"{path} has no split {asked!r}, only {', '.join(splits) or 'the whole'}. Leave the split out "
                         "or name one that is there")
    if len(splits) > 1:
        raise InputError(f"{path} has the splits {', '.join(splits)}. Name one of them, or all")
    return splits[0] if splits else "all"
