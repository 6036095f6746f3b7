"""What `benchmarks/choices.py` compares with the node's way from heads to instances."""

import numpy as np
import pytest
from drawn_heads import UNIT, background, drawn_scene, put
from tiny_model import blobs

from benchmarks.choice_clusters import Heads, assigned, rescored
from benchmarks.choice_variants import PITCH_X, SHIPPED, choices_of, heads_of, instances, mirrored, nearest
from benchmarks.choices import differences, measured
from instance_seg_node.frame import Frame
from instance_seg_node.methods import DECODERS, Clusters
from instance_seg_node.model_spec import ModelSpec, Thresholds
from instance_seg_node.segmenter import open_segmenter


def drawn(number, **changes):
    heads, thresholds = drawn_scene(number, classes=4)
    np.clip(heads[0], -4, 4, out=heads[0])  # as tanh and a grid give; from 2^16 on the node's refine pass cuts
    return Heads(*heads), thresholds.model_copy(update=changes)


@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("number", range(15))
def test_clusters_assigned_as_found_are_the_nodes(number, refine):
    heads, thresholds = drawn(number, refine=refine)
    groups = [[[0, 3], [1], [2]], [[0], [1], [2], [3]]][number % 2]
    with np.errstate(all="ignore"):
        found = assigned(heads, groups, thresholds).clusters
    expected = DECODERS["spatial_embedding"](groups)(*heads, thresholds=thresholds)
    np.testing.assert_array_equal(found.id_map, expected.id_map)
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_a_pixel_of_two_clusters_goes_to_the_nearer_centre():
    heads, columns = Heads(*background()), np.arange(21, 44)
    put(heads, slice(0, 12), slice(0, 40), to=(20, 32), margin_px=20, p=0.95)
    put(heads, slice(52, 64), slice(0, 40), to=(44, 32), margin_px=20, p=0.94)
    for column in columns:  # pixels that point to all places between the two
        put(heads, slice(20, 21), slice(column, column + 1), to=(column, 32), p=0.6)
    last, largest = (assigned(heads, [[0]], Thresholds(min_pixels=50), to_largest=choice).clusters.id_map[20, columns]
                     for choice in (False, True))
    assert largest.tolist() == [1] * 12 + [2] * 11  # the middle, 12 px from both, to the better seed
    assert last.tolist() == [1] * 4 + [2] * 19  # all within 20 px of the second


def test_largest_membership_keeps_an_instance_that_a_later_one_would_cover():
    heads = Heads(*background())
    put(heads, slice(10, 20), slice(10, 20), to=(20, 32), margin_px=5, p=0.96)
    put(heads, slice(30, 50), slice(10, 50), to=(28, 32), margin_px=15, p=0.95)
    thresholds = Thresholds(min_pixels=50)
    assert len(assigned(heads, [[0]], thresholds).clusters.scores) == 1
    kept = assigned(heads, [[0]], thresholds, to_largest=True).clusters
    assert (kept.id_map[10:20, 10:20] == 1).all() and (kept.id_map[30:50, 10:50] == 2).all()


def test_memberships_and_seed_probabilities_are_means_over_the_pixels_of_an_instance():
    heads = Heads(*background())
    put(heads, slice(0, 10), slice(0, 10), to=(20, 32), p=0.95)
    put(heads, slice(10, 20), slice(0, 10), to=(30, 32), p=0.65)  # half a margin away: half ** (1 / 4)
    found = assigned(heads, [[0]], Thresholds(min_pixels=50))
    assert found.membership == pytest.approx((1 + 0.5 ** 0.25) / 2, rel=1e-4)
    assert found.seed == pytest.approx((0.95 + 0.65) / 2)
    scores = rescored(found, lambda seed, membership, mean_seed: seed * mean_seed).scores
    assert scores == pytest.approx(0.95 * 0.8)


@pytest.mark.parametrize("number", range(5))
def test_heads_mirrored_twice_are_the_heads(number):
    heads, _ = drawn(number)
    with np.errstate(all="ignore"):
        twice = mirrored(mirrored(heads))
    for once, head in zip(twice, heads, strict=True):
        np.testing.assert_allclose(once, head, rtol=1e-5, atol=1e-6)


def test_a_pixel_that_points_to_itself_points_to_itself_in_the_mirror():
    rows, columns = np.mgrid[:8, :20]
    embedding = np.stack([columns * PITCH_X, rows / UNIT]).astype(np.float32)
    heads = Heads(embedding, np.ones((1, 8, 20), np.float32), np.ones((1, 8, 20), np.float32))
    np.testing.assert_allclose(mirrored(heads).embedding, embedding, atol=1e-7)


def grey_blobs(images):
    """A network that sees a mirror image as it sees the image: a rectangle of one grey value points to its middle, and
    its seed is that value."""
    [rgb] = images
    heads = background(*rgb.shape[:2])
    for grey in np.unique(rgb[rgb > 0]):
        rows, columns = np.nonzero(rgb[..., 0] == grey)
        put(heads, slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1),
            to=(columns.mean(), rows.mean()), p=grey / 255)
    return dict(zip(Heads._fields, (head[None] for head in heads), strict=True))


@pytest.fixture
def spec(model):
    spec = ModelSpec.load(model)
    return spec.model_copy(update={"classes": spec.classes[:1]})


def test_flip_leaves_the_instances_of_a_network_that_sees_mirror_images_alike(spec):
    rgb = np.zeros((64, 80, 3), np.uint8)
    rgb[10:30, 5:25], rgb[20:60, 50:60] = 250, 240
    choices, heads = choices_of(spec), heads_of(grey_blobs, rgb)
    shipped, flipped = (instances(choices[name], grey_blobs, rgb, heads, (64, 80)) for name in (SHIPPED, "flip"))
    assert len(shipped) == 2
    assert [(shipped.id_map == k).sum() for k in (1, 2)] == [20 * 20, 40 * 10]
    np.testing.assert_array_equal(flipped.id_map, shipped.id_map)
    assert flipped.scores == pytest.approx(shipped.scores)


def test_flip_takes_the_mean_of_both_seeds(spec):
    def looks_left(images):
        heads = grey_blobs(images)
        heads["seed"][..., 40:] *= 0.9
        return heads

    rgb = np.zeros((64, 80, 3), np.uint8)
    rgb[10:30, 5:25] = 250
    found = instances(choices_of(spec)["flip"], looks_left, rgb, heads_of(looks_left, rgb), (64, 80))
    assert found.scores == pytest.approx(250 / 255 * 0.95)


def test_the_shipped_way_is_the_nodes(model):
    segmenter, rgb = open_segmenter(model), blobs()
    [expected] = segmenter([Frame(blobs(height=256, width=512))])
    choices, heads = choices_of(segmenter.spec), heads_of(segmenter.engine, rgb)
    found = instances(choices[SHIPPED], segmenter.engine, rgb, heads, (256, 512))
    np.testing.assert_array_equal(found.id_map, expected.id_map)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_each_choice_changes_one_setting_of_the_shipped_way(spec):
    assert spec.thresholds.min_pixels == 8
    names = list(choices_of(spec))
    assert names[0] == SHIPPED and "refine on" in names and "min_pixels 4" in names
    assert "min_pixels 8" not in names and "look-alikes apart" not in names  # they would be as shipped


def test_nearest_repeats_the_pixels_of_the_network():
    id_map = np.arange(12, dtype=np.uint16).reshape(3, 4)
    clusters = Clusters(id_map, np.zeros(11, np.int64), np.ones(11, np.float32))
    np.testing.assert_array_equal(nearest(clusters, 12, 16).id_map, id_map.repeat(4, 0).repeat(4, 1))


def test_min_pixels_of_a_choice_counts(spec):
    heads = Heads(*background())
    put(heads, slice(0, 3), slice(0, 2), to=(20, 32))
    found = {name: len(choice.cluster(heads).scores) for name, choice in choices_of(spec).items()
             if name in (SHIPPED, "min_pixels 4")}
    assert found == {SHIPPED: 0, "min_pixels 4": 1}


@pytest.fixture
def two_right_and_one_wrong(model, tmp_path):
    """A segmenter of the tiny model, and files of three images; in the third, the truth is half a mask to the side."""
    segmenter, rgb = open_segmenter(model), blobs()
    [truth] = segmenter([Frame(rgb)])
    files = [tmp_path / f"{i}.npz" for i in range(3)]
    for i, file in enumerate(files):
        id_map = np.roll(truth.id_map, 16, axis=1) if i == 2 else truth.id_map
        np.savez(file, rgb=rgb, instance_map=id_map, class_ids=truth.class_ids)
    return segmenter, files


def test_the_first_half_of_the_streets_is_scored_apart_from_the_second(two_right_and_one_wrong):
    segmenter, files = two_right_and_one_wrong
    choices = {name: choice for name, choice in choices_of(segmenter.spec).items() if name in (SHIPPED, "flip")}
    found = measured(choices, segmenter.engine, segmenter.spec, files)
    _, first, second = found[SHIPPED]["scores"]
    assert first["AP"] == 1
    assert second["AP"] == 0
    assert found[SHIPPED]["ms"] > 0


def scores(*figures):
    """Of all streets and of both halves."""
    return [{"AP": ap, "AP50": 0.5, "sizes": {"small": 0.0}} for ap in figures]


def test_differences_are_in_points_of_ap():
    found = differences({"scores": scores(0.25, 0.2, 0.3), "ms": 7.0}, {"scores": scores(0.2, 0.1, 0.35), "ms": 5.0})
    assert found == {"AP": pytest.approx(5), "AP50": 0, "small": 0, "AP of halves": pytest.approx([10, -5]), "ms": 2}


def test_a_prototype_has_no_time():
    assert differences({"scores": scores(0, 0, 0), "ms": None}, {"scores": scores(0, 0, 0), "ms": 5.0})["ms"] is None
