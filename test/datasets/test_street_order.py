"""What stands in front hides what stands behind, and a mask is what can be seen."""

import numpy as np
import pytest

from instance_seg_node.datasets.street.camera import Camera, clip_near
from instance_seg_node.datasets.street.canvas import Canvas
from instance_seg_node.datasets.street.classes import CAR, TRAIN
from instance_seg_node.datasets.street.light import draw_light
from instance_seg_node.datasets.street.road_users import Vehicle
from instance_seg_node.datasets.street.things import back_to_front

EYE = np.zeros(2)


def vehicle(x: float, z: float, track: int, class_id: int = CAR):
    return Vehicle(class_id, np.random.default_rng(0)).at(x, z, 0.0, track, 0.0)


def painted(things) -> tuple[np.ndarray, Canvas]:
    """The track id of each pixel, 0 for none."""
    canvas = Canvas(
        np.zeros((120, 200, 3), np.uint8),
        np.zeros((120, 200), np.uint16),
        Camera(0, 1.4, 0, 0, 200, 100, 50),
        draw_light(np.random.default_rng(1)),
        smooth=True,
    )
    canvas.mark(0)
    for thing in things:
        thing.paint(canvas)
    return np.array([mark.track_id for mark in canvas.marks])[canvas.stamp], canvas


def test_nearer_things_are_painted_later():
    order = back_to_front([vehicle(0, 8, 1), vehicle(0, 30, 2), vehicle(0, 16, 3)], EYE)
    assert [thing.owners[0][2] for thing in order] == [2, 3, 1]


def test_a_long_tram_is_painted_before_a_car_in_front_of_its_side_although_its_middle_is_nearer():
    tram, car = vehicle(6, 20, 1, TRAIN), vehicle(3, 26, 2)
    assert [thing.owners[0][2] for thing in back_to_front([car, tram], EYE)] == [1, 2]


def test_an_occluder_takes_the_pixels_of_what_it_hides():
    near, far = vehicle(0.5, 8, 1), vehicle(0, 16, 2)
    alone, _ = painted([far])
    ids, _ = painted(back_to_front([near, far], EYE))
    assert 0 < (ids == 2).sum() < (alone == 2).sum()
    assert (ids[(alone == 2) & (ids != 2)] == 1).all()


def test_order_of_asking_does_not_matter():
    things = [vehicle(x, z, i + 1) for i, (x, z) in enumerate([(0, 8), (3, 12), (-3, 9), (0.5, 15)])]
    one, _ = painted(back_to_front(things, EYE))
    other, _ = painted(back_to_front(things[::-1], EYE))
    assert np.array_equal(one, other)


def test_a_vehicle_paints_exactly_the_pixels_it_owns():
    ids, canvas = painted([vehicle(0, 9, 5)])
    edge = np.zeros(ids.shape, bool)  # smooth edges spill less than a pixel
    owned = np.pad(ids == 5, 1)
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            edge |= owned[dy : dy + ids.shape[0], dx : dx + ids.shape[1]]
    assert (canvas.rgb[~edge] == 0).all()
    assert (canvas.rgb[ids == 5].sum(axis=1) > 0).mean() > 0.99


def test_twice_as_far_is_half_as_tall():
    heights = []
    for z in (10.0, 20.0):
        ids, _ = painted([vehicle(0, z, 1)])
        rows = np.nonzero((ids == 1).any(axis=1))[0]
        heights.append(rows.max() - rows.min() + 1)
    assert heights[0] / heights[1] == pytest.approx(2, rel=0.3)


def test_a_polygon_through_the_camera_plane_is_cut_there():
    cut = clip_near(np.array([(-1.0, 0, -5), (1, 0, -5), (1, 0, 5), (-1, 0, 5)]), near=1.0)
    assert cut[:, 2].min() == 1.0 and cut[:, 2].max() == 5.0 and len(cut) == 4
    assert clip_near(np.array([(0.0, 0, -1), (1, 0, -1), (0, 1, -2)])) is None
