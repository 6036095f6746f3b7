"""People are mostly dark, cars are dark and bright at once: what a camera in a street records."""

import numpy as np

from instance_seg_node.datasets.street.camera import Camera
from instance_seg_node.datasets.street.canvas import Canvas
from instance_seg_node.datasets.street.classes import CAR
from instance_seg_node.datasets.street.light import Light
from instance_seg_node.datasets.street.people import looks
from instance_seg_node.datasets.street.road_users import Vehicle, Walker
from instance_seg_node.datasets.street.solid import Solid

SOUTH, NORTH = np.array([0.0, 0.5, -0.87]), np.array([0.0, 0.5, 0.87])


def canvas(sun: np.ndarray = SOUTH) -> Canvas:
    """An empty canvas of a clear day, its camera looking along z."""
    light = Light(sun, np.full(3, 0.7), np.full(3, 0.5), np.full(3, 160.0), np.full(3, 200.0), np.zeros(3), 0, 0, 0, 0)
    rgb, stamp = np.zeros((200, 300, 3), np.uint8), np.zeros((200, 300), np.uint16)
    made = Canvas(rgb, stamp, Camera(0, 1.4, 0, 0, 300, 150, 90), light, smooth=False)
    made.mark(0)
    return made


def grey_of(thing, sun: np.ndarray = SOUTH) -> np.ndarray:
    made = canvas(sun)
    thing.paint(made)
    return made.rgb[made.stamp > 0].mean(axis=1)


def test_most_clothes_are_dark_and_some_are_bright():
    rng = np.random.default_rng(0)
    tops = np.array([looks(rng).top.mean() for _ in range(1000)])
    assert np.median(tops) < 50
    assert 0.15 < (tops > 90).mean() < 0.35


def test_a_person_before_the_sun_is_darker_than_one_that_faces_it():
    person = Walker(np.random.default_rng(4)).at(0, 6, 0.0, 1, 0.0)
    assert grey_of(person, NORTH).mean() < 0.8 * grey_of(person, SOUTH).mean()


def test_a_car_has_hard_inner_contrast_from_every_side():
    for number in range(8):
        grey = grey_of(Vehicle(CAR, np.random.default_rng(number)).at(0, 9, 0.8 * number, 1, 0.0))
        assert grey.std() > 35
        assert (grey < 20).mean() > 0.1 and (grey > 150).mean() > 0.01


def test_glass_mirrors_the_sky_above_a_line_and_owns_no_pixels():
    solid, inside = Solid(), (0.0, 1.0, 9.0)
    wall = solid.face([(-2, 0, 8), (2, 0, 8), (2, 2, 8), (-2, 2, 8)], (90, 90, 90), inside)
    plain, glazed = canvas(), canvas()
    solid.draw(plain, (0, 0, 0), 0.0, plain.mark(26))
    solid.glass(wall, 0.1, 0.9, 0.1, 0.9, np.array([20, 20, 20]), inside, line=0.5, sky=0.6)
    solid.draw(glazed, (0, 0, 0), 0.0, glazed.mark(26))
    column = glazed.rgb[glazed.stamp[:, 150] > 0, 150, 0].astype(int)  # from the top down
    upper, lower = column[int(0.2 * len(column))], column[int(0.8 * len(column))]
    assert upper > lower + 50
    assert np.array_equal(plain.stamp, glazed.stamp)
