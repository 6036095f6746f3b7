"""An overlay drawn on a device is that of `drawing.overlay`, but for its labels."""

import cv2
import numpy as np
import pytest
from cuda_on_cpu import CpuDevice

from instance_seg_node.drawing import instance_colours, overlay
from instance_seg_node.gpu.overlay import Overlay
from instance_seg_node.instances import Instances
from instance_seg_node.methods import Clusters
from instance_seg_node.model_spec import ModelSpec, ObjectClass, Provenance
from instance_seg_node.resolution import enlarge

SPEC = ModelSpec(name="three-classes", input_height=8, input_width=8,
                 provenance=Provenance(data="", licence="", command=""),
                 classes=tuple(ObjectClass(name=name, color=color) for name, color in
                               {"person": (220, 20, 60), "car": (0, 0, 142), "train": (0, 80, 100)}.items()))


def instances(id_map: np.ndarray) -> Instances:
    """Of the ids of a map, as far as they have pixels."""
    count = int(id_map.max())
    return enlarge(Clusters(id_map.astype(np.uint16), np.arange(count) % 3, np.ones(count, np.float32)), *id_map.shape)


def blobs(height: int, width: int, ids: int, size: int, seed: int = 0) -> Instances:
    """Rectangles of about `size` pixels, a few of them background, some with a neighbour of the same id."""
    small = np.random.default_rng(seed).integers(0, ids + 1, (-(-height // size), -(-width // size)), np.uint16)
    return instances(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))


ROWS, COLUMNS = np.indices((20, 40))
SCENES = {"blobs": blobs(40, 70, ids=12, size=7),
          "many": blobs(36, 150, ids=200, size=5),
          "more than 255": blobs(40, 132, ids=800, size=3),
          "rows": instances(ROWS % 3),
          "columns": instances(COLUMNS % 5),
          "checkerboard": instances((ROWS + COLUMNS) % 2 + 1),
          "one everywhere": instances(np.ones((20, 40))),
          "none": instances(np.zeros((20, 40))),
          "one pixel": instances(np.ones((1, 1)))}


def drawn(device: CpuDevice, drawing: Overlay, picture: np.ndarray, found: Instances) -> np.ndarray:
    arrays = []
    for values in (picture, found.id_map):
        arrays.append(device.array(values.shape, values.dtype))
        device.upload(arrays[-1], values)
    drawing(*arrays, instance_colours(found, SPEC))
    np.testing.assert_array_equal(device.download(arrays[0]), picture)
    return device.download(drawing.picture)


def noise(found: Instances) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (*found.id_map.shape, 3), np.uint8)


def assert_drawn_as_on_the_cpu(found: Instances, *, opacity: float = 0.5, shuffle: int = 0) -> None:
    device, picture = CpuDevice(shuffle=shuffle), noise(found)
    np.testing.assert_array_equal(
        drawn(device, Overlay(device, *found.id_map.shape, opacity=opacity), picture, found),
        overlay(picture, found, SPEC, opacity=opacity, labels=False))


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_the_picture_is_that_of_the_cpu(scene):
    assert_drawn_as_on_the_cpu(scene)


@pytest.mark.parametrize("opacity", [0, 0.1, 0.3, 0.45, 0.7, 1])
def test_every_opacity_is_rounded_as_on_the_cpu(opacity):
    assert_drawn_as_on_the_cpu(SCENES["many"], opacity=opacity)


@pytest.mark.parametrize("height, width", [(9, 1360), (1360, 5), (4, 2300), (24, 2300)])
def test_outlines_of_large_pictures_are_wider_and_end_at_the_border(height, width):
    assert_drawn_as_on_the_cpu(blobs(height, width, ids=40, size=11))


@pytest.mark.parametrize("shuffle", range(1, 4))
def test_the_order_of_threads_does_not_matter(shuffle):
    assert_drawn_as_on_the_cpu(SCENES["blobs"], shuffle=shuffle)


def test_nothing_is_left_of_the_frame_before():
    device = CpuDevice(shuffle=0)
    drawing = Overlay(device, 20, 40)
    for name in ("checkerboard", "one everywhere", "none", "rows"):
        found = SCENES[name]
        np.testing.assert_array_equal(drawn(device, drawing, noise(found), found),
                                      overlay(noise(found), found, SPEC, labels=False))
