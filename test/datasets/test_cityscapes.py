"""The layout of Cityscapes: objects, groups, void and what is none of these."""

import numpy as np
import pytest
from drawn_files import write_ids, write_picture

from instance_seg_node.datasets.opening import open_dataset
from instance_seg_node.datasets.street import CLASSES, Street, write_cityscapes
from instance_seg_node.errors import InputError

ROAD, PERSON, CAR, CARAVAN = 7, 24, 26, 29
CODES = np.array([[ROAD, ROAD, PERSON * 1000, PERSON * 1000 + 1, PERSON, 0],
                  [ROAD, 3, CAR * 1000, CAR * 1000, CAR, CARAVAN * 1000]], np.uint16)


def write_scene(folder, name="aachen_000000_000019", split="train", codes=CODES):
    write_picture(folder / f"leftImg8bit/{split}/{name.split('_')[0]}/{name}_leftImg8bit.png", *codes.shape)
    write_ids(folder / f"gtFine/{split}/{name.split('_')[0]}/{name}_gtFine_instanceIds.png", codes)
    return folder


def test_an_id_of_a_thousand_and_more_is_one_object_of_its_class(tmp_path):
    [image] = open_dataset(str(write_scene(tmp_path)))
    assert [CLASSES[c].name for c in image.class_ids] == ["person", "person", "car"]
    assert np.array_equal(image.instance_map, [[0, 0, 1, 2, 0, 0], [0, 0, 3, 3, 0, 0]])
    assert image.track_ids is None


def test_groups_void_and_caravans_are_to_ignore_and_the_road_is_not(tmp_path):
    [image] = open_dataset(str(write_scene(tmp_path)))
    assert np.array_equal(image.ignore, [[0, 0, 0, 0, 1, 1], [0, 1, 0, 0, 1, 1]])


def test_labels_are_the_label_ids(tmp_path):
    [image] = open_dataset(str(write_scene(tmp_path)))
    assert np.array_equal(image.labels, [[ROAD, ROAD, PERSON, PERSON, PERSON, 0], [ROAD, 3, CAR, CAR, CAR, CARAVAN]])


def test_objects_and_groups_of_a_class_that_is_not_asked_for_are_plain_background(tmp_path):
    dataset = open_dataset(str(write_scene(tmp_path)), classes=["car"])
    [image] = dataset
    assert [c.name for c in dataset.classes] == ["car"]
    assert np.array_equal(image.instance_map, [[0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0]])
    assert np.array_equal(image.ignore, [[0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 1]])


def test_generated_streets_on_disk_come_back_as_they_were(tmp_path):
    write_cityscapes(tmp_path, "val", count=1, seed=5, height=64, width=128)
    [read], made = open_dataset(str(tmp_path)), Street(5, 64, 128).render(0.0)
    assert np.array_equal(read.rgb, made.rgb) and np.array_equal(read.labels, made.labels)
    assert sorted(read.class_ids) == sorted(made.class_ids)
    assert np.array_equal(read.instance_map > 0, made.instance_map > 0)
    assert (read.ignore[made.ignore]).all()


def test_each_split_has_its_cities_in_order_and_all_has_every_one(tmp_path):
    for name, split in (("ulm_1_1", "train"), ("bonn_1_1", "train"), ("lindau_1_1", "val")):
        write_scene(tmp_path, name, split)
    train, both = open_dataset(str(tmp_path), split="train"), open_dataset(str(tmp_path), split="all")
    assert [train.title(i) for i in range(len(train))] == ["bonn_1_1_leftImg8bit.png", "ulm_1_1_leftImg8bit.png"]
    assert len(both) == 3


def test_several_splits_must_be_chosen_from(tmp_path):
    write_scene(write_scene(tmp_path), split="val")
    with pytest.raises(InputError, match="has the splits train, val. Name one of them, or all"):
        open_dataset(str(tmp_path))


def test_an_image_without_its_labels_names_the_file_that_is_missing(tmp_path):
    write_scene(tmp_path)
    next(tmp_path.glob("gtFine/*/*/*.png")).unlink()
    with pytest.raises(InputError, match=r"has no labels: .*aachen_000000_000019_gtFine_instanceIds\.png does not"):
        open_dataset(str(tmp_path))[0]


def test_an_id_of_no_label_is_named_with_its_place(tmp_path):
    write_scene(tmp_path, codes=np.array([[ROAD, 40 * 1000]], np.uint16))
    with pytest.raises(InputError, match=r"instanceIds\.png has id 40000 at column 1, row 0.*label id \* 1000 \+ n"):
        open_dataset(str(tmp_path))[0]


def test_no_image_says_what_to_unpack(tmp_path):
    for name in ("leftImg8bit", "gtFine"):
        (tmp_path / name / "val").mkdir(parents=True)
    with pytest.raises(InputError, match=r"has no image leftImg8bit/val/CITY/NAME_leftImg8bit\.png. Unpack"):
        open_dataset(str(tmp_path))
