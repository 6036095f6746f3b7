"""Penn-Fudan as published, and with a fixed split."""

import pytest
from drawn_files import SHARED, digits, write_ids, write_picture

from instance_seg_node.datasets.opening import open_dataset
from instance_seg_node.errors import InputError


def write_published(folder, *names):
    for name in names:
        write_picture(folder / f"PNGImages/{name}.png", 2, 4)
        write_ids(folder / f"PedMasks/{name}_mask.png", digits("0011", "2011"), "uint8")
    return str(folder)


def test_each_id_is_a_person(tmp_path):
    dataset = open_dataset(write_published(tmp_path, "FudanPed00001", "PennPed00001"))
    assert [len(image) for image in dataset] == [2, 2]
    assert [c.name for c in dataset.classes] == ["person"]


def test_a_person_has_the_class_id_of_the_model(tmp_path):
    dataset = open_dataset(write_published(tmp_path, "FudanPed00001"), classes=["car", "person"])
    assert dataset[0].class_ids.tolist() == [1, 1]


def test_the_lists_beside_it_are_its_splits(tmp_path):
    where = write_published(tmp_path, "FudanPed00001", "PennPed00001")
    (tmp_path / "train.txt").write_text("PennPed00001\n")
    (tmp_path / "test.txt").write_text("FudanPed00001\n")
    assert open_dataset(where, split="test").title(0) == "FudanPed00001.png"
    with pytest.raises(InputError, match="has the splits train, test"):
        open_dataset(where)


@pytest.mark.skipif(not (SHARED / "pennfudan").is_dir(), reason="pennfudan is not there")
def test_the_real_set_has_its_published_counts():
    where = str(SHARED / "pennfudan")
    train, test, every = (open_dataset(where, split=split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(every)) == (136, 34, 170)
    assert sum(len(image) for image in test) == 90
    titles = {part.title(i) for part in (train, test) for i in range(len(part))}
    assert len(titles) == 170
