"""Clusters from a device are those of the CPU's decoder, bit for bit."""

import numpy as np
import pytest
from cluster_cases import CASES, DOTS, HEADS, SIZE, dots, one_square
from cuda_on_cpu import CpuDevice
from methods.drawn_heads import background, drawn_scene, put

from instance_seg_node.gpu import clustering
from instance_seg_node.gpu.clustering import Clustering
from instance_seg_node.methods import DECODERS
from instance_seg_node.methods.spatial_embedding import decode, finite
from instance_seg_node.model_spec import Thresholds


def alone(classes):
    return [[c] for c in range(classes)]


def on_device(device, batch):
    """The heads of a batch of images, each head one array."""
    arrays = []
    for heads in zip(*batch):
        arrays.append(device.array((len(heads), *heads[0].shape), np.float32))
        device.upload(arrays[-1], np.stack(heads))
    return arrays


def clustering_of(device, batch, groups, **how):
    """A Clustering for such heads. Blocks of two warps, so that warps share work and the tests are fast."""
    _, bandwidth, seed = batch[0]
    return Clustering(device, groups, len(bandwidth), (len(batch), *seed.shape[1:]), **{"threads": 64} | how)


def clustered(batch, groups, thresholds, shuffle=0, **how):
    device = CpuDevice(shuffle=shuffle)
    on_the_device = clustering_of(device, batch, groups, **how)
    on_the_device(*on_device(device, batch), thresholds)
    return on_the_device.clusters()


def decoded(batch, groups, thresholds):
    """What the CPU's decoder makes of each image."""
    return [DECODERS["spatial_embedding"](groups)(*heads, thresholds) for heads in batch]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, cpu in zip(found, expected):
        for field in ("id_map", "class_ids", "scores"):
            a, b = getattr(ours, field), getattr(cpu, field)
            assert a.dtype == b.dtype, field
            np.testing.assert_array_equal(a, b, field)


# Drawn scenes

GROUPS = [alone(1), alone(3), alone(8), [[0, 2], [1]], [[0], [1, 3, 6], [2, 7], [4], [5]], [[0, 1, 2]]]


def drawn_batch(number):
    """One to three drawn scenes, brought to one size; their groups; thresholds, refining in every other one."""
    groups = GROUPS[number % len(GROUPS)]
    scenes = [drawn_scene(4 * number + k, sum(map(len, groups)), 1 + number // 6 % 2) for k in range(1 + number % 3)]
    batch = [[np.tile(head, (1, 2, 3))[:, :SIZE[0], :SIZE[1]] for head in heads] for heads, _ in scenes]
    return batch, groups, scenes[0][1].model_copy(update={"refine": number // 2 % 2 == 1})


@pytest.mark.parametrize("number", range(104))
def test_drawn_scenes_are_clustered_as_on_the_cpu(number):
    batch, groups, thresholds = drawn_batch(number)
    found = clustered(batch, groups, thresholds, shuffle=number, threads=(64, 128, 32)[number % 3],
                      bin_pixels=(4, 32, 1)[number // 5 % 3])
    with np.errstate(all="ignore"):
        assert_same(found, decoded(batch, groups, thresholds))


def test_drawn_scenes_exercise_the_loop():
    """Guards the test above: scenes of one instance at most would prove little."""
    found = [len(clusters.scores) for number in range(104) for clusters in decoded(*drawn_batch(number))]
    assert len(found) >= 200 and np.mean(np.array(found) >= 4) > 0.3 and max(found) > 15 and min(found) == 0


@pytest.mark.parametrize("refine", [False, True])
def test_no_order_of_threads_size_of_block_or_size_of_bins_makes_a_difference(refine):
    (heads, _), groups, thresholds = drawn_batch(10)
    batch, thresholds = [heads], thresholds.model_copy(update={"refine": refine, "min_pixels": 5})
    expected = decoded(batch, groups, thresholds)
    assert len(expected[0].scores) > 3
    for shuffle, threads, bin_pixels in [(1, 32, 32), (2, 64, 8), (3, 64, 8), (4, 256, 3), (5, 1024, 32)]:
        found = clustered(batch, groups, thresholds, shuffle, threads=threads, bin_pixels=bin_pixels)
        assert_same(found, expected)


# Single cases


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_is_clustered_as_on_the_cpu(case):
    heads, thresholds = case
    groups = alone(len(heads[2]))
    assert_same(clustered([heads], groups, thresholds, bin_pixels=8), decoded([heads], groups, thresholds))


def test_an_instance_of_more_than_65535_pixels():
    heads = background(260, 270)
    put(heads, slice(None), slice(0, 260), to=(130, 130))
    found, = clustered([heads], alone(1), Thresholds(), threads=32)
    assert_same([found], decoded([heads], alone(1), Thresholds()))
    assert (found.id_map == 1).sum() == 260 * 260


def test_of_more_instances_than_ids_the_best_are_kept(monkeypatch):
    monkeypatch.setattr(clustering, "MAX_INSTANCES", 150)
    monkeypatch.setattr(decode, "MAX_INSTANCES", 150)
    embedding, bandwidth, seed = dots(10, 20)
    seed = np.concatenate([seed, np.repeat(np.linspace(0.9, 1, 200, dtype=np.float32).reshape(1, 10, 20), 2, axis=1)])
    heads = embedding, bandwidth, seed
    found = clustered([heads], alone(2), DOTS)
    assert_same(found, decoded([heads], alone(2), DOTS))
    assert len(found[0].scores) == 150 and set(found[0].class_ids) == {0, 1}


@pytest.mark.parametrize(("face", "class_id"), [(20, 2), (29, 2), (30, 1), (31, 1)])
def test_of_look_alikes_an_instance_has_the_class_of_most_pixels_and_the_lowest_on_a_tie(face, class_id):
    """20 x 40 pixels that all point to one centre; the seeds call the columns before `face` something else."""
    heads = background(*SIZE, classes=3)
    heads[2][:] = 0.0
    put(heads, slice(10, 30), slice(10, 50), to=(30, 20), margin_px=30, p=0.95, of_class=2)
    heads[2][2, 10:30, 10:face], heads[2][1, 10:30, 10:face] = 0.0, 0.95
    groups = [[0], [1, 2]]
    found, = clustered([heads], groups, Thresholds())
    assert_same([found], decoded([heads], groups, Thresholds()))
    assert found.class_ids.tolist() == [class_id]


# From frame to frame


@pytest.mark.parametrize("groups", [alone(3), [[0, 2], [1]]])
def test_nothing_of_a_frame_is_left_for_the_next(groups):
    """Neither of its heads nor of its thresholds. The last is empty."""
    frames = [[[np.tile(head, (1, 2, 3))[:, :SIZE[0], :SIZE[1]] for head in drawn_scene(k, 3, 1)[0]] for k in pair]
              for pair in ((0, 1), (9, 10), (1, 0))] + [[background(*SIZE, classes=3)] * 2]
    settings = [Thresholds(min_pixels=5, seed=0.5), Thresholds(min_pixels=40), Thresholds(min_pixels=0, refine=True),
                Thresholds()]
    device = CpuDevice(shuffle=3)
    on_the_device = clustering_of(device, frames[0], groups)
    for batch, thresholds in zip(frames, settings):
        on_the_device(*on_device(device, batch), thresholds)
        assert_same(on_the_device.clusters(), decoded(batch, groups, thresholds))


def test_a_batch_may_have_fewer_images_than_there_is_room_for():
    heads, thresholds = drawn_scene(11, classes=2, bandwidths=2)
    other = [np.flip(head, 2) for head in heads]
    device = CpuDevice(shuffle=4)
    on_the_device = clustering_of(device, [heads] * 3, alone(2))
    for batch in ([heads, other, heads], [other], [heads, other]):
        on_the_device(*on_device(device, batch), thresholds)
        assert_same(on_the_device.clusters(), decoded(batch, alone(2), thresholds))


def test_the_rows_are_as_many_as_there_can_be_instances():
    device, batch = CpuDevice(), [background(8, 9)]
    assert clustering_of(device, batch, alone(1)).scores.shape == (1, 36)
    assert clustering_of(device, [background(512, 512)], alone(1)).class_ids.shape == (1, 65534)


def not_finite(batch, groups, thresholds, shuffle=0):
    """The heads of each image that are named on a device, and by the CPU."""
    device = CpuDevice(shuffle=shuffle)
    on_the_device = clustering_of(device, batch, groups)
    on_the_device(*on_device(device, batch), thresholds)
    bits = device.download(on_the_device.not_finite)
    named = [[name for k, name in enumerate(finite.HEADS) if of_image >> k & 1] for of_image in bits]
    return named, [finite.heads_not_finite(*heads, groups=groups, foreground=thresholds.foreground) for heads in batch]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(15, 15), (2, 2)], ids=["in the foreground", "beside it"])
@pytest.mark.parametrize(("head", "channel"), HEADS.values(), ids=HEADS)
def test_a_head_that_is_not_finite_is_named_for_its_image_alone_as_by_the_cpu(head, channel, at, value):
    planted = one_square(classes=2, bandwidths=2)
    planted[head][(channel, *at)] = value
    named, expected = not_finite([one_square(classes=2, bandwidths=2), planted], alone(2), Thresholds())
    assert named == expected == [[], [finite.HEADS[head]] if at == (15, 15) or head == 2 else []]


@pytest.mark.parametrize("number", range(0, 104, 3))
def test_of_drawn_scenes_the_heads_that_are_not_finite_are_named_as_by_the_cpu(number):
    """Which also hold numbers whose products are none."""
    named, expected = not_finite(*drawn_batch(number), shuffle=number)
    assert named == expected


def test_drawn_scenes_have_heads_of_every_kind():
    """Guards the test above."""
    named = {tuple(finite.heads_not_finite(*heads, groups=groups, foreground=thresholds.foreground))
             for batch, groups, thresholds in map(drawn_batch, range(0, 104, 3)) for heads in batch}
    assert {(), ("seed",), ("bandwidth",), finite.HEADS} <= named


def test_a_failure_of_the_network_is_forgotten_with_the_next_batch():
    device, good = CpuDevice(), one_square()
    on_the_device = clustering_of(device, [good], alone(1))
    for heads, bits in [([np.full_like(head, np.nan) for head in good], 4), (good, 0)]:
        on_the_device(*on_device(device, [heads]), Thresholds())
        assert device.download(on_the_device.not_finite).tolist() == [bits]


@pytest.mark.parametrize(("number", "shape", "dtype", "says"), [
    (0, (1, 3, 8, 8), np.float32, r"embedding must be float32 \(1, 2, 8, 8\), got float32 \(1, 3, 8, 8\)"),
    (1, (1, 1, 8, 8), np.float16, r"bandwidth must be float32 \(1, 1, 8, 8\), got float16 \(1, 1, 8, 8\)"),
    (2, (2, 1, 8, 8), np.float32, r"seed must be float32 \(1, 1, 8, 8\), got float32 \(2, 1, 8, 8\)"),
])
def test_heads_that_do_not_fit_are_refused(number, shape, dtype, says):
    device, batch = CpuDevice(), [background(8, 8)]
    heads = on_device(device, batch)
    heads[number] = device.array(shape, dtype)
    with pytest.raises(ValueError, match=says):
        clustering_of(device, batch, alone(1))(*heads, Thresholds())
