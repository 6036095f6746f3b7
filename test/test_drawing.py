"""What people see of a result."""

import numpy as np
import pytest

from instance_seg_node.drawing import instance_colours, overlay
from instance_seg_node.instances import Instances
from instance_seg_node.model_spec import ModelSpec, ObjectClass, Provenance

RED, BLUE = (220, 20, 60), (0, 0, 142)
SPEC = ModelSpec(name="two-classes", input_height=8, input_width=8,
                 provenance=Provenance(data="", licence="", command=""),
                 classes=(ObjectClass(name="person", color=RED), ObjectClass(name="car", color=BLUE)))
GREY = np.full((120, 200, 3), 90, np.uint8)


def instances(*boxes, classes=None, shape=(120, 200)):
    """Rectangles x0 y0 x1 y1, the later over the earlier."""
    id_map = np.zeros(shape, np.uint16)
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        id_map[y0:y1, x0:x1] = row + 1
    count = len(boxes)
    return Instances(id_map, np.array(classes if classes is not None else [0] * count, np.int64),
                     np.full(count, 0.875, np.float32), np.array(boxes, np.float32).reshape(count, 4),
                     np.bincount(id_map.ravel(), minlength=count + 1)[1:])


def test_without_instances_the_overlay_is_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)
    np.testing.assert_array_equal(overlay(picture, instances(), SPEC), picture)


def test_the_picture_itself_is_not_drawn_on():
    picture = GREY.copy()
    overlay(picture, instances((20, 20, 180, 100)), SPEC)
    np.testing.assert_array_equal(picture, GREY)


def test_every_pixel_of_a_mask_changes_and_no_other_does():
    found = instances((20, 30, 60, 90), (60, 30, 100, 90), (0, 0, 5, 120), (195, 115, 200, 120), classes=[0, 1, 0, 1])
    changed = (overlay(GREY, found, SPEC, labels=False) != GREY).any(axis=2)
    np.testing.assert_array_equal(changed, found.id_map > 0)


def test_the_rim_is_the_pure_colour_and_the_inside_is_blended():
    found = instances((20, 30, 60, 90))
    colour = instance_colours(found, SPEC)[0]
    drawn = overlay(GREY, found, SPEC, opacity=0.25, labels=False)
    np.testing.assert_array_equal(drawn[30, 40], colour)
    np.testing.assert_allclose(drawn[60, 40], 0.75 * GREY[60, 40] + 0.25 * colour, atol=1)


def test_two_of_a_class_side_by_side_differ_clearly():
    for x in range(10, 150, 7):
        a, b = instance_colours(instances((x, 30, x + 20, 90), (x + 20, 30, x + 40, 90)), SPEC).astype(int)
        assert np.abs(a - b).sum() > 40


def test_a_colour_stays_near_its_class():
    spread = [instance_colours(instances((x, 30, x + 20, 90), (x, 30, x + 20, 90), classes=[0, 1]), SPEC)
              for x in range(10, 150, 7)]
    person, car = np.array(spread, int).transpose(1, 0, 2)
    assert (person[:, 0] > person[:, 1]).all()  # red above green
    assert (car[:, 2] > car[:, 0]).all()  # blue above red


def test_a_colour_does_not_depend_on_the_rank():
    here, there = (20, 30, 60, 90), (80, 30, 120, 90)
    np.testing.assert_array_equal(instance_colours(instances(here, there), SPEC),
                                  instance_colours(instances(there, here), SPEC)[::-1])


def test_a_large_box_is_labelled_and_a_small_one_is_not():
    found = instances((100, 30, 110, 40), (20, 30, 190, 110))
    labelled = (overlay(GREY, found, SPEC) != overlay(GREY, found, SPEC, labels=False)).any(axis=2)
    assert labelled[30:50, 20:120].any()
    assert not labelled[:, 150:].any()
    assert not labelled[60:].any()
    small = instances((100, 30, 110, 40))
    np.testing.assert_array_equal(overlay(GREY, small, SPEC), overlay(GREY, small, SPEC, labels=False))


def test_out_is_overwritten_and_returned():
    out = np.zeros_like(GREY)
    found = instances((20, 30, 60, 90))
    assert overlay(GREY, found, SPEC, out) is out
    np.testing.assert_array_equal(out, overlay(GREY, found, SPEC))


def test_more_than_255_instances_are_all_drawn():
    boxes = [(x, y, x + 4, y + 4) for y in range(0, 120, 5) for x in range(0, 200, 5)]
    found = instances(*boxes)
    assert len(found) == 960
    changed = (overlay(GREY, found, SPEC, labels=False) != GREY).any(axis=2)
    np.testing.assert_array_equal(changed, found.id_map > 0)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"the picture is \(120, 200\) but the id map is \(60, 100\)"):
        overlay(GREY, instances(shape=(60, 100)), SPEC)
