"""Which found instance is which true one, what each class was taken for, and how many pixels were found."""

import numpy as np
import pytest

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.errors import InputError
from instance_seg_node.evaluation.classes import shared_classes
from instance_seg_node.evaluation.confusion import Confusion, PixelRecall
from instance_seg_node.evaluation.matching import match, quality
from instance_seg_node.methods import Clusters


def art(text):
    """Letters of a line to instance ids, uint16 (1, W): a is 1, . is none."""
    return np.array([[0 if c == "." else ord(c) - ord("a") + 1 for c in text]], np.uint16)


def truth(text, *classes, ignore=None):
    ids = art(text)
    return LabelledImage(np.zeros((*ids.shape, 3), np.uint8), ids, np.array(classes, np.int64),
                         ignore=None if ignore is None else art(ignore) > 0)


def found(text, *classes):
    return Clusters(art(text), np.array(classes, np.int64), np.linspace(1, 0.5, len(classes), dtype=np.float32))


def test_the_pair_with_an_iou_above_one_half_is_a_match():
    matching = match(truth("aaaa.bbb", 0, 0), found("aaa..abb", 0, 0))
    assert matching.true.tolist() == [0, 1] and matching.found.tolist() == [0, 1]
    assert matching.shared.tolist() == [3, 2]
    assert matching.iou.tolist() == pytest.approx([3 / 5, 2 / 3])
    assert len(matching.missed) == len(matching.spare) == 0


def test_an_iou_of_one_half_is_none():
    matching = match(truth("aaaa", 0), found("aa..", 0))
    assert len(matching.true) == 0 and matching.missed.tolist() == [0] and matching.spare.tolist() == [0]


@pytest.mark.parametrize(("ignore", "spare"), [("..aa", [0]), (".aaa", []), (None, [0])])
def test_what_lies_mostly_in_ignore_is_not_spare(ignore, spare):
    assert match(truth("....", ignore=ignore), found("aaaa", 0)).spare.tolist() == spare


def test_nothing_matches_nothing():
    matching = match(truth("...."), found("...."))
    assert quality(matching, np.zeros(0, bool)) == 1


def test_quality_is_the_iou_of_right_pairs_over_the_mean_number_of_instances():
    matching = match(truth("aaaa.bb.cc", 0, 1, 0), found("aaa..bb...", 0, 0))
    assert quality(matching, np.array([True, False])) == pytest.approx(0.75 / 2.5)


def test_a_perfect_image_has_quality_one():
    assert quality(match(truth("aab", 0, 1), found("aab", 0, 1)), np.array([True, True])) == 1


def test_confusion_counts_what_was_found_for_each_true_class():
    confusion = Confusion(["car", "truck"], ["bus", "car"])
    one, result = truth("aa.bb.cc..", 0, 1, 1), found("aa.bb....c", 1, 1, 0)
    confusion.add(one, result, match(one, result))
    assert confusion.report() == {"true": ["car", "truck", "nothing"], "found": ["bus", "car", "nothing"],
                                  "counts": [[0, 1, 0],   # the car is a car
                                             [0, 1, 1],   # one truck is taken for a car, one is missed
                                             [1, 0, 0]]}  # a bus where there is nothing


def test_pixels_count_as_found_in_a_match_of_the_same_class():
    recall = PixelRecall(["car", "truck", "bus"])
    one, result = truth("aaaa.bbb.c", 0, 1, 1), found("aaa..bbb.c", 0, 1, 0)
    matching = match(one, result)
    recall.add(one, matching, one.class_ids[matching.true] == result.class_ids[matching.found])
    assert recall.report() == {"all": 6 / 8, "classes": {"car": 3 / 4, "truck": 3 / 4, "bus": -1}}


def test_classes_are_shared_by_name():
    shared = shared_classes(["dog", "person", "car"], ["car", "truck", "person"])
    assert shared.names == ("person", "car")
    assert (shared.lacking, shared.unlabelled) == (("dog",), ("truck",))
    assert shared.of_truth.tolist() == [-1, 0, 1] and shared.of_model.tolist() == [1, -1, 0]
    image = shared.truth(truth("aabbcc", 2, 0, 1))
    assert image.instance_map.tolist() == [[1, 1, 0, 0, 2, 2]] and image.class_ids.tolist() == [1, 0]
    clusters = shared.found(found("aabbcc", 1, 2, 0))
    assert clusters.id_map.tolist() == [[0, 0, 1, 1, 2, 2]] and clusters.class_ids.tolist() == [0, 1]
    assert clusters.scores.tolist() == [0.75, 0.5]


def test_no_class_in_common_is_an_error_that_names_both_sides():
    with pytest.raises(InputError, match="the model finds car, truck, the dataset has dog: no class in common"):
        shared_classes(["dog"], ["car", "truck"])
