"""What every dataset is to those who learn from it or measure on it."""

from collections.abc import Iterator
from typing import Protocol

from ..errors import InputError
from ..model_spec import ObjectClass
from .labelled_image import LabelledImage


class Dataset(Protocol):
    """A fixed list of labelled images, read when they are asked for.

    name: short, for tables ("pennfudan test"). classes: a class id of an image is a place in it.
    """

    name: str
    classes: tuple[ObjectClass, ...]

    def __len__(self) -> int:
        """How many images there are."""

    def __getitem__(self, i: int) -> LabelledImage:
        """Image `i`. Raises InputError, naming file and remedy, if it is broken, and IndexError past the end."""

    def title(self, i: int) -> str:
        """What image `i` is called in reports, without reading it."""


def readable(dataset: Dataset, broken: list[str] | None = None) -> Iterator[tuple[int, LabelledImage]]:
    """Each image with its place in the dataset.

    A broken one ends it with its InputError, unless a list is given: then it is left out and the error's text added to
    the list.
    """
    for i in range(len(dataset)):
        try:
            image = dataset[i]
        except InputError as error:
            if broken is None:
                raise
            broken.append(str(error))
            continue
        yield i, image
