"""Instances as plain values, for files that other programs read."""

import numpy as np
from pycocotools import mask

from .instances import Instances
from .model_spec import ModelSpec


def rows(instances: Instances, spec: ModelSpec) -> list[dict]:
    """One dict per instance, ready for JSON: id, class_id, class (its name), score, box, area, mask.

    box: x0 y0 x1 y1 in pixels. mask: COCO's compressed run lengths. A score is the exact value of its float32.
    """
    columns = zip(instances.class_ids.tolist(), instances.scores.tolist(), instances.boxes.tolist(),
                  instances.areas.tolist(), coco_masks(instances.id_map, len(instances)), strict=True)
    return [{"id": number, "class_id": class_id, "class": spec.classes[class_id].name, "score": score, "box": box,
             "area": area, "mask": runs}
            for number, (class_id, score, box, area, runs) in enumerate(columns, 1)]


def coco_masks(id_map: np.ndarray, count: int) -> list[dict]:
    """The masks of ids 1 to `count` of a uint16 (H, W) map: {"size": [H, W], "counts": str}, as pycocotools reads them.

    One pass over the map, however many instances there are.
    """
    height, width = id_map.shape
    flat = id_map.T.ravel()  # COCO counts down the columns
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], edges, [flat.size]))
    ids = flat[bounds[:-1]]
    order = np.argsort(ids, kind="stable")
    first = np.searchsorted(ids[order], np.arange(1, count + 2))
    masks = []
    for k in range(count):
        runs = order[first[k]:first[k + 1]]
        switches = np.stack((bounds[runs], bounds[runs + 1]), axis=1).ravel()
        lengths = np.diff(switches, prepend=0, append=flat.size)
        if lengths[-1] == 0:
            lengths = lengths[:-1]
        encoded = mask.frPyObjects({"size": [height, width], "counts": lengths.tolist()}, height, width)
        masks.append({"size": [height, width], "counts": encoded["counts"].decode("ascii")})
    return masks
