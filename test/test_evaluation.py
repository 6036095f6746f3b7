"""Average precision of masks, by pycocotools."""

import numpy as np
import pytest

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.evaluation import average_precision
from instance_seg_node.methods import Clusters


def squares(*columns, classes=None):
    """A truth, uint16 ids: a 20 x 20 square at each start column."""
    ids = np.zeros((30, 120), np.uint16)
    for k, column in enumerate(columns, start=1):
        ids[5:25, column:column + 20] = k
    classes = np.zeros(len(columns), np.int64) if classes is None else np.array(classes)
    return LabelledImage(np.zeros((30, 120, 3), np.uint8), ids, classes, np.arange(len(columns)))


def found(truth, scores=None):
    scores = np.ones(len(truth)) if scores is None else np.array(scores)
    return Clusters(truth.instance_map, truth.class_ids, scores.astype(np.float32))


def test_the_truth_has_ap_one():
    truth = squares(0, 30, 60, classes=[0, 1, 1])
    scores = average_precision([found(truth)], [truth], ["car", "person"])
    assert scores == pytest.approx({"AP": 1, "AP50": 1, "AP50 car": 1, "AP50 person": 1}, abs=1e-9)


def test_nothing_found_has_ap_zero():
    assert average_precision([found(squares())], [squares(0)], ["car"])["AP50"] == 0


def test_half_of_the_objects_found_has_ap_of_about_one_half():
    scores = average_precision([found(squares(0))], [squares(0, 60)], ["car"])
    assert scores["AP50"] == pytest.approx(51 / 101)


def test_right_mask_of_the_wrong_class_counts_as_nothing():
    scores = average_precision([found(squares(0, classes=[1]))], [squares(0)], ["car", "person"])
    assert scores["AP50 car"] == 0


def test_mask_of_iou_two_thirds_counts_up_to_that_threshold():
    scores = average_precision([found(squares(4))], [squares(0)], ["car"])  # 16 of 24 columns
    assert scores["AP50"] == pytest.approx(1)
    assert scores["AP"] == pytest.approx(0.4)  # 0.50, 0.55, 0.60, 0.65


def test_class_without_truth_is_left_out_of_the_mean():
    scores = average_precision([found(squares(0))], [squares(0)], ["car", "train"])
    assert scores["AP50"] == pytest.approx(1) and scores["AP50 train"] == -1


def test_false_positive_with_the_higher_score_halves_the_precision():
    truth, result = squares(0), squares(0, 60)
    assert average_precision([found(result, [0.5, 0.9])], [truth], ["car"])["AP50"] == pytest.approx(0.5)
    assert average_precision([found(result, [0.9, 0.5])], [truth], ["car"])["AP50"] == pytest.approx(1)
