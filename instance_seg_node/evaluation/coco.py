"""Average precision of masks by pycocotools, on rows held in memory."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..datasets.labelled_image import LabelledImage
from ..instances import Instances
from ..methods import Clusters
from ..outputs import coco_masks

SIZES = ("small", "medium", "large")
"""COCO's: below 32 x 32 pixels of the labelled image, below 96 x 96, and larger."""


def average_precision(found: Sequence[Instances | Clusters], truths: Sequence[LabelledImage],
                      class_names: Sequence[str]) -> dict[str, float]:
    """'AP' (IoU 0.50:0.05:0.95) and 'AP50' of masks, and 'AP50 <class>', all in [0, 1], -1 where there is no truth.

    found and truths: one per image, id maps of equal size.
    """
    precision = CocoPrecision(class_names)
    for one, truth in zip(found, truths, strict=True):
        precision.add(one, truth)
    return precision.summary()


class CocoPrecision:
    """Average precision over images that are added one after another; of each only its masks' run lengths are kept.

    The settings are pycocotools' own: at most 100 instances of a class in an image count, those with the best scores.
    `ignore` of an image is to every class what a crowd is in COCO: a prediction that is not right and has a share of at
    least the IoU threshold in there does not count.
    """

    def __init__(self, class_names: Sequence[str]):
        self._names = tuple(class_names)
        categories = [{"id": i, "name": name} for i, name in enumerate(self._names)]
        self._truth = {"images": [], "categories": categories, "annotations": []}
        self._found = []

    def add(self, found: Instances | Clusters, truth: LabelledImage) -> None:
        """One image. Class ids are places in class_names. Raises ValueError if the id maps differ in size."""
        height, width = truth.instance_map.shape
        if found.id_map.shape != (height, width):
            raise ValueError(f"found instances are {found.id_map.shape} but the truth is {(height, width)}")
        image = len(self._truth["images"])
        self._truth["images"].append({"id": image, "height": height, "width": width})
        for class_id, mask in _masks(truth.instance_map, truth.class_ids):
            self._annotate(image, class_id, mask)
        if truth.ignore is not None and truth.ignore.any():
            [crowd] = coco_masks(truth.ignore.astype(np.uint16), 1)
            for class_id in range(len(self._names)):
                self._annotate(image, class_id, crowd, is_crowd=True)
        self._found += [{"image_id": image, "category_id": class_id, "segmentation": mask, "score": score}
                        for (class_id, mask), score in zip(_masks(found.id_map, found.class_ids),
                                                           found.scores.tolist(), strict=True)]

    def scores(self) -> dict:
        """'AP', 'AP50', 'AP75'; 'sizes': AP of each of SIZES; 'classes': for each name its 'AP' and 'AP50'.

        In [0, 1], -1 where there is no truth.
        """
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            truth = _indexed(self._truth)
            found = truth.loadRes(self._found) if self._found else _indexed(self._truth | {"annotations": []})
            evaluation = COCOeval(truth, found, "segm")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        overall = evaluation.stats.tolist()
        precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (IoU threshold, recall, class), all sizes
        by_class = {name: {"AP": _mean(precision[:, :, i]), "AP50": _mean(precision[0, :, i])}
                    for i, name in enumerate(self._names)}
        return {"AP": overall[0], "AP50": overall[1], "AP75": overall[2],
                "sizes": dict(zip(SIZES, overall[3:6], strict=True)), "classes": by_class}

    def summary(self) -> dict[str, float]:
        """'AP', 'AP50' and 'AP50 <class>' of the scores."""
        scores = self.scores()
        by_class = {f"AP50 {name}": one["AP50"] for name, one in scores["classes"].items()}
        return {"AP": scores["AP"], "AP50": scores["AP50"]} | by_class

    def _annotate(self, image: int, class_id: int, mask: dict, *, is_crowd: bool = False) -> None:
        rows = self._truth["annotations"]
        rows.append({"id": len(rows) + 1, "image_id": image, "category_id": class_id, "segmentation": mask,
                     "area": int(rle.area(mask)), "iscrowd": int(is_crowd)})


def _masks(id_map: np.ndarray, class_ids: np.ndarray) -> list[tuple[int, dict]]:
    """Class and run lengths of each instance."""
    return list(zip(class_ids.tolist(), coco_masks(id_map, len(class_ids)), strict=True))


def _indexed(dataset: dict) -> COCO:
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def _mean(precision: np.ndarray) -> float:
    """Over what has a truth, as pycocotools' summary does; it marks the rest with -1."""
    known = precision[precision > -1]
    return float(np.mean(known)) if known.size else -1.0
