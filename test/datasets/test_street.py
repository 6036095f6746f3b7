"""Generated streets: the same seed is the same world, and its labels are the truth."""

from collections import Counter
from itertools import groupby

import numpy as np
import pytest

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.datasets.street import CLASSES, Street
from instance_seg_node.datasets.street.classes import CAR, PERSON

SMALL = {"height": 96, "width": 192}


@pytest.fixture(scope="module")
def scenes() -> list[LabelledImage]:
    return [Street(seed, 128, 256).render(0.0) for seed in range(60)]


def boxes(image: LabelledImage) -> dict[int, np.ndarray]:
    """The box x0 y0 x1 y1 of each track."""
    found = {}
    for i, track in enumerate(image.track_ids.tolist()):
        y, x = np.nonzero(image.instance_map == i + 1)
        found[track] = np.array([x.min(), y.min(), x.max(), y.max()])
    return found


def test_classes_are_the_instance_classes_of_cityscapes_in_their_order():
    assert [c.name for c in CLASSES] == ["person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"]


def test_the_same_seed_gives_the_same_pixels_in_any_order_of_asking():
    street = Street(3, **SMALL)
    later, first = street.render(0.5), street.render(0.0)
    again = Street(3, **SMALL)
    assert np.array_equal(again.render(0.0).rgb, first.rgb)
    assert np.array_equal(again.render(0.5).rgb, later.rgb)
    assert np.array_equal(again.render(0.5).instance_map, later.instance_map)


def test_different_seeds_give_different_streets():
    a, b = Street(1, **SMALL).render(), Street(2, **SMALL).render()
    assert np.abs(a.rgb.astype(int) - b.rgb).mean() > 5


@pytest.mark.parametrize("height, width", [(375, 1242), (64, 64), (101, 203)])
def test_images_have_the_size_asked_for(height, width):
    image = Street(5, height, width).render()
    assert image.rgb.shape == (height, width, 3)
    assert image.instance_map.shape == image.ignore.shape == image.labels.shape == (height, width)


def test_another_size_shows_the_same_content_scaled():
    large, small = Street(11, 512, 1024).render(), Street(11, 256, 512).render()
    tracks = [np.concatenate(([0], image.track_ids))[image.instance_map] for image in (large, small)]
    assert (tracks[0][::2, ::2] == tracks[1]).mean() > 0.97
    assert np.abs(large.rgb[::2, ::2].mean(axis=(0, 1)) - small.rgb.mean(axis=(0, 1))).max() < 8


def test_ids_are_contiguous_and_ignored_pixels_have_none(scenes):
    for image in scenes:
        assert set(np.unique(image.instance_map)) <= set(range(len(image) + 1))
        assert (
            np.bincount(image.instance_map.ravel(), minlength=len(image) + 1)[1:] >= 12 * 128 * 256 / (256 * 512)
        ).all()
        assert not (image.ignore & (image.instance_map > 0)).any()
        assert len(set(image.track_ids.tolist())) == len(image)


def test_every_class_can_be_learnt_and_cars_are_the_most_frequent(scenes):
    images = Counter(c for image in scenes for c in set(image.class_ids.tolist()))
    objects = Counter(c for image in scenes for c in image.class_ids.tolist())
    assert min(images[c] for c in range(len(CLASSES))) >= 0.2 * len(scenes)
    assert [c for c, _ in objects.most_common(2)] == [CAR, PERSON]


def test_most_images_hold_three_to_twenty_five_instances(scenes):
    assert np.mean([3 <= len(image) <= 25 for image in scenes]) > 0.75


def test_a_rider_comes_with_a_two_wheeler_that_touches_it(scenes):
    for image in scenes:
        found = boxes(image)
        for track in (t for t, c in zip(image.track_ids.tolist(), image.class_ids) if CLASSES[c].name == "rider"):
            if track + 1 in found:  # it may be hidden or too small
                rider, wheels = found[track], found[track + 1]
                assert rider[3] >= wheels[1] - 2 and rider[0] <= wheels[2] + 2 and wheels[0] <= rider[2] + 2


def test_tracks_persist_and_objects_move():
    kept, moved = [], []
    for seed in range(5):
        street = Street(seed, 128, 256)
        first, second = boxes(street.render(0.0)), boxes(street.render(0.1))
        shared = first.keys() & second.keys()
        kept.append(len(shared) / max(len(first), 1))
        moved += [np.abs(first[t] - second[t]).max() for t in shared]
        classes = [
            dict(zip(i.track_ids.tolist(), i.class_ids.tolist())) for i in (street.render(0.0), street.render(0.1))
        ]
        assert all(classes[0][t] == classes[1][t] for t in shared)
    assert np.mean(kept) > 0.75
    assert np.mean(np.array(moved) >= 1) > 0.2 and max(moved) < 120


def test_two_cameras_of_a_vehicle_see_the_same_world():
    ahead, right = Street(4, **SMALL), Street(4, camera_index=2, **SMALL)
    assert ahead.plan == right.plan
    places = [[(t.x, t.z) for t in s._things([s._chunk(1)], 0.3, 2.0)] for s in (ahead, right)]
    assert places[0] == places[1]
    assert not np.array_equal(ahead.render().rgb, right.render().rgb)


def test_cameras_share_the_tracks_of_what_both_see():
    shared = sum(
        len(set(Street(s, 128, 256).render().track_ids) & set(Street(s, 128, 256, camera_index=2).render().track_ids))
        for s in range(4)
    )
    assert shared > 0


@pytest.mark.parametrize("arguments", [{"height": 8}, {"seed": -1}, {"camera_index": -1}])
def test_impossible_arguments_are_named(arguments):
    with pytest.raises(ValueError, match="height and width >= 32"):
        Street(**{"seed": 0, "height": 64, "width": 64, **arguments})


def test_a_video_is_smooth_for_the_ego_lane():
    street = Street(17, 96, 192)
    tracks = [set(street.render(t).track_ids.tolist()) for t in np.arange(0, 1.0, 0.1)]
    alive = Counter(t for found in tracks for t in found)
    assert max(alive.values()) == 10 and sum(1 for _ in groupby(sorted(alive))) == len(alive)


def test_a_labelled_image_refuses_rows_that_do_not_fit():
    rgb, ids = np.zeros((2, 3, 3), np.uint8), np.array([[0, 1, 1], [0, 0, 0]], np.uint16)
    with pytest.raises(ValueError, match="each id 1..2"):
        LabelledImage(rgb, ids, np.array([0, 0]), np.array([1, 2]))
    with pytest.raises(ValueError, match=r"track_ids must be int64 \(1,\)"):
        LabelledImage(rgb, ids, np.array([0]), np.array([1, 2]))
