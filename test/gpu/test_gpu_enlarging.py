"""Instances at camera resolution from a device are those of `resolution.enlarge`."""

from dataclasses import fields

import cv2
import numpy as np
import pytest
from cuda_on_cpu import CpuDevice

from instance_seg_node.gpu.enlarging import Enlarging
from instance_seg_node.instances import Instances
from instance_seg_node.methods import Clusters
from instance_seg_node.resolution import enlarge

SIZE = 12, 24
CAMERAS = {"same size": (12, 24), "2": (24, 48), "4": (48, 96), "1.5": (18, 36), "0.5": (6, 12), "7/3": (28, 56),
           "2.5 and 5.5, so that strips and blocks end inside": (30, 132), "0.6 and 3": (7, 72), "one pixel": (1, 1)}


def clusters(id_map: np.ndarray, count: int) -> Clusters:
    return Clusters(id_map.astype(np.uint16), np.arange(count, dtype=np.int64) * 7 % 255,
                    np.linspace(0.99, 0.01, count, dtype=np.float32))


def blobs(seed: int) -> Clusters:
    ids = np.random.default_rng(seed).integers(0, 9, (4, 6), np.uint16)
    return clusters(cv2.medianBlur(cv2.resize(ids, SIZE[::-1], interpolation=cv2.INTER_NEAREST), 3), 8)


ROWS, COLUMNS = np.indices(SIZE)
SCENES = {"blobs": blobs(0),
          "rows": clusters(ROWS % 3, 2),
          "columns": clusters(COLUMNS % 5, 4),
          "checkerboard": clusters((ROWS + COLUMNS) % 2 + 1, 2),
          "one everywhere": clusters(np.ones(SIZE), 1),
          "specks, some of them nowhere": clusters(np.random.default_rng(1).integers(0, 90, SIZE), 99),
          "none": clusters(np.zeros(SIZE), 0)}


def enlarged(enlarging: Enlarging, device: CpuDevice, found: Clusters) -> Instances:
    """What the device makes of clusters, whose unused rows hold what was left there."""
    max_rows, count = enlarging.rows.shape[0], len(found.class_ids)
    class_ids, scores = np.full(max_rows, -1, np.int32), np.full(max_rows, np.nan, np.float32)
    class_ids[:count], scores[:count] = found.class_ids, found.scores
    arrays = []
    for values in (found.id_map, class_ids, scores, np.array([count], np.int32)):
        arrays.append(device.array(values.shape, values.dtype))
        device.upload(arrays[-1], values)
    enlarging(*arrays)
    return enlarging.instances()


def assert_same(found: Instances, expected: Instances) -> None:
    for field in fields(Instances):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        assert a.dtype == b.dtype, field.name
        np.testing.assert_array_equal(a, b, field.name)


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_instances_and_class_map_are_those_of_the_cpu(scene, camera):
    device = CpuDevice(shuffle=0)
    enlarging = Enlarging(device, *camera, max_rows=100)
    expected = enlarge(scene, *camera)
    assert_same(enlarged(enlarging, device, scene), expected)
    np.testing.assert_array_equal(device.download(enlarging.class_map), expected.class_map())


@pytest.mark.parametrize("shuffle", range(1, 6))
def test_the_order_of_threads_does_not_matter(shuffle):
    device, scene = CpuDevice(shuffle=shuffle), blobs(shuffle)
    assert_same(enlarged(Enlarging(device, 30, 70, max_rows=8), device, scene), enlarge(scene, 30, 70))


def test_nothing_is_left_of_the_frame_before():
    device = CpuDevice(shuffle=0)
    enlarging = Enlarging(device, 18, 36, max_rows=100)
    for name in ("specks, some of them nowhere", "blobs", "one everywhere", "none", "checkerboard"):
        assert_same(enlarged(enlarging, device, SCENES[name]), enlarge(SCENES[name], 18, 36))
        np.testing.assert_array_equal(device.download(enlarging.class_map), enlarge(SCENES[name], 18, 36).class_map())


@pytest.mark.parametrize("side", [256, 150])
def test_65534_instances_of_one_pixel_keep_their_order_where_some_vanish(side):
    ids = np.zeros(256 * 256, np.uint16)
    ids[1:-1] = np.random.default_rng(0).permutation(65534) + 1
    scene, device = clusters(ids.reshape(256, 256), 65534), CpuDevice(shuffle=0)
    expected = enlarge(scene, side, side)
    assert (len(expected) == 65534) == (side == 256)
    assert_same(enlarged(Enlarging(device, side, side, max_rows=65534), device, scene), expected)
