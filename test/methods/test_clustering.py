"""The clustering of METHODS 1.6: what it finds, and that it equals the loop of `literal_loop.py`, pixel for pixel."""

import numpy as np
import pytest
from drawn_heads import UNIT, background, drawn_scene, precision, put
from literal_loop import literal_clusters

from instance_seg_node.methods.spatial_embedding import decode
from instance_seg_node.methods.spatial_embedding.decode import Clusterer
from instance_seg_node.model_spec import Thresholds

clusterer = Clusterer()


def one_square(**more):
    """Heads of one object of 20 x 20 pixels."""
    heads = background(**more)
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20))
    return heads


def assert_as_the_literal_loop(heads, thresholds, clusterer=clusterer):
    clusters = clusterer(*heads, thresholds)
    id_map, class_ids, scores = literal_clusters(*heads, thresholds)
    np.testing.assert_array_equal(clusters.id_map, id_map)
    np.testing.assert_array_equal(clusters.class_ids, class_ids)
    np.testing.assert_array_equal(clusters.scores, scores)
    assert [row.dtype for row in (clusters.id_map, clusters.class_ids, clusters.scores)] == ["u2", "i8", "f4"]
    return clusters


def sizes(clusters):
    """Pixels of the background and of each instance."""
    return np.bincount(clusters.id_map.ravel(), minlength=len(clusters.class_ids) + 1).tolist()


# What is found


def test_golden_scene_of_the_method():
    heads = background(96, 160)
    put(heads, slice(10, 40), slice(10, 40), to=(25, 25), p=0.97)     # A
    put(heads, slice(20, 50), slice(90, 120), to=(104, 34), p=0.95)   # B
    put(heads, slice(70, 80), slice(10, 22), to=(15, 80), p=0.96)     # C: 120 px
    put(heads, slice(60, 80), slice(90, 110), to=(100, 70), p=0.85)   # D: no seed
    put(heads, slice(10, 30), slice(50, 70), to=(40, 25), p=0.92)     # E: 15 px from A's centre
    put(heads, slice(40, 50), slice(10, 30), to=(25, 50), p=0.94)     # F: 25 px from A's
    embedding, bandwidth, seed = heads
    embedding[0] *= np.float32(UNIT * 2 / 2047)
    bandwidth[seed > 0.1] = np.exp(7.5)
    bandwidth[0, 40:50, 10:30] = np.exp(6.0)
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert sizes(clusters) == [13160, 1300, 900]
    assert clusters.scores == pytest.approx([0.97, 0.95])
    assert (clusters.id_map[10:30, 50:70] == 1).all(), "E belongs to A"


def test_one_object_is_one_instance():
    clusters = assert_as_the_literal_loop(one_square(), Thresholds())
    assert sizes(clusters) == [64 * 80 - 400, 400]


def test_a_proposal_mostly_taken_is_rejected_and_consumes_its_pixels():
    heads = one_square()
    put(heads, slice(30, 37), slice(10, 30), to=(20, 45), p=0.93, margin_px=30.0)  # 140 px; its margin holds all 540
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert sizes(clusters) == [64 * 80 - 400, 400]


def test_a_later_instance_overwrites_an_earlier_one():
    heads = background()
    put(heads, slice(0, 20), slice(0, 20), to=(10, 10), p=0.99)
    put(heads, slice(0, 20), slice(20, 30), to=(25, 10), p=0.6)  # 15 px from the first and from the next
    put(heads, slice(20, 50), slice(20, 60), to=(40, 10), p=0.95)
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert sizes(clusters) == [64 * 80 - 400 - 200 - 1200, 400, 1400]


def test_an_instance_that_later_ones_cover_is_dropped_and_the_ids_close_up():
    heads = background()
    put(heads, slice(0, 20), slice(0, 20), to=(20, 20), p=0.99, margin_px=5.0)
    put(heads, slice(20, 60), slice(0, 40), to=(30, 20), p=0.97, margin_px=15.0)  # its margin holds the first
    put(heads, slice(0, 20), slice(60, 80), to=(70, 50), p=0.95)
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert sizes(clusters)[1:] == [2000, 400]
    assert clusters.scores == pytest.approx([0.97, 0.95])


def test_the_first_pixel_wins_among_equal_scores():
    heads = background()
    put(heads, slice(40, 60), slice(10, 30), to=(20, 50), p=0.95)
    put(heads, slice(5, 25), slice(50, 70), to=(60, 15), p=0.95)
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert clusters.id_map[10, 60] == 1 and clusters.id_map[50, 20] == 2


def test_identical_centres_are_one_instance():
    heads = one_square()
    put(heads, slice(40, 60), slice(50, 70), to=(20, 20), p=0.93)
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80 - 800, 800]


def test_an_instance_may_touch_every_border():
    heads = background()
    put(heads, slice(None), slice(None), to=(40, 32))
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [0, 64 * 80]


def test_a_pixel_on_the_margin_is_outside():
    heads = one_square(height=8, width=64)
    embedding, bandwidth, seed = heads
    bandwidth[:], embedding[:], seed[:] = np.log(2).astype(np.float32), 0, 0.95
    embedding[0, :, 32:] = 1  # distance 1, times ln 2, is ln 2
    clusters = assert_as_the_literal_loop(heads, Thresholds(min_pixels=10))
    assert sizes(clusters) == [0, 256, 256]
    embedding[0, :, 32:] = np.nextafter(np.float32(1), np.float32(0))
    assert sizes(assert_as_the_literal_loop(heads, Thresholds(min_pixels=10))) == [0, 512]


def test_an_ellipse_reaches_further_along_its_wide_axis():
    heads = background(bandwidths=2)
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20), p=0.97)
    heads[1][0, 10:30, 10:30], heads[1][1, 10:30, 10:30] = precision(30), precision(8)
    put(heads, slice(10, 30), slice(40, 50), to=(45, 20), p=0.6)  # 25 px beside: within
    put(heads, slice(40, 50), slice(10, 30), to=(20, 45), p=0.6)  # 25 px below: outside
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80 - 600, 600]


def test_a_circle_is_an_ellipse_of_equal_axes():
    embedding, bandwidth, seed = drawn_scene(7, bandwidths=1)[0]
    circle = clusterer(embedding, bandwidth, seed, Thresholds(min_pixels=20))
    circle_ids = circle.id_map.copy()
    ellipse = clusterer(embedding, np.repeat(bandwidth, 2, axis=0), seed, Thresholds(min_pixels=20))
    np.testing.assert_array_equal(circle_ids, ellipse.id_map)


def test_a_pixel_stands_for_its_best_class_and_the_lowest_on_a_tie():
    heads = background(classes=3)
    put(heads, slice(0, 20), slice(0, 20), to=(10, 10), p=0.95, of_class=1)
    heads[2][2, 0:20, 0:10] = 0.97
    heads[2][2, 0:20, 10:20] = 0.95
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert clusters.class_ids.tolist() == [2, 1]
    assert (clusters.id_map[0:20, 0:10] == 1).all() and (clusters.id_map[0:20, 10:20] == 2).all()


def test_rows_of_all_classes_are_in_order_of_score():
    heads = background(classes=3)
    for k, (of_class, p) in enumerate([(2, 0.91), (0, 0.93), (1, 0.99), (0, 0.97)]):
        put(heads, slice(0, 20), slice(20 * k, 20 * k + 20), to=(20 * k + 10, 10), margin_px=8, p=p, of_class=of_class)
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert clusters.class_ids.tolist() == [1, 0, 0, 2]
    assert clusters.scores == pytest.approx([0.99, 0.97, 0.93, 0.91])


# Drawn scenes


@pytest.fixture
def as_in_large_images(request, monkeypatch):
    """In three scenes of four, as many bins, bands of rows or both as an image has that would be slow to test."""
    number = request.getfixturevalue("number")
    monkeypatch.setattr(decode, "BIN_PIXELS", (4, decode.BIN_PIXELS)[number % 2])
    monkeypatch.setattr(decode, "BAND_PIXELS", (300, decode.BAND_PIXELS)[number // 2 % 2])
    return Clusterer(threads=2)


@pytest.mark.parametrize("number", range(240))
def test_drawn_scene_is_clustered_as_by_the_literal_loop(number, as_in_large_images):
    heads, thresholds = drawn_scene(number)
    assert_as_the_literal_loop(heads, thresholds, as_in_large_images)


@pytest.mark.parametrize("number", range(240, 320))
def test_drawn_scene_is_refined_as_by_the_literal_loop(number, as_in_large_images):
    heads, thresholds = drawn_scene(number)
    assert_as_the_literal_loop(heads, thresholds.model_copy(update={"refine": True}), as_in_large_images)


def test_drawn_scenes_exercise_the_loop():
    """Guards the two tests above: scenes of one instance at most would prove little."""
    found = [len(clusterer(*heads, thresholds).class_ids) for heads, thresholds in map(drawn_scene, range(0, 240, 6))]
    assert np.mean(np.array(found) >= 4) > 0.3 and max(found) > 15 and min(found) == 0


# The refine pass


def test_refining_finds_pixels_that_a_poor_seed_misses():
    heads = background()
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20), p=0.6, margin_px=10.0)
    heads[0][0, 10, 10] = 12 / UNIT  # the seed: 8 px beside the others
    heads[2][0, 10, 10] = 0.95
    put(heads, slice(10, 30), slice(40, 50), to=(29, 20), p=0.6, margin_px=10.0)  # 9 px beside, on the other side
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80 - 400, 400]
    assert sizes(assert_as_the_literal_loop(heads, Thresholds(refine=True))) == [64 * 80 - 600, 600]


def test_a_seed_whose_own_margin_is_refused_is_not_refined():
    """A large object leaves many seeds at its edge. Each margin, refined, would leave the other seeds to be tried."""
    heads = background()
    put(heads, slice(0, 30), slice(0, 30), to=(20, 20), p=0.95, margin_px=10.0)
    put(heads, slice(40, 50), slice(40, 50), to=(33, 20), p=0.93, margin_px=14.0)  # holds all, found by no other
    heads[2][0, 45, 45] = 0.91
    heads[1][0, 45, 45] = precision(3.0)  # holds 100, which are not free any more
    for refine in (False, True):
        assert sizes(assert_as_the_literal_loop(heads, Thresholds(refine=refine))) == [64 * 80 - 900, 900]


def test_refining_with_equal_bandwidths_keeps_them_exactly():
    heads = one_square(height=8, width=64)
    embedding, bandwidth, seed = heads
    bandwidth[:], embedding[:], seed[:] = np.log(2).astype(np.float32), 0, 0.95
    embedding[0, :, 32:] = 1  # on the margin: within it, were the mean one bit less
    thresholds = Thresholds(min_pixels=10, refine=True)
    assert sizes(assert_as_the_literal_loop(heads, thresholds)) == [0, 256, 256]


# Nothing, everything, and what is not a number


@pytest.mark.parametrize("shape", [(64, 80), (1, 1), (3, 200), (64, 80, 4, 2)])
def test_no_foreground_gives_no_instance(shape):
    heads = background(*shape)
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [heads[0][0].size]


@pytest.mark.parametrize(("side", "count"), [(8, 0), (16, 1)])
def test_foreground_of_no_more_than_min_pixels_gives_no_instance(side, count):
    heads = background()
    put(heads, slice(0, side), slice(0, 16), to=(10, 10))
    assert len(assert_as_the_literal_loop(heads, Thresholds(min_pixels=128)).scores) == count


def test_seeds_below_the_threshold_give_no_instance():
    heads = one_square()
    heads[2][heads[2] > 0.5] = np.nextafter(np.float32(0.9), np.float32(0))
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80]


def test_a_seed_equal_to_the_threshold_suffices_and_a_foreground_equal_does_not():
    heads = one_square()
    heads[2][heads[2] > 0.5] = np.float32(0.9)
    assert len(assert_as_the_literal_loop(heads, Thresholds()).scores) == 1
    assert len(assert_as_the_literal_loop(heads, Thresholds(foreground=0.9)).scores) == 0


@pytest.mark.parametrize("head", ["x", "y", "bandwidth x", "bandwidth y", "own seed", "another class's seed"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_not_finite_is_background(head, value):
    heads = one_square(classes=2, bandwidths=2)
    number = ["x", "y", "bandwidth x", "bandwidth y", "own seed", "another class's seed"].index(head)
    heads[number // 2][number % 2, 12:14, 10:30] = value
    clusters = assert_as_the_literal_loop(heads, Thresholds())
    assert sizes(clusters) == [64 * 80 - 360, 360] and not clusters.id_map[12:14].any()


@pytest.mark.parametrize("value", [0.0, -0.0, -5.0])
def test_a_pixel_whose_bandwidth_is_not_positive_is_background(value):
    heads = one_square(bandwidths=2)
    heads[1][1, 12:14, 10:30] = value
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80 - 360, 360]


def test_heads_of_nothing_but_nan_give_no_instance():
    heads = [np.full_like(head, np.nan) for head in background()]
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80]


@pytest.mark.parametrize("value", [1e30, -1e30, 3.4e38, -3.4e38])
def test_embeddings_may_lie_far_outside_the_image(value):
    heads = one_square()
    heads[0][0, 12:14, 10:30] = value
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [64 * 80 - 360, 360]


def test_a_huge_margin_takes_everything():
    heads = background()
    heads[2][:] = 0.6
    heads[2][0, 40, 40], heads[1][0, 40, 40] = 0.95, 1e-38
    heads[0][0, :5] = 1e15
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [0, 64 * 80]


def test_a_tiny_margin_takes_equal_embeddings_only():
    heads = one_square()
    heads[1][heads[2] > 0.5] = 3e38
    heads[0][0, 10, 10:30] = np.nextafter(heads[0][0, 15, 15], np.float32(1))
    assert_as_the_literal_loop(heads, Thresholds())
    assert sizes(clusterer(*heads, Thresholds())) == [64 * 80 - 380, 380]


# Many


def test_an_instance_of_more_than_65535_pixels():
    heads = background(260, 300)
    put(heads, slice(None), slice(0, 270), to=(130, 130))
    assert sizes(assert_as_the_literal_loop(heads, Thresholds())) == [30 * 260, 270 * 260]


def dots(rows, columns):
    """Two pixels high and one wide, each an object of its own."""
    heads = background(2 * rows, columns)
    heads[0][1] = np.repeat(heads[0][1, ::2], 2, axis=0)
    heads[1][:] = precision(0.4)
    heads[2][:] = 0.95
    return heads


def test_more_than_255_instances():
    clusters = assert_as_the_literal_loop(dots(20, 20), Thresholds(min_pixels=1, min_unclustered=0.4))
    assert sizes(clusters) == [0] + [2] * 400


def test_of_more_than_65534_instances_the_best_are_kept():
    embedding, bandwidth, seed = dots(256, 270)
    seed[0] = np.repeat(np.linspace(1, 0.9, 256 * 270).reshape(256, 270), 2, axis=0)
    clusters = clusterer(embedding, bandwidth, seed, Thresholds(seed=0.5, min_pixels=0, min_unclustered=0.4))
    assert sizes(clusters) == [2 * (256 * 270 - 65534)] + [2] * 65534
    expected = np.repeat(np.arange(1, 256 * 270 + 1).reshape(256, 270), 2, axis=0)
    np.testing.assert_array_equal(clusters.id_map, np.where(expected > 65534, 0, expected))
    np.testing.assert_array_equal(clusters.scores, seed[0, ::2].ravel()[:65534])


# How it may be called


def test_a_hundred_runs_are_equal():
    heads, thresholds = drawn_scene(11)
    first = clusterer(*heads, thresholds).id_map.copy()
    assert first.max() > 1
    for _ in range(100):
        np.testing.assert_array_equal(clusterer(*heads, thresholds).id_map, first)


def test_the_number_of_threads_does_not_matter():
    tile, thresholds = drawn_scene(11, classes=2, bandwidths=2)
    rows, columns = 1 + 1200 // tile[0].shape[1], 1 + 1200 // tile[0].shape[2]
    heads = [np.tile(head, (1, rows, columns)) for head in tile]  # large enough for threads
    one, three = (Clusterer(threads)(*heads, thresholds) for threads in (1, 3))
    assert len(one.scores) > 1
    np.testing.assert_array_equal(one.id_map, three.id_map)
    np.testing.assert_array_equal(one.class_ids, three.class_ids)
    np.testing.assert_array_equal(one.scores, three.scores)


def test_the_size_may_change_between_calls():
    for number in (3, 4, 3):
        heads, thresholds = drawn_scene(number)
        assert_as_the_literal_loop(heads, thresholds)


def test_the_id_map_is_overwritten_by_the_next_call():
    first = clusterer(*one_square(), Thresholds())
    kept = first.scores.copy()
    clusterer(*background(), Thresholds())
    assert not first.id_map.any()
    np.testing.assert_array_equal(first.scores, kept)


def test_arrays_need_not_be_contiguous_or_writeable():
    heads, thresholds = drawn_scene(11)
    expected = clusterer(*heads, thresholds).id_map.copy()
    strided = [np.ascontiguousarray(head.transpose(2, 1, 0)).transpose(2, 1, 0) for head in heads]
    for head in strided:
        head.flags.writeable = False
    assert not strided[0].flags.c_contiguous
    np.testing.assert_array_equal(clusterer(*strided, thresholds).id_map, expected)


def test_the_heads_are_left_as_they_are():
    heads, thresholds = drawn_scene(12)
    before = [head.copy() for head in heads]
    clusterer(*heads, thresholds)
    for head, copy in zip(heads, before):
        np.testing.assert_array_equal(head, copy)


@pytest.mark.parametrize(("number", "head", "says"), [
    (0, np.zeros((2, 8, 8)), r"embedding must be a float32 array \(channels, h, w\), got float64 \(2, 8, 8\)"),
    (0, np.zeros((3, 8, 8), np.float32), r"embedding must have 2 channels, got shape \(3, 8, 8\)"),
    (0, [[[0.0]]], "embedding must be a float32 array .* got list"),
    (1, np.zeros((8, 8), np.float32), r"bandwidth must be a float32 array \(channels, h, w\), got float32 \(8, 8\)"),
    (1, np.zeros((3, 8, 8), np.float32), r"bandwidth must have 1 or 2 channels, got shape \(3, 8, 8\)"),
    (1, np.zeros((1, 8, 9), np.float32), r"bandwidth and seed must be of one size, got \(8, 9\) and \(8, 8\)"),
    (1, np.zeros((1, 8, 8), ">f4"), "bandwidth must be a float32 array"),
    (2, np.zeros((0, 8, 8), np.float32), r"seed must not be empty, got shape \(0, 8, 8\)"),
    (2, np.zeros((1, 8, 8), np.float16), r"seed must be a float32 array \(channels, h, w\), got float16 \(1, 8, 8\)"),
])
def test_wrong_heads_are_refused(number, head, says):
    heads = list(background(8, 8))
    heads[number] = head
    with pytest.raises(ValueError, match=says):
        clusterer(*heads, Thresholds())


@pytest.mark.parametrize("shape", [(0, 8), (8, 0)])
def test_heads_of_no_pixels_are_refused(shape):
    with pytest.raises(ValueError, match="embedding must not be empty"):
        clusterer(*(np.zeros((channels, *shape), np.float32) for channels in (2, 1, 1)), Thresholds())
