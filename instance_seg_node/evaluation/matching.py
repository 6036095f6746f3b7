"""Which found instance is which true one, whatever their classes."""

from dataclasses import dataclass

import numpy as np

from ..datasets.labelled_image import LabelledImage
from ..instances import Instances
from ..methods import Clusters


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of a true and a found instance of one image with an IoU above 0.5. None is in two of them.

    true, found: int64 (P,), rows of the pair. shared: int64 (P,), pixels in both. iou: float64 (P,).
    missed: int64, rows of the other true instances. spare: int64, rows of the other found ones, but for those with more
    than half of their pixels in the image's `ignore`.
    """

    true: np.ndarray
    found: np.ndarray
    shared: np.ndarray
    iou: np.ndarray
    missed: np.ndarray
    spare: np.ndarray


def match(truth: LabelledImage, found: Instances | Clusters) -> Matching:
    """The instances of two id maps of equal size. Both maps give a pixel to one instance, so no pair needs a choice."""
    trues, founds = len(truth.class_ids), len(found.class_ids)
    codes = truth.instance_map.astype(np.int64) * (founds + 1) + found.id_map
    table = np.bincount(codes.ravel(), minlength=(trues + 1) * (founds + 1)).reshape(trues + 1, founds + 1)
    true_areas, found_areas = table.sum(axis=1)[1:], table.sum(axis=0)[1:]
    shared = table[1:, 1:]  # (true, found)
    iou = shared / np.maximum(true_areas[:, None] + found_areas[None] - shared, 1)
    true_rows, found_rows = np.nonzero(iou > 0.5)
    ignored = 2 * _inside(truth.ignore, found.id_map, founds) > found_areas
    ignored[found_rows] = True
    return Matching(true_rows, found_rows, shared[true_rows, found_rows], iou[true_rows, found_rows],
                    np.setdiff1d(np.arange(trues), true_rows), np.flatnonzero(~ignored))


def _inside(ignore: np.ndarray | None, id_map: np.ndarray, count: int) -> np.ndarray:
    """Pixels of each instance in `ignore`, int64 (K,)."""
    if ignore is None:
        return np.zeros(count, np.int64)
    return np.bincount(id_map[ignore], minlength=count + 1)[1:]


def quality(matching: Matching, class_pairs_agree: np.ndarray) -> float:
    """One number in [0, 1] for an image: the IoUs of all right pairs, over the mean number of true and found instances.

    class_pairs_agree: bool (P,), a pair is right if its classes are the same. 1 if there is nothing and nothing found.
    """
    pairs = len(matching.iou)
    instances = (2 * pairs + len(matching.missed) + len(matching.spare)) / 2
    return float(matching.iou[class_pairs_agree].sum() / instances) if instances else 1.0
