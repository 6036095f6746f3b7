"""How good instances are against labelled images: COCO's average precision, computed by pycocotools."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from .datasets.labelled_image import LabelledImage
from .instances import Instances
from .methods import Clusters


def average_precision(found: Sequence[Instances | Clusters], truths: Sequence[LabelledImage],
                      class_names: Sequence[str]) -> dict[str, float]:
    """'AP' (IoU 0.50:0.05:0.95) and 'AP50' of masks, and 'AP50 <class>', all in [0, 1], -1 where there is no truth.

    found and truths: one per image, id maps of equal size.
    """
    classes = [{"id": i, "name": name} for i, name in enumerate(class_names)]
    annotations = [row for image, truth in enumerate(truths)
                   for row in _rows(image, truth.instance_map, truth.class_ids)]
    results = [row | {"score": float(score)} for image, one in enumerate(found)
               for row, score in zip(_rows(image, one.id_map, one.class_ids), one.scores, strict=True)]
    if not results or not annotations:
        return {"AP": 0.0 if annotations else -1.0, "AP50": 0.0 if annotations else -1.0}
    sizes = [truth.instance_map.shape for truth in truths]
    images = [{"id": i, "height": height, "width": width} for i, (height, width) in enumerate(sizes)]
    truth_set = {"images": images, "categories": classes,
                 "annotations": [row | {"id": i, "iscrowd": 0} for i, row in enumerate(annotations, start=1)]}
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        coco = COCO()
        coco.dataset = truth_set
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "segm")
        evaluation.params.maxDets = [1, 10, 1000]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (IoU threshold, recall, class)
    scores = {"AP": _mean(precision), "AP50": _mean(precision[0])}
    return scores | {f"AP50 {name}": _mean(precision[0, :, i]) for i, name in enumerate(class_names)}


def _rows(image: int, id_map: np.ndarray, class_ids: np.ndarray) -> list[dict]:
    """COCO's annotation of each instance."""
    rows = []
    for k, class_id in enumerate(class_ids, start=1):
        mask = rle.encode(np.asfortranarray(id_map == k, dtype=np.uint8))
        rows.append({"image_id": image, "category_id": int(class_id), "segmentation": mask,
                     "area": float(rle.area(mask)), "bbox": rle.toBbox(mask).tolist()})
    return rows


def _mean(precision: np.ndarray) -> float:
    """Over what has a truth; pycocotools marks the rest with -1."""
    known = precision[precision > -1]
    return float(known.mean()) if known.size else -1.0
