"""Instances as JSON rows, masks as COCO run lengths."""

import json

import numpy as np
import pytest
from pycocotools import mask

from instance_seg_node.instances import Instances
from instance_seg_node.model_spec import ModelSpec, ObjectClass, Provenance
from instance_seg_node.outputs import coco_masks, rows

SPEC = ModelSpec(name="m", input_height=8, input_width=8, provenance=Provenance(data="-", licence="-", command="-"),
                 classes=(ObjectClass(name="car", color=(1, 2, 3)), ObjectClass(name="bus", color=(4, 5, 6))))


@pytest.mark.parametrize("seed", range(20))
def test_masks_are_byte_for_byte_those_of_pycocotools(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 40, 2)
    count = int(rng.integers(1, 6))
    id_map = np.repeat(rng.integers(0, count + 1, (height, width)), 3, axis=0).astype(np.uint16)
    expected = [mask.encode(np.asfortranarray(id_map == k, np.uint8)) for k in range(1, count + 1)]
    assert coco_masks(id_map, count) == [{"size": list(e["size"]), "counts": e["counts"].decode()} for e in expected]


@pytest.mark.parametrize("draw", [np.ones, np.zeros, np.eye])
def test_full_empty_and_corner_masks_are_those_of_pycocotools(draw):
    id_map = draw((4, 4) if draw is not np.eye else 4, dtype=np.uint16)
    expected = mask.encode(np.asfortranarray(id_map == 1, np.uint8))
    assert coco_masks(id_map, 1) == [{"size": list(expected["size"]), "counts": expected["counts"].decode()}]


def test_a_row_keeps_the_exact_score_and_says_class_box_and_area():
    id_map = np.array([[0, 1, 1], [2, 0, 0]], np.uint16)
    score = np.float32(0.1)
    instances = Instances(id_map, np.array([1, 0]), np.array([0.9, score], np.float32),
                          np.array([[1, 0, 3, 1], [0, 1, 1, 2]], np.float32), np.array([2, 1]))
    first, second = json.loads(json.dumps(rows(instances, SPEC)))
    assert {k: v for k, v in first.items() if k not in ("mask", "score")} == {
        "id": 1, "class_id": 1, "class": "bus", "box": [1.0, 0.0, 3.0, 1.0], "area": 2}
    assert second["score"] == float(score)
    np.testing.assert_array_equal(mask.decode(second["mask"]), id_map == 2)


def test_no_instances_are_no_rows():
    nothing = np.zeros(0, np.int64)
    id_map = np.zeros((2, 3), np.uint16)
    none = Instances(id_map, nothing, np.zeros(0, np.float32), np.zeros((0, 4), np.float32), nothing)
    assert rows(none, SPEC) == []
