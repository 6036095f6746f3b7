"""What true instances were taken for, and how many of their pixels were found."""

from collections.abc import Sequence

import numpy as np

from ..datasets.labelled_image import LabelledImage
from ..instances import Instances
from .matching import Matching

NOTHING = "nothing"


class Confusion:
    """How many instances of each true class were found as which class, matched at IoU 0.5 whatever their classes.

    Images are added one after another. Class ids are places in true_names and found_names.
    """

    def __init__(self, true_names: Sequence[str], found_names: Sequence[str]):
        self._true_names, self._found_names = tuple(true_names), tuple(found_names)
        self._counts = np.zeros((len(true_names) + 1, len(found_names) + 1), np.int64)

    def add(self, truth: LabelledImage, found: Instances, matching: Matching) -> None:
        nothing_true, nothing_found = len(self._true_names), len(self._found_names)
        np.add.at(self._counts, (truth.class_ids[matching.true], found.class_ids[matching.found]), 1)
        np.add.at(self._counts, (truth.class_ids[matching.missed], nothing_found), 1)
        np.add.at(self._counts, (nothing_true, found.class_ids[matching.spare]), 1)

    def report(self) -> dict:
        """'true': class names of the rows, 'found': of the columns, 'counts': rows of numbers.

        The last row and column are NOTHING: found where there is nothing, and not found at all.
        """
        return {"true": [*self._true_names, NOTHING], "found": [*self._found_names, NOTHING],
                "counts": self._counts.tolist()}


class PixelRecall:
    """Share of the pixels of true instances that are in the found one they are matched with, of the same class."""

    def __init__(self, class_names: Sequence[str]):
        self._names = tuple(class_names)
        self._all, self._shared = (np.zeros(len(class_names), np.int64) for _ in range(2))

    def add(self, truth: LabelledImage, matching: Matching, right: np.ndarray) -> None:
        """One image. right: bool, for each pair of the matching whether its classes are the same."""
        areas = np.bincount(truth.instance_map.ravel(), minlength=len(truth.class_ids) + 1)[1:]
        np.add.at(self._all, truth.class_ids, areas)
        np.add.at(self._shared, truth.class_ids[matching.true[right]], matching.shared[right])

    def report(self) -> dict:
        """'all' and 'classes': for each name, in [0, 1], -1 where there is no truth."""
        by_class = {name: self._share(slice(i, i + 1)) for i, name in enumerate(self._names)}
        return {"all": self._share(slice(None)), "classes": by_class}

    def _share(self, of: slice) -> float:
        pixels = int(self._all[of].sum())
        return int(self._shared[of].sum()) / pixels if pixels else -1.0
