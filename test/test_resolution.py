"""Between the camera's resolution and the network's."""

import cv2
import numpy as np
import pytest

from instance_seg_node.methods import Clusters
from instance_seg_node.resolution import between, enlarge, nearest, shrink


def drawn(*rows: str) -> Clusters:
    """Digits are ids, dots are background."""
    id_map = np.array([[0 if c == "." else int(c) for c in row] for row in rows], np.uint16)
    count = id_map.max()
    return Clusters(id_map, np.arange(count) % 3, np.linspace(0.9, 0.5, count, dtype=np.float32))


SCENE = ("11..2",
         "11.22",
         "...3.")


def test_same_size_changes_nothing():
    assert (enlarge(drawn(*SCENE), 3, 5).id_map == drawn(*SCENE).id_map).all()


def test_each_pixel_is_repeated_at_twice_the_size():
    found = enlarge(drawn(*SCENE), 6, 10)
    assert (found.id_map == drawn(*SCENE).id_map.repeat(2, 0).repeat(2, 1)).all()
    assert found.areas.tolist() == [16, 12, 4]
    assert found.boxes.tolist() == [[0, 0, 4, 4], [6, 0, 10, 4], [6, 4, 8, 6]]


@pytest.mark.parametrize("height, width", [(7, 11), (375, 1242), (2, 3), (6, 4), (100, 5)])
def test_areas_and_boxes_are_those_of_the_enlarged_map(height, width):
    rng = np.random.default_rng(height)
    clusters = Clusters(cv2.resize(rng.integers(0, 6, (5, 8), np.uint16), (24, 16), interpolation=cv2.INTER_NEAREST),
                        np.arange(5), np.linspace(0.9, 0.5, 5, dtype=np.float32))
    found = enlarge(clusters, height, width)
    assert found.id_map.shape == (height, width)
    for k in range(1, len(found) + 1):
        ys, xs = np.nonzero(found.id_map == k)
        assert len(ys) == found.areas[k - 1] > 0
        assert found.boxes[k - 1].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    assert found.id_map.max() == len(found)


def test_instance_that_falls_between_the_pixels_of_a_small_camera_is_dropped_and_ids_stay_contiguous():
    found = enlarge(drawn("111222", "131222"), 1, 2)  # row 1, columns 1 and 4 remain
    assert found.class_ids.tolist() == [1, 2]
    assert found.id_map.tolist() == [[2, 1]]


def test_an_outline_across_the_pixels_becomes_a_line():
    diagonal = np.triu(np.ones((8, 8), np.uint16))
    found = enlarge(Clusters(diagonal, np.array([0]), np.ones(1, np.float32)), 64, 64).id_map
    y, x = np.indices(found.shape)
    inside = (np.minimum(x, y) > 4) & (np.maximum(x, y) < 59)  # at the borders of the image pixels are repeated
    away = np.abs(x - y + 4) > 1.5  # the line through the corners of the lower pixels, between both ids
    assert ((found == 1) == (x - y > -4))[inside & away].all()


@pytest.mark.parametrize("height, width", [(64, 96), (33, 50), (20, 77), (7, 9), (16, 24)])
def test_each_pixel_goes_to_the_id_with_most_of_the_bilinear_weight(height, width):
    rng = np.random.default_rng(width)
    ids = cv2.resize(rng.integers(0, 6, (5, 8), np.uint16), (24, 16), interpolation=cv2.INTER_NEAREST)
    found = enlarge(Clusters(ids, np.arange(5), np.linspace(0.9, 0.5, 5, dtype=np.float32)), height, width).id_map
    ys = np.clip((np.arange(height) + 0.5) * 16 / height - 0.5, 0, 15)
    xs = np.clip((np.arange(width) + 0.5) * 24 / width - 0.5, 0, 23)
    weights = np.zeros((6, height, width))
    for k in range(6):
        rows = [np.interp(xs, np.arange(24), row) for row in (ids == k).astype(float)]
        weights[k] = np.array([np.interp(ys, np.arange(16), column) for column in np.array(rows).T]).T
    chosen = np.take_along_axis(weights, found[None].astype(int), 0)[0]
    assert (chosen >= weights.max(0) - 1e-9).all()


def test_nearest_takes_the_source_pixel_under_the_centre():
    assert nearest(4, 8).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert nearest(8, 4).tolist() == [1, 3, 5, 7]
    assert nearest(2, 3).tolist() == [0, 1, 1]


def test_centres_lie_between_source_pixels():
    first, after = between(2, 8)  # at -3/8, -1/8, 1/8, 3/8, 5/8, 7/8, 9/8 and 11/8
    assert first.tolist() == [0, 2, 6, 8]
    assert after.tolist() == [10, 14, 2, 6, 10, 14, 2, 6]


@pytest.mark.parametrize("height, width", [(64, 128), (8, 16), (100, 20)])
def test_shrink_fills_the_whole_output_from_the_whole_image(height, width):
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2] = 200
    out = np.full((16, 32, 3), 99, np.uint8)
    shrink(rgb, out)
    assert (out[:, :12] == 200).all() and (out[:, 20:] == 0).all()
