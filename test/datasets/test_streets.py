"""Generated streets as a dataset."""

import numpy as np
import pytest

from instance_seg_node.datasets.opening import open_dataset
from instance_seg_node.datasets.street import Street
from instance_seg_node.datasets.streets import CAMERAS, scene
from instance_seg_node.errors import InputError


def test_text_spells_seeds_and_size():
    dataset = open_dataset("street:5..7:48x96")
    assert len(dataset) == 3
    assert dataset.title(2) == "street 7"
    assert dataset.name == "street 5..7 48x96"
    assert dataset[0].rgb.shape == (48, 96, 3)
    with pytest.raises(IndexError):
        dataset[3]


def test_a_scene_is_that_of_the_training():
    [image], other = open_dataset("street:1000004:48x96"), scene(1000004, 48, 96)
    assert np.array_equal(image.rgb, other.rgb) and np.array_equal(image.instance_map, other.instance_map)


def test_only_classes_that_are_asked_for_are_instances_and_keep_their_tracks():
    [every], [cars] = open_dataset("street:2:96x192"), open_dataset("street:2:96x192", classes=["dog", "car"])
    car = np.flatnonzero(every.class_ids == 2)
    assert len(car) and len(car) < len(every)
    assert cars.class_ids.tolist() == [1] * len(car)
    assert cars.track_ids.tolist() == every.track_ids[car].tolist()
    assert np.array_equal(cars.instance_map > 0, np.isin(every.instance_map, car + 1))


@pytest.mark.parametrize(("text", "line"), [
    ("street:", "is not street:FIRST..LAST:HEIGHTxWIDTH, such as"),
    ("street:0..9", "is not street:FIRST..LAST:HEIGHTxWIDTH"),
    ("street:9..0:64x64", "has its last seed before its first"),
    ("street:0:16x64", "height and width >= 32"),
    ("street:0:64x999999", "more than .* pixels a side"),
    ("street:0:64x64 ", "is not street:FIRST"),
])
def test_text_that_spells_nothing_is_an_input_error(text, line):
    with pytest.raises(InputError, match=line):
        open_dataset(text)


def test_streets_have_no_splits():
    with pytest.raises(InputError, match="has no split 'val': the seeds say"):
        open_dataset("street:0:64x64", split="val")


def test_streets_are_seen_by_every_camera_of_the_vehicle_most_by_the_one_ahead():
    assert [CAMERAS.count(camera) for camera in range(4)] == [5, 1, 1, 1]
    for seed in range(8):
        seen = Street(seed, 32, 64, camera_index=CAMERAS[seed]).render(time_s=seed * 0.3 if seed < 7 else 0.0)
        np.testing.assert_array_equal(scene(seed, 32, 64).rgb, seen.rgb)
