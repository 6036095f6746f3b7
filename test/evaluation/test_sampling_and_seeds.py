"""What the embeddings give with centres from the truth, and what the seeds give."""

import numpy as np
import pytest

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.evaluation.sampling import sample_truth, shrunk
from instance_seg_node.evaluation.seeds import SeedQuality

LN2 = float(np.log(2))


def labelled(id_map, *classes):
    id_map = np.array(id_map, np.uint16)
    return LabelledImage(np.zeros((*id_map.shape, 3), np.uint8), id_map, np.array(classes, np.int64))


def heads(x, precision):
    """Embedding (x, 0) and a circle's precision for a picture of one row."""
    x = np.array([x], np.float32)
    return np.stack([x, np.zeros_like(x)]), np.broadcast_to(np.float32(precision), (1, *x.shape)).copy()


def test_the_centre_is_the_mean_over_the_true_mask_and_the_margin_half_membership():
    embedding, bandwidth = heads([0, 2, 1.99, 2.01, 9], 1.01 * LN2)  # centre 1; a distance of 1 is a bit too far
    clusters = sample_truth(embedding, bandwidth, labelled([[1, 1, 0, 0, 0]], 3))
    assert clusters.id_map.tolist() == [[0, 0, 1, 0, 0]]
    embedding, bandwidth = heads([0, 2, 1.99, 2.01, 9], 0.99 * LN2)
    clusters = sample_truth(embedding, bandwidth, labelled([[1, 1, 0, 0, 0]], 3))
    assert clusters.id_map.tolist() == [[1, 1, 1, 0, 0]]
    assert clusters.class_ids.tolist() == [3] and clusters.scores.tolist() == [1]


def test_the_precision_is_the_mean_of_logarithms_over_the_mask():
    embedding, bandwidth = heads([1, 1, 1.99, 2.01], [[LN2 / 4, LN2 * 4, 99, 99]])
    clusters = sample_truth(embedding, bandwidth, labelled([[1, 1, 0, 0]], 0))
    assert clusters.id_map.tolist() == [[1, 1, 1, 0]]


def test_an_ellipse_has_its_own_precision_in_each_direction():
    embedding = np.array([[[0, 2, 0]], [[0, 0, 2]]], np.float32)
    bandwidth = np.full((2, 1, 3), LN2, np.float32)
    bandwidth[0] /= 9  # reaches 3 in x, 1 in y
    assert sample_truth(embedding, bandwidth, labelled([[1, 0, 0]], 0)).id_map.tolist() == [[1, 1, 0]]


def test_a_later_instance_overwrites_and_one_left_without_pixels_is_dropped():
    embedding, bandwidth = heads([0, 0, 5], LN2)
    clusters = sample_truth(embedding, bandwidth, labelled([[1, 2, 3]], 4, 5, 6))
    assert clusters.id_map.tolist() == [[1, 1, 2]] and clusters.class_ids.tolist() == [5, 6]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0, -1])
def test_a_pixel_without_a_usable_precision_belongs_to_none(wrong):
    embedding, bandwidth = heads([0, 0, 0], LN2)
    bandwidth[0, 0, 1] = wrong
    assert sample_truth(embedding, bandwidth, labelled([[1, 1, 0]], 0)).id_map.tolist() == [[1, 0, 1]]
    assert len(sample_truth(embedding, bandwidth, labelled([[0, 1, 0]], 0)).class_ids) == 0


def test_the_truth_is_brought_to_the_resolution_of_the_heads():
    embedding, bandwidth = heads([0, 5], LN2)
    truth = labelled([[1, 1, 0, 2]], 0, 1)
    assert shrunk(truth.instance_map, 1, 2).tolist() == [[1, 2]]
    assert sample_truth(embedding, bandwidth, truth).id_map.tolist() == [[1, 2]]


def seeds(*maps):
    return np.array([[one] for one in maps], np.float32)


def quality_of(seed, id_map, classes, ignore=None, of_model=(0, 1), threshold=0.9):
    quality = SeedQuality(("car", "person"), np.array(of_model), threshold)
    quality.add(seed, np.array([id_map], np.uint16), np.array(classes, np.int64),
                None if ignore is None else np.array([ignore], bool))
    return quality.report()


def test_an_instance_is_judged_by_the_highest_seed_of_its_class_inside_it():
    report = quality_of(seeds([0.5, 0.95, 0.1, 0.2], [0, 0, 0.3, 0.6]), [1, 1, 2, 2], [0, 1])
    assert report["classes"]["car"] == pytest.approx({"highest": 0.95, "above": 1, "starts": 1})
    assert report["classes"]["person"] == pytest.approx({"highest": 0.6, "above": 0, "starts": 0})
    assert (report["highest"], report["above"], report["starts"]) == pytest.approx((0.775, 0.5, 0.5))


def test_an_instance_does_not_start_where_another_class_is_higher():
    report = quality_of(seeds([0.95, 0.2], [0.96, 0.97]), [1, 1], [0])
    assert report["above"] == 1 and report["starts"] == 0


def test_a_seed_at_the_threshold_starts():
    assert quality_of(seeds([0.9], [0]), [1], [0])["starts"] == 1


def test_background_seeds_are_counted_outside_instances_and_ignore():
    seed = seeds([0.95, 0.95, 0.1, 0.95, 0.95], [0, 0, 0, 0, 0])
    report = quality_of(seed, [1, 0, 0, 0, 0], [0], ignore=[0, 0, 0, 0, 1])
    assert report["background_above"] == pytest.approx(2 / 3)
    assert report["above_on_background"] == pytest.approx(2 / 3)


def test_classes_that_only_one_side_has_are_neither_instance_nor_background():
    seed = seeds([0.95, 0.1, 0.1], [0, 0.95, 0.1])
    report = quality_of(seed, [1, 0, 0], [-1], of_model=(0, -1))
    assert report["highest"] == -1
    assert report["background_above"] == 0  # the second pixel is a seed of a class that is not labelled


def test_an_instance_too_small_for_the_heads_has_no_seed():
    quality = SeedQuality(("car", "person"), np.array([0, 1]), 0.9)
    quality.add(seeds([0.95], [0]), np.array([[1, 2, 2]], np.uint16), np.array([0, 0]), None)
    report = quality.report()
    assert report["highest"] == pytest.approx(0.95 / 2) and report["starts"] == 0.5
