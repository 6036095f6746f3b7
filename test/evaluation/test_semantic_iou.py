"""IoU, precision and recall of classes, from label and class maps drawn as text: capitals are labels."""

import numpy as np
import pytest

from instance_seg_node.evaluation.semantic import Correspondence, class_scores, pixel_counts
from instance_seg_node.instances import UNLABELLED

LABELS = "RCBV"  # road, car, bicyclist, void
CLASSES = ("car", "truck", "rider", "bicycle")
CAR = Correspondence("car", (1,), ("car", "truck"))
BICYCLIST = Correspondence("bicyclist", (2,), ("rider", "bicycle", "motorcycle"))


def art(text, letters):
    """Places of a line's letters among `letters`, uint8 (1, W); . is UNLABELLED."""
    return np.array([[UNLABELLED if c == "." else letters.index(c) for c in text]], np.uint8)


def counts(labels, found):
    return pixel_counts(art(labels, LABELS), art(found, "ctrb"), len(LABELS), len(CLASSES), ignore=3)


def scores(one, labels, found):
    return class_scores(counts(labels, found), one, CLASSES)


def test_a_pixel_counts_where_its_label_meets_its_class():
    assert counts("RRCB",
                  "c.cb").tolist() == [[1, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]


def test_two_thirds_of_a_car_and_as_much_road_are_precision_one_half_and_iou_two_fifths():
    assert scores(CAR, "RRCCC",
                       "cccc.") == pytest.approx({"IoU": 2 / 5, "precision": 1 / 2, "recall": 2 / 3})


def test_a_car_found_as_a_truck_is_right_where_labels_do_not_tell_them_apart():
    assert scores(CAR, "RCC", ".ct")["IoU"] == 1


def test_rider_and_bicycle_together_are_the_bicyclist():
    assert scores(BICYCLIST, "RBB", ".rb")["IoU"] == 1


def test_another_class_on_a_car_is_an_error_of_both():
    assert scores(CAR, "CB", "rr") == {"IoU": 0, "precision": -1, "recall": 0}
    assert scores(BICYCLIST, "CB", "rr") == {"IoU": 1 / 2, "precision": 1 / 2, "recall": 1}


def test_what_is_found_where_nothing_is_labelled_neither_helps_nor_harms():
    assert scores(CAR, "CVV", "ccc") == scores(CAR, "CVV", "c..") == {"IoU": 1, "precision": 1, "recall": 1}


def test_images_are_pooled_by_their_pixels():
    assert class_scores(counts("CCC", "ccc") + counts("C", "."), CAR, CLASSES)["recall"] == 3 / 4


def test_nothing_true_and_nothing_found_is_nothing_to_measure():
    assert scores(CAR, "RR", "..") == {"IoU": -1, "precision": -1, "recall": -1}


def test_a_label_beyond_the_last_is_refused():
    with pytest.raises(ValueError, match="below 4.*got up to 9"):
        pixel_counts(np.full((1, 2), 9, np.uint8), art("..", ""), len(LABELS), len(CLASSES), ignore=3)


def test_labels_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"size \(1, 2\), got up to 1 and \(1, 3\)"):
        counts("RCR", "..")
