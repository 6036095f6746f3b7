"""What the cameras of generated streets make of the light."""

import numpy as np
import pytest

from instance_seg_node.datasets.street.camera import Camera
from instance_seg_node.datasets.street.lens import Lens
from instance_seg_node.datasets.street.light import draw_light

STREET = np.repeat(np.array([205] * 40 + [28] * 10 + [90] * 50, np.uint8), 200 * 3).reshape(100, 200, 3)
SKY, SHADE, GROUND = slice(0, 35), slice(43, 47), slice(55, 100)


def pictures(steep: bool) -> list[np.ndarray]:
    """The same street by day, sky above shade above ground, as many cameras of one kind see it."""
    day = next(light for light in (draw_light(np.random.default_rng(k)) for k in range(99)) if light.lamps < 0.5)
    lenses = (Lens(np.random.default_rng(k)) for k in range(60))
    cameras = [lens for lens in lenses if (lens.steep is not None) == steep]
    place = Camera(0, 1.4, 0, 0, 100, 100, 45)
    return [lens.expose(STREET, place, day, np.random.default_rng(0)) for lens in cameras]


def test_a_steep_camera_blows_the_sky_out_and_lets_shade_fall_to_black():
    seen = pictures(steep=True)
    assert np.median([image[SKY].mean() for image in seen]) > 240
    assert np.median([image[SHADE].mean() for image in seen]) < 20


def test_the_other_cameras_keep_the_sky_and_the_shade_within_the_range():
    seen = pictures(steep=False)
    assert max(np.median(image[SKY]) for image in seen) < 250
    assert np.median([image[SHADE].mean() for image in seen]) > 20


def test_a_steep_camera_exposes_for_the_ground():
    assert all(25 < image[GROUND].mean() < 140 for image in pictures(steep=True))


@pytest.mark.parametrize("steep", [True, False])
def test_both_kinds_of_camera_are_common(steep):
    assert len(pictures(steep)) > 12
