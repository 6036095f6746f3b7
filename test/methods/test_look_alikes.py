"""Classes that are taken for each other: an object has one of them, and one mask."""

import numpy as np
import pytest
from drawn_heads import background, drawn_scene, put
from literal_loop import literal_clusters

from instance_seg_node.methods import DECODERS
from instance_seg_node.methods.spatial_embedding.decode import Clusterer
from instance_seg_node.methods.spatial_embedding.look_alikes import GroupClusterer
from instance_seg_node.model_spec import Thresholds

CAR, BUS, TRAM = range(3)
BUS_OR_TRAM = [[CAR], [BUS, TRAM]]


def tram_with_the_face_of_a_bus(of_face=BUS):
    """20 x 40 pixels that all point to one centre; of the left quarter, the face, the seeds say something else."""
    heads = background(classes=3)
    heads[2][:] = 0.0
    put(heads, slice(10, 30), slice(10, 50), to=(30, 20), margin_px=30, p=0.95, of_class=TRAM)
    heads[2][TRAM, 10:30, 10:20] = 0.0
    heads[2][of_face, 10:30, 10:20] = 0.97
    return heads


def test_an_object_of_two_look_alikes_is_one_instance_of_the_class_of_most_of_its_pixels():
    clusters = GroupClusterer(BUS_OR_TRAM)(*tram_with_the_face_of_a_bus(), Thresholds())
    assert clusters.class_ids.tolist() == [TRAM]
    assert (clusters.id_map == 1).sum() == 20 * 40
    apart = Clusterer()(*tram_with_the_face_of_a_bus(), Thresholds())
    assert sorted(apart.class_ids.tolist()) == [BUS, TRAM]


def test_classes_of_different_groups_stay_apart():
    clusters = GroupClusterer(BUS_OR_TRAM)(*tram_with_the_face_of_a_bus(of_face=CAR), Thresholds())
    assert sorted(clusters.class_ids.tolist()) == [CAR, TRAM]


def test_two_look_alikes_that_are_half_believed_are_believed_together():
    heads = background(classes=3)
    put(heads, slice(10, 30), slice(10, 50), to=(30, 20), margin_px=30, p=0.7, of_class=BUS)
    heads[2][TRAM, 10:30, 10:50] = 0.71
    clusters = GroupClusterer(BUS_OR_TRAM)(*heads, Thresholds())
    assert clusters.class_ids.tolist() == [TRAM]
    assert clusters.scores == pytest.approx(1 - 0.3 * 0.29)
    assert len(Clusterer()(*heads, Thresholds()).scores) == 0


def test_as_many_pixels_for_one_class_as_for_another_are_the_first_of_the_two():
    heads = tram_with_the_face_of_a_bus()
    heads[2][TRAM, 10:30, 10:30], heads[2][BUS, 10:30, 10:30] = 0.0, 0.95
    assert GroupClusterer(BUS_OR_TRAM)(*heads, Thresholds()).class_ids.tolist() == [BUS]


def literal(heads, groups, thresholds):
    """The definition: seeds of a group as one map, METHODS 1.6, then a count of pixels."""
    embedding, bandwidth, seed = heads
    merged = []
    for group in groups:
        none_of_them = np.ones_like(seed[0])
        for c in group:
            with np.errstate(over="ignore", invalid="ignore"):
                none_of_them = none_of_them * (np.float32(1) - seed[c])
        merged.append(seed[group[0]] if len(group) == 1 else np.float32(1) - none_of_them)
    id_map, group_of, scores = literal_clusters(embedding, bandwidth, np.stack(merged), thresholds)
    class_ids = []
    for k, g in enumerate(group_of, 1):
        best = np.array(groups[g])[seed[groups[g]][:, id_map == k].argmax(axis=0)]
        class_ids.append(np.bincount(best).argmax())
    return id_map, class_ids, scores


@pytest.mark.parametrize("number", range(40))
def test_equals_its_definition(number):
    heads, thresholds = drawn_scene(number, classes=5)
    groups = [[[0, 3], [1], [2, 4]], [[0, 1, 2, 3, 4]], [[0], [1, 2], [3], [4]]][number % 3]
    with np.errstate(all="ignore"):
        id_map, class_ids, scores = literal(heads, groups, thresholds)
    clusters = GroupClusterer(groups)(*heads, thresholds)
    np.testing.assert_array_equal(clusters.id_map, id_map)
    assert clusters.class_ids.tolist() == class_ids
    np.testing.assert_array_equal(clusters.scores, scores)


def test_classes_that_all_stand_alone_are_clustered_as_published():
    assert isinstance(DECODERS["spatial_embedding"]([[0], [1]]), Clusterer)
    assert isinstance(DECODERS["spatial_embedding"]([[0, 1]]), GroupClusterer)


def test_seeds_of_other_classes_than_the_groups_are_refused():
    with pytest.raises(ValueError, match=r"seed must have 3 channels, got shape \(1, 64, 80\)"):
        GroupClusterer(BUS_OR_TRAM)(*background(), Thresholds())
