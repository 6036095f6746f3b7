"""Which dataset a text names, and reading past what is broken."""

import subprocess
import sys

import pytest
from drawn_files import cut_short, digits, write_ids, write_picture

from instance_seg_node.datasets.dataset import readable
from instance_seg_node.datasets.opening import LAYOUTS, open_dataset
from instance_seg_node.errors import InputError


@pytest.fixture
def own(tmp_path):
    """A folder of one's own labels, images a and b."""
    for name in "ab":
        write_picture(tmp_path / f"images/{name}.jpg", 2, 4)
        write_ids(tmp_path / f"masks/{name}.png", digits("0011", "2011"))
    (tmp_path / "classes.yaml").write_text("classes: [person]")
    return tmp_path


def test_what_is_nothing_known_lists_everything_that_was_looked_for(tmp_path):
    with pytest.raises(InputError) as raised:
        open_dataset(str(tmp_path))
    assert all(f"{name}: {layout.looked_for}" in str(raised.value) for name, layout in LAYOUTS.items())


def test_what_fits_twice_must_be_said(own):
    (own / "instances.json").write_text("{}")
    with pytest.raises(InputError, match=r"can be read as coco or folder. Say which: coco:"):
        open_dataset(str(own))
    assert len(open_dataset(f"folder:{own}")) == 2


def test_a_named_layout_that_does_not_fit_says_what_was_looked_for(own):
    with pytest.raises(InputError, match="is not of the layout cityscapes: leftImg8bit/ and gtFine/ not found there"):
        open_dataset(f"cityscapes:{own}")


def test_what_does_not_exist_is_an_input_error():
    with pytest.raises(InputError, match="/nowhere does not exist. A dataset is a folder"):
        open_dataset("/nowhere")


def test_classes_named_twice_are_an_input_error(own):
    with pytest.raises(InputError, match="classes must be named once each, got person, person"):
        open_dataset(str(own), classes=["person", "person"])


def test_a_broken_image_ends_the_reading(own):
    cut_short(own / "images/a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg"):
        list(readable(open_dataset(str(own))))


def test_a_broken_image_is_left_out_and_listed_when_asked(own):
    cut_short(own / "images/a.jpg")
    broken = []
    assert [i for i, _ in readable(open_dataset(str(own)), broken)] == [1]
    assert len(broken) == 1 and "a.jpg" in broken[0]


def test_generated_streets_load_no_pycocotools():
    program = "import sys, instance_seg_node.datasets.street; print('pycocotools' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
