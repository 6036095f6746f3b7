"""`instance-seg datasets check`: what a dataset holds, in numbers and on a sheet."""

import json

import cv2
import numpy as np
import pytest
from drawn_files import cut_short, digits, write_ids, write_picture

from instance_seg_node.cli import main
from instance_seg_node.datasets.contact_sheet import PICTURE_HEIGHT, TILE_WIDTH, spread


@pytest.fixture
def own(tmp_path):
    """Three images, two of them 2 x 4; ids 10 and more are persons, 20 and more cars, 1 a group of persons."""
    maps = {"a": np.array([[0, 0, 10, 10], [1, 20, 21, 21]]), "b": np.zeros((2, 4)), "c": np.full((9, 3), 10)}
    for name, ids in maps.items():
        write_picture(tmp_path / f"images/{name}.jpg", *ids.shape)
        write_ids(tmp_path / f"masks/{name}.png", ids)
    (tmp_path / "classes.yaml").write_text("classes: [person, car]\ndivisor: 10")
    return tmp_path


def test_counts_are_those_of_the_labels(own, capsys):
    assert main(["datasets", "check", str(own), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report.items() >= {"images": 3, "without_objects": 1, "instances": 4, "pixels": 43, "ignored_pixels": 1,
                              "broken": []}.items()
    assert report["sizes"] == [{"height": 2, "width": 4, "images": 2}, {"height": 9, "width": 3, "images": 1}]
    assert report["classes"] == [
        {"name": "person", "images": 2, "instances": 2, "pixels": 29, "median_area": 14.5},
        {"name": "car", "images": 1, "instances": 2, "pixels": 3, "median_area": 1.5}]


def test_the_table_has_a_line_for_each_class(own, capsys):
    assert main(["datasets", "check", str(own)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("3 images (1 without an object), 4 instances, 2.3% of the pixels ignored")
    assert lines[1] == "sizes (images): 4 x 2 (2), 3 x 9 (1)"
    assert [line.split()[:4] for line in lines[-2:]] == [["person", "2", "2", "29"], ["car", "1", "2", "3"]]


def test_only_the_classes_that_are_asked_for_count(own, capsys):
    assert main(["datasets", "check", str(own), "--classes", "car, bus", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(c["name"], c["instances"]) for c in report["classes"]] == [("car", 2), ("bus", 0)]
    assert report["ignored_pixels"] == 0


def test_a_broken_file_ends_it_with_the_way_to_go_on(own, capsys):
    cut_short(own / "masks/c.png")
    assert main(["datasets", "check", str(own)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    assert "masks/c.png" in said.err and said.err.rstrip().endswith("list them: --skip-broken")


def test_broken_files_are_left_out_and_listed_when_asked(own, capsys):
    cut_short(own / "masks/c.png")
    (own / "images/b.jpg").unlink()
    assert main(["datasets", "check", str(own), "--skip-broken"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "1 images" in lines[0] and lines[-3] == "broken, left out (2):"
    assert "images/b.jpg" in lines[-2] and "masks/c.png" in lines[-1]


def test_nothing_that_can_be_read_is_an_error_even_then(own, capsys):
    for name in "abc":
        (own / f"images/{name}.jpg").write_bytes(b"")
    assert main(["datasets", "check", str(own), "--skip-broken"]) == 2
    assert "none of the 3 images can be read. The first: " in capsys.readouterr().err


def test_the_sheet_shows_each_image_with_its_masks(own, tmp_path, capsys):
    for name in "abc":
        (own / f"images/{name}.jpg").unlink()
        (own / f"masks/{name}.png").unlink()
    write_picture(own / "images/a.png", 100, 200)
    ids = np.kron(digits("0000", "0110", "0000"), np.full((40, 50), 20))[:100]
    ids[:, :20] = 2
    write_ids(own / "masks/a.png", ids)
    assert main(["datasets", "check", str(own), "--sheet", str(tmp_path / "sheet.png")]) == 0
    drawn = cv2.imread(str(tmp_path / "sheet.png"))[:240]  # 200 x 100 pixels enlarged 2.4 times, then the caption
    plain = cv2.resize(cv2.imread(str(own / "images/a.png")), (480, 240), interpolation=cv2.INTER_AREA)
    changed = (drawn != plain).any(axis=2)
    mask = cv2.resize(ids, (480, 240), interpolation=cv2.INTER_NEAREST)
    assert changed[mask == 20].mean() > 0.9
    assert 0.2 < changed[mask == 2].mean() < 0.6, "striped, as it is to ignore"
    assert not changed[mask == 0].any()


def test_a_sheet_holds_images_of_any_shape(own, tmp_path):
    assert main(["datasets", "check", str(own), "--sheet", str(tmp_path / "sheet.jpg")]) == 0
    height, width, _ = cv2.imread(str(tmp_path / "sheet.jpg")).shape
    assert width == 3 * TILE_WIDTH and height > PICTURE_HEIGHT


@pytest.mark.parametrize(("path", "line"), [
    ("sheet.gif", "--sheet sheet.gif is neither .png nor .jpg"),
    ("/nowhere/sheet.png", "--sheet /nowhere/sheet.png needs the folder /nowhere, which does not exist"),
])
def test_a_sheet_that_cannot_be_written_is_refused_before_anything_is_read(path, line, capsys):
    assert main(["datasets", "check", "street:0..9999:512x1024", "--sheet", path]) == 2
    assert line in capsys.readouterr().err


def test_images_on_a_sheet_are_spread_over_the_dataset():
    assert spread(4, 100) == [0, 25, 50, 75]
    assert spread(4, 3) == [0, 1, 2]
    assert spread(4, 4) == [0, 1, 2, 3]
