"""How many pixels of each class are right, for images whose labels tell classes apart but not instances."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Correspondence:
    """What is one class on both sides: label ids of a dataset, and class names of a model."""

    name: str
    labels: tuple[int, ...]
    classes: tuple[str, ...]


def pixel_counts(labels: np.ndarray, class_map: np.ndarray, label_count: int, class_count: int, *,
                 ignore: int) -> np.ndarray:
    """How many pixels of each label were found as which class, int64 (label_count, class_count + 1).

    The last column counts those found as no class. The row of the label `ignore` is zero. Counts of images add up.
    labels: uint8 (H, W). class_map: as Instances.class_map. Raises ValueError if they differ in size or a label is not
    below label_count.
    """
    if labels.shape != class_map.shape or labels.max(initial=0) >= label_count:
        raise ValueError(f"labels must be below {label_count} and of the class map's size {class_map.shape}, "
                         f"got up to {labels.max(initial=0)} and {labels.shape}")
    columns = class_count + 1
    codes = labels.astype(np.int64) * columns + np.minimum(class_map, class_count)  # UNLABELLED is the last column
    counts = np.bincount(codes.ravel(), minlength=label_count * columns).reshape(label_count, columns)
    counts[ignore] = 0
    return counts


def class_scores(counts: np.ndarray, one: Correspondence, classes: Sequence[str]) -> dict[str, float]:
    """'IoU', 'precision' and 'recall' of one class, in [0, 1], -1 where there is nothing to measure.

    counts: as of pixel_counts. classes: names of its columns, of which the model may lack some of `one.classes`.
    """
    rows, columns = list(one.labels), [i for i, name in enumerate(classes) if name in one.classes]
    right = counts[np.ix_(rows, columns)].sum()
    true, found = counts[rows].sum(), counts[:, columns].sum()
    return {"IoU": _share(right, true + found - right), "precision": _share(right, found),
            "recall": _share(right, true)}


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else -1.0
