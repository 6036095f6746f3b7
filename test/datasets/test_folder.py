"""Labels of one's own: images, id PNGs and what the ids mean."""

import numpy as np
import pytest
from drawn_files import cut_short, digits, write_ids, write_picture

from instance_seg_node.datasets.opening import open_dataset
from instance_seg_node.errors import InputError

ONE_CLASS = "classes: [person]\n"
TWO_CLASSES = "classes: [person, {name: cart, color: [1, 2, 3]}]\ndivisor: 10\nignore: [99]\n"


def write_folder(folder, classes=ONE_CLASS, **ids):
    """A folder of one image per map of ids, by name."""
    for name, map_ in ids.items():
        write_picture(folder / f"images/{name}.jpg", *map_.shape)
        write_ids(folder / f"masks/{name}.png", map_)
    (folder / "classes.yaml").write_text(classes)
    return str(folder)


def test_each_id_of_one_class_is_an_object(tmp_path):
    dataset = open_dataset(write_folder(tmp_path, a=digits("0022", "0502")))
    [image] = dataset
    assert dataset.classes[0].name == "person" and dataset.title(0) == "a.jpg"
    assert np.array_equal(image.instance_map, digits("0011", "0201"))
    assert image.class_ids.tolist() == [0, 0]
    assert not image.ignore.any()


def test_several_classes_are_told_apart_by_the_divisor(tmp_path):
    ids = np.array([[0, 10, 19, 20, 1, 99]])
    dataset = open_dataset(write_folder(tmp_path, TWO_CLASSES, a=ids))
    [image] = dataset
    assert image.class_ids.tolist() == [0, 0, 1]
    assert image.instance_map.tolist() == [[0, 1, 2, 3, 0, 0]]
    assert image.ignore.tolist() == [[False, False, False, False, True, True]]  # the group and what is to ignore
    assert dataset.classes[1].color == (1, 2, 3)


def test_a_class_that_is_not_asked_for_is_plain_background(tmp_path):
    [image] = open_dataset(write_folder(tmp_path, TWO_CLASSES, a=np.array([[0, 10, 20, 1, 2]])), classes=["cart"])
    assert image.instance_map.tolist() == [[0, 0, 1, 0, 0]]
    assert image.ignore.tolist() == [[False, False, False, False, True]]


def test_more_than_255_objects_stay_apart(tmp_path):
    [image] = open_dataset(write_folder(tmp_path, a=np.arange(300).reshape(15, 20)))
    assert len(image) == 299


def test_an_id_of_no_class_is_named_with_its_place(tmp_path):
    where = write_folder(tmp_path, TWO_CLASSES, a=np.array([[0, 10], [20, 33]]))
    with pytest.raises(InputError, match=r"masks/a\.png has id 33 at column 1, row 1, which means nothing.*"
                                         r"10\.\.19 person, 20\.\.29 cart; add it to `ignore`"):
        open_dataset(where)[0]


@pytest.mark.parametrize(("text", "line"), [
    ("classes: [person, car]", "several classes need a divisor"),
    ("classes: []", "at least 1 item"),
    ("classes: [person, person]\ndivisor: 10", "class names must be unique"),
    ("classes: [person]\ndivisor: 40000", "do not fit 16 bits"),
    ("classes: [person]\nignored: [3]", r"ignored: .*\(known keys: classes, divisor, ignore\)"),
    ("classes: person", "classes: .*got 'person'"),
    ("- person", "does not say what ids mean"),
    ("classes: [", "is not YAML"),
])
def test_a_classes_file_that_does_not_fit_says_why_and_how_one_looks(tmp_path, text, line):
    where = write_folder(tmp_path, text, a=digits("01"))
    with pytest.raises(InputError, match=line) as raised:
        open_dataset(where)
    assert str(raised.value).endswith("Write, for example: classes: [person]")


def test_without_a_classes_file_it_is_named_among_what_was_looked_for(tmp_path):
    where = write_folder(tmp_path, a=digits("01"))
    (tmp_path / "classes.yaml").unlink()
    with pytest.raises(InputError, match=r"Looked for .*folder: images/, masks/ and classes\.yaml"):
        open_dataset(where)


def test_lists_are_splits(tmp_path):
    where = write_folder(tmp_path, a=digits("01"), b=digits("01"), c=digits("01"))
    (tmp_path / "train.txt").write_text("c\na\n")
    (tmp_path / "val.txt").write_text("b\n")
    train, every = open_dataset(where, split="train"), open_dataset(where, split="all")
    assert [train.title(i) for i in range(2)] == ["c.jpg", "a.jpg"]
    assert len(every) == 3
    with pytest.raises(InputError, match="has the splits train, val. Name one of them, or all"):
        open_dataset(where)
    with pytest.raises(InputError, match="has no split 'test', only train, val"):
        open_dataset(where, split="test")


@pytest.mark.parametrize(("text", "line"), [
    ("a\nd\n", r"train\.txt does not list images .*not there: d"),
    ("a\na\n", "listed twice: a"),
    ("\n", "it is empty"),
])
def test_a_list_of_other_images_is_an_input_error(tmp_path, text, line):
    where = write_folder(tmp_path, a=digits("01"))
    (tmp_path / "train.txt").write_text(text)
    with pytest.raises(InputError, match=line):
        open_dataset(where)


def test_a_broken_file_is_an_error_only_when_it_is_read(tmp_path):
    dataset = open_dataset(write_folder(tmp_path, a=digits("01"), b=np.arange(400).reshape(20, 20)))
    cut_short(tmp_path / "masks/b.png")
    assert len(dataset[0]) == 1
    with pytest.raises(InputError, match=r"masks/b\.png is not a whole image"):
        dataset[1]


@pytest.mark.parametrize(("missing", "line"), [
    ("masks/a.png", r"images/a\.jpg has no labels: .*masks/a\.png does not exist. Add it \(all pixels 0"),
    ("images/a.jpg", r"masks/a\.png has no picture: .*images/a\.jpg"),
])
def test_half_of_a_pair_names_the_other(tmp_path, missing, line):
    where = write_folder(tmp_path, a=digits("01"), b=digits("01"))
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=line):
        open_dataset(where)[0]


def test_ids_of_another_size_than_the_picture_are_an_input_error(tmp_path):
    where = write_folder(tmp_path, a=digits("01"))
    write_ids(tmp_path / "masks/a.png", digits("011"))
    with pytest.raises(InputError, match=r"a\.jpg is 1 x 2 .*but the ids of .*a\.png are 1 x 3. Give both the same"):
        open_dataset(where)[0]


def test_two_pictures_for_the_same_ids_are_an_input_error(tmp_path):
    where = write_folder(tmp_path, a=digits("01"))
    write_picture(tmp_path / "images/a.png", 1, 2)
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png would share masks/a\.png. Rename one"):
        open_dataset(where)
