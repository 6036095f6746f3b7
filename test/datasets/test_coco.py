"""COCO instances: masks, crowds, class names, and files that do not hold them."""

import contextlib
import io
import json

import numpy as np
import pytest
from drawn_files import SHARED, turn_by_exif, write_picture
from pycocotools.coco import COCO

from instance_seg_node.datasets.opening import open_dataset
from instance_seg_node.errors import InputError

HEIGHT, WIDTH = 4, 8
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}]


def box(x, y, width, height):
    """A polygon around whole pixels."""
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def annotation(segmentation, category=1, **more):
    return {"image_id": 7, "category_id": category, "segmentation": segmentation, **more}


def write_set(folder, *annotations, file="instances_val.json", image="val/a.jpg", **changed):
    """A set of one image, id 7."""
    write_picture(folder / image, HEIGHT, WIDTH)
    content = {"images": [{"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH}], "categories": CATEGORIES,
               "annotations": [{"id": 100 + i} | row for i, row in enumerate(annotations)]} | changed
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(content))
    return str(folder)


def test_objects_have_their_pixels_and_classes_in_the_order_of_the_file(tmp_path):
    dataset = open_dataset(write_set(tmp_path, annotation(box(4, 0, 2, 2), 3), annotation(box(0, 0, 2, 1))))
    [image] = dataset
    assert np.array_equal(image.instance_map[:3], [[2, 2, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1, 0, 0], [0] * 8])
    assert [dataset.classes[c].name for c in image.class_ids] == ["car", "person"]
    assert not image.ignore.any()


def test_run_lengths_are_read_like_polygons(tmp_path):
    plain = {"size": [HEIGHT, WIDTH], "counts": [4, 2, HEIGHT * WIDTH - 6]}  # column 1, rows 0 and 1
    [image] = open_dataset(write_set(tmp_path, annotation(plain)))
    assert np.argwhere(image.instance_map).tolist() == [[0, 1], [1, 1]]


def test_a_crowd_is_to_ignore_where_no_object_is(tmp_path):
    crowd = {"size": [HEIGHT, WIDTH], "counts": [0, 3 * HEIGHT, 5 * HEIGHT]}  # the left three columns
    [image] = open_dataset(write_set(tmp_path, annotation(crowd, iscrowd=1), annotation(box(2, 0, 2, 1))))
    assert len(image) == 1
    assert np.array_equal(image.ignore[:2], [[1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0]])


def test_the_smaller_of_two_masks_is_on_top_whatever_their_order(tmp_path):
    for rows in ([box(0, 0, 8, 4), box(2, 1, 2, 2)], [box(2, 1, 2, 2), box(0, 0, 8, 4)]):
        [image] = open_dataset(write_set(tmp_path, *(annotation(row) for row in rows)))
        assert sorted(np.bincount(image.instance_map.ravel())[1:]) == [4, 28]


def test_an_object_without_pixels_of_its_own_is_none(tmp_path):
    [image] = open_dataset(write_set(tmp_path, annotation(box(2, 1, 2, 2)), annotation(box(2, 1, 2, 2), 3)))
    assert image.class_ids.tolist() == [0]


def test_classes_are_asked_for_by_name_in_the_order_of_a_model(tmp_path):
    where = write_set(tmp_path, annotation(box(0, 0, 2, 1)), annotation(box(4, 0, 2, 2), 3))
    dataset = open_dataset(where, classes=["rider", "car"])
    [image] = dataset
    assert [c.name for c in dataset.classes] == ["rider", "car"]
    assert image.class_ids.tolist() == [1]
    assert image.instance_map.max() == 1 and image.instance_map[0, 4] == 1
    assert dataset.category_ids == (None, 3)


def test_a_crowd_of_a_class_that_is_not_asked_for_is_plain_background(tmp_path):
    crowd = {"size": [HEIGHT, WIDTH], "counts": [0, 12, 20]}
    [image] = open_dataset(write_set(tmp_path, annotation(crowd, iscrowd=1)), classes=["car"])
    assert not image.ignore.any()


def test_names_that_no_category_has_are_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"instances_val\.json has none of the classes lorry. It has person, car"):
        open_dataset(write_set(tmp_path), classes=["lorry"])


@pytest.mark.parametrize(("file", "image"), [
    ("instances_val.json", "a.jpg"), ("instances_val.json", "val/a.jpg"), ("labels.json", "images/a.jpg"),
    ("annotations/instances_val2017.json", "val2017/a.jpg"), ("annotations/instances_val2017.json", "images/a.jpg")])
def test_images_are_found_beside_the_file_or_its_folder(tmp_path, file, image):
    where = write_set(tmp_path, annotation(box(0, 0, 2, 1)), file=file, image=image)
    assert len(open_dataset(where)[0]) == len(open_dataset(f"{where}/{file}")[0]) == 1


def test_images_that_are_nowhere_are_named_with_where_they_were_looked_for(tmp_path):
    where = write_set(tmp_path, image="elsewhere/a.jpg")
    with pytest.raises(InputError, match=r"lists 'a\.jpg' and others, but they are in none of .*/val.*Move them"):
        open_dataset(where)


def test_all_joins_the_splits(tmp_path):
    write_set(tmp_path, annotation(box(0, 0, 2, 1)), file="instances_train.json", image="train/a.jpg")
    where = write_set(tmp_path)
    assert [len(image) for image in open_dataset(where, split="all")] == [1, 0]
    with pytest.raises(InputError, match="has the splits train, val"):
        open_dataset(where)
    with pytest.raises(IndexError):
        open_dataset(where, split="all")[2]


def test_a_picture_that_exif_turns_away_from_its_labels_is_an_input_error(tmp_path):
    where = write_set(tmp_path)
    turn_by_exif(tmp_path / "val/a.jpg", 6)
    with pytest.raises(InputError, match=r"a\.jpg is 8 x 4 .*but by .*instances_val\.json it is 4 x 8.*exiftool"):
        open_dataset(where)[0]


def test_a_mask_that_cannot_be_used_names_annotation_and_file(tmp_path):
    where = write_set(tmp_path, annotation([[1, 2, 3, 4]]))
    with pytest.raises(InputError, match=r"annotation 100 of .*instances_val\.json has no mask .*three points"):
        open_dataset(where)[0]


@pytest.mark.parametrize(("changed", "line"), [
    ({"annotations": [{"id": 1, "image_id": 8, "category_id": 1}]}, "annotation 1 .* is of image 8 and category 1"),
    ({"annotations": [{"id": 1, "image_id": 7, "category_id": 2}]}, "annotation 1 .* is of image 7 and category 2"),
    ({"images": []}, "has no images"),
    ({"images": [{"id": 7, "file_name": "a.jpg", "height": 4, "width": 8}] * 2}, "or two with the same id"),
    ({"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}, "two with the same name"),
    ({"categories": [{"id": 1}]}, "is not a file of COCO instances .*It needs images with id"),
    ({"images": [{"id": 7, "file_name": "a.jpg", "height": "4", "width": 8}]}, "images with height '4'"),
    ({"annotations": 3}, "is not a file of COCO instances"),
])
def test_a_file_that_does_not_hold_together_is_an_input_error(tmp_path, changed, line):
    with pytest.raises(InputError, match=line):
        open_dataset(write_set(tmp_path, **changed))


def test_a_file_that_is_cut_short_is_an_input_error(tmp_path):
    where = write_set(tmp_path)
    (tmp_path / "instances_val.json").write_text('{"images": [')
    with pytest.raises(InputError, match=r"instances_val\.json is not a file of COCO instances"):
        open_dataset(where)


@pytest.mark.skipif(not (SHARED / "coco_sample").is_dir(), reason="coco_sample is not there")
def test_real_masks_are_those_of_pycocotools():
    dataset = open_dataset(str(SHARED / "coco_sample"), split="val")
    with contextlib.redirect_stdout(io.StringIO()):
        tool = COCO(str(dataset.file))
    crowds = 0
    for i in range(0, len(dataset), 4):
        image, rows = dataset[i], tool.imgToAnns[dataset.images[i]["id"]]
        every = np.zeros(image.instance_map.shape, bool)
        for row in rows:
            every |= tool.annToMask(row).astype(bool)
        assert np.array_equal((image.instance_map > 0) | image.ignore, every)
        assert len(image) == sum(not row["iscrowd"] for row in rows)
        crowds += sum(row["iscrowd"] for row in rows)
    assert crowds > 0
