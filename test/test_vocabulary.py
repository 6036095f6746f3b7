"""Frame, Instances and ModelSpec check themselves, so that nobody behind them has to."""

import numpy as np
import pytest
import yaml

from instance_seg_node.errors import FrameError, InputError
from instance_seg_node.frame import Frame
from instance_seg_node.instances import MAX_INSTANCES, UNLABELLED, Instances
from instance_seg_node.model_spec import ModelSpec

SPEC = {"name": "street", "input_height": 256, "input_width": 512,
        "classes": [{"name": "car", "color": [0, 0, 142]}],
        "provenance": {"data": "generated streets", "licence": "Apache-2.0", "command": "instance-seg train street"}}


def instances(count=2, **changes):
    fields = {"id_map": np.zeros((4, 6), np.uint16), "class_ids": np.arange(count),
              "scores": np.ones(count, np.float32), "boxes": np.zeros((count, 4), np.float32),
              "areas": np.ones(count, np.int64)}
    return Instances(**fields | changes)


def saved(folder, **changes):
    (folder / "model.yaml").write_text(yaml.safe_dump(SPEC | changes))
    return folder


@pytest.mark.parametrize("rgb", [np.zeros((4, 6, 3), np.float32), np.zeros((4, 6), np.uint8),
                                 np.zeros((4, 6, 4), np.uint8), np.zeros((0, 6, 3), np.uint8)])
def test_frame_is_uint8_rgb_and_not_empty(rgb):
    with pytest.raises(ValueError, match="rgb must"):
        Frame(rgb)


def test_frame_does_not_copy_its_image():
    rgb = np.zeros((4, 6, 3), np.uint8)
    assert Frame(rgb).rgb is rgb
    assert (Frame(rgb).height, Frame(rgb).width) == (4, 6)


def test_frame_error_keeps_its_cause_apart_from_its_values():
    error = FrameError("wrong step", "step 10 for width 640")
    assert error.cause == "wrong step" and str(error) == "wrong step: step 10 for width 640"
    assert isinstance(error, InputError)


@pytest.mark.parametrize("name, array", [("scores", np.ones(3)), ("boxes", np.zeros((2, 3))), ("areas", np.ones(1))])
def test_instances_need_one_row_each(name, array):
    with pytest.raises(ValueError, match=f"{name} must have one entry per instance"):
        instances(**{name: array})


def test_id_map_is_16_bit():
    with pytest.raises(ValueError, match="id_map must be uint16"):
        instances(id_map=np.zeros((4, 6), np.uint8))


def test_more_instances_than_ids_are_refused():
    with pytest.raises(ValueError, match="at most 65534 instances"):
        instances(count=MAX_INSTANCES + 1)


def test_class_map_of_ids_beyond_255():
    id_map = np.arange(301, dtype=np.uint16).reshape(7, 43)
    classes = instances(count=300, id_map=id_map, class_ids=np.arange(300) % 8).class_map()
    assert classes.dtype == np.uint8 and classes.shape == (7, 43)
    assert classes.ravel().tolist() == [UNLABELLED] + [k % 8 for k in range(300)]


def test_spec_survives_its_file(tmp_path):
    spec = ModelSpec.model_validate(SPEC)
    spec.save(tmp_path)
    assert ModelSpec.load(tmp_path) == spec


def test_unknown_key_names_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"input_hieght: .*known keys: name, method, input_height"):
        ModelSpec.load(saved(tmp_path, input_hieght=256))


def test_every_problem_is_named_at_once(tmp_path):
    with pytest.raises(InputError) as error:
        ModelSpec.load(saved(tmp_path, input_height=250, bandwidths=3, classes=[]))
    assert all(name in str(error.value) for name in ("input_height", "bandwidths", "classes"))


def test_two_classes_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="class names must be unique"):
        ModelSpec.load(saved(tmp_path, classes=SPEC["classes"] * 2))


def test_missing_model_says_how_to_list_models(tmp_path):
    with pytest.raises(InputError, match="model.yaml cannot be read.*instance-seg models"):
        ModelSpec.load(tmp_path / "absent")


@pytest.mark.parametrize("text", ["a: [", "just words", ""])
def test_file_that_is_no_spec_is_refused(tmp_path, text):
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(InputError, match="model.yaml"):
        ModelSpec.load(tmp_path)


THREE = [{"name": name, "color": [0, 0, 142]} for name in ("car", "bus", "train")]


def test_look_alikes_are_named_and_grouped_by_class_id(tmp_path):
    spec = ModelSpec.load(saved(tmp_path, classes=THREE, look_alikes=[["train", "car"]]))
    assert spec.groups == [[0, 2], [1]]
    assert ModelSpec.load(saved(tmp_path, classes=THREE)).groups == [[0], [1], [2]]


@pytest.mark.parametrize("look_alikes, problem", [([["bus", "tram"]], "'tram', which is none of the classes car, bus"),
                                                  ([["bus", "train"], ["car", "bus"]], "'bus' twice")])
def test_look_alikes_are_classes_of_the_model_and_in_one_group(tmp_path, look_alikes, problem):
    with pytest.raises(InputError, match=problem):
        ModelSpec.load(saved(tmp_path, classes=THREE, look_alikes=look_alikes))
