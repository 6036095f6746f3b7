"""Datasets by the text that a user names them with.

`street:0..99:256x512`   generated streets of the seeds 0 to 99, both included, 256 high and 512 wide
`DIR` or `FILE.json`     labelled images on disk, their layout recognised by what is there:
  cityscapes             leftImg8bit/ and gtFine/
  coco                   a .json of COCO instances beside its images, or in annotations/
  pennfudan              PNGImages/ and PedMasks/, or images/FudanPed* and masks/
  folder                 images/, masks/ and classes.yaml (see folder.py), for labels of your own
`coco:DIR` and so on     the same, where several layouts fit or none is recognised
"""

from collections.abc import Sequence

from .dataset import Dataset


def open_dataset(where: str, *, classes: Sequence[str] | None = None, split: str = "") -> Dataset:
    """The dataset that `where` names (see above).

    classes: names that become the dataset's classes, in this order, such as those of a model; objects of other classes
    are then no instances. Default: all classes that the dataset has.
    split: "train", "val" and so on, or "all". May be left out where there is only one.
    Raises InputError if nothing or more than one thing fits, saying what was looked for.
    """
    raise NotImplementedError("being written")
