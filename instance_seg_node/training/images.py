"""The images that a recipe learns from and is validated on: generated streets, or labelled images of any dataset.

An image is read whenever it is needed. A broken one ends the run there with an InputError that names the file; once it
is repaired, `--resume` goes on from the last checkpoint, to the same weights as if it had never been broken. So see
first whether all can be read: `instance-seg datasets check DIR`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..datasets.dataset import Dataset
from ..datasets.labelled_image import LabelledImage
from ..datasets.opening import open_dataset
from ..errors import InputError
from .recipe import Recipe
from .scenes import load, split_files

MOST_CLASSES = 255
"""A class map is uint8, and 255 in it is none."""


class Images(Protocol):
    """A fixed list of labelled images. Any Dataset is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> LabelledImage: ...


class StreetFiles:
    """Images in the files that `rendered` returns."""

    def __init__(self, files: Sequence[Path]):
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, i: int) -> LabelledImage:
        return load(self._files[i])


def open_data(recipe: Recipe) -> tuple[Dataset, Dataset] | None:
    """The datasets for training and validation, both of the training data's classes; None for a recipe of streets.

    Raises InputError if they cannot be opened, or the recipe's loss is for another number of classes.
    """
    data = recipe.data
    if data is None:
        return None
    training = open_dataset(data.training, classes=data.classes, split=data.training_split)
    names = [c.name for c in training.classes]
    if len(names) > MOST_CLASSES:
        raise InputError(f"{data.training} has {len(names)} classes, and a model at most {MOST_CLASSES}. Name those to "
                         "learn in data.classes")
    recipe.check_fits(training.classes)
    return training, open_dataset(data.validation, classes=names, split=data.validation_split)


def streets(recipe: Recipe, folder: Path) -> tuple[Images, Images]:
    """The generated streets for training and validation; those that are not in `folder` yet are rendered."""
    scenes = recipe.scenes
    training = split_files(folder, "training", scenes.training, scenes.seed, scenes.height, scenes.width)
    held_out = split_files(folder, "validation", scenes.validation, scenes.seed, recipe.input_height,
                           recipe.input_width)
    return StreetFiles(training), StreetFiles(held_out)
