"""Parameters as their users set them: refused with a reason, or in force at once."""

import numpy as np
import pytest
from node_fixtures import desk_in, image, new_domain, node_in, pixels, scene, stamp_ns, tiny  # noqa: F401
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParametersAtomically
from sensor_msgs.msg import Image
from vision_msgs.msg import LabelInfo

from instance_seg_node.ros.parameters import SETTINGS

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def rig(tiny, tmp_path_factory):  # noqa: F811
    with desk_in(new_domain()) as desk, node_in(desk.domain, tmp_path_factory.mktemp("node") / "log", {
            "model": tiny, "qos_overrides./camera/image_raw.subscription.reliability": "reliable"}):
        desk.until_active()
        yield desk


def value_of(value) -> ParameterValue:
    kinds = {bool: ("BOOL", "bool_value"), int: ("INTEGER", "integer_value"), float: ("DOUBLE", "double_value"),
             str: ("STRING", "string_value"), list: ("STRING_ARRAY", "string_array_value")}
    kind, field = kinds[type(value)]
    return ParameterValue(type=getattr(ParameterType, f"PARAMETER_{kind}"), **{field: value})


def put(rig, **values) -> str:
    """Why the node refuses these values together, empty if it took them."""
    parameters = [Parameter(name=name, value=value_of(value)) for name, value in values.items()]
    response = rig.call(SetParametersAtomically, "/instance_seg/set_parameters_atomically",
                        SetParametersAtomically.Request(parameters=parameters))
    return "" if response.result.successful else response.result.reason


def get(rig, name: str) -> ParameterValue:
    request = GetParameters.Request(names=[name])
    return rig.call(GetParameters, "/instance_seg/get_parameters", request).values[0]


@pytest.mark.parametrize(("values", "reason"), [
    ({"seed_threshold": 1.5}, "seed_threshold out of range"),
    ({"seed_threshold": -0.5}, "seed_threshold must be 0 to 1, or -1 for the model's own, got -0.5"),
    ({"seed_threshold": 1.0000000001}, "seed_threshold must be 0 to 1, or -1 for the model's own, got 1.0000000001"),
    ({"seed_threshold": -1.0000000001}, "seed_threshold must be 0 to 1"),
    ({"min_pixels": -2}, "min_pixels out of range"),
    ({"min_pixels": 2.5}, "Wrong parameter type"),
    ({"refine": "sometimes"}, "refine must be one of model, always, never, got 'sometimes'"),
    ({"transport": "theora"}, "transport must be one of raw, compressed"),
    ({"seed_threshold": 0.3}, "seed_threshold (0.3) is below foreground_threshold (0.5)"),
    ({"seed_threshold": 0.6, "foreground_threshold": 0.7}, "seed_threshold (0.6) is below foreground_threshold (0.7)"),
    ({"foreground_threshold": 0.95}, "seed_threshold (0.9) is below foreground_threshold (0.95)"),
    ({"model": "other"}, "model cannot change while the node is configured"),
    ({"cameras": ["/other"], "device": "cuda"}, "cameras and device cannot change while the node is configured"),
    ({"cameras": ["/front/"]}, "cameras: '/front/' is no namespace"),
    ({"cameras": [""]}, "cameras: '' is no namespace"),
    ({"cameras": ["/a//b"]}, "cameras: '/a//b' is no namespace"),
    ({"cameras": ["a b"]}, "cameras: 'a b' is no namespace"),
    ({"cameras": ["/front", "front"]}, "cameras must differ, and /front is named more than once"),
    ({"max_age_ms": 100}, "max_age_ms cannot change while the node is configured"),
    ({"autostart": False}, "read-only parameter: autostart"),
])
def test_a_refusal_says_why(rig, values, reason):
    assert reason in put(rig, **values)


def test_a_refused_set_changes_none_of_its_values(rig):
    assert put(rig, min_pixels=77, seed_threshold=0.3)
    assert get(rig, "min_pixels").integer_value == -1


def test_setting_what_is_set_already_is_no_change(rig):
    assert put(rig, cameras=["/camera"], transport="raw") == ""


def test_thresholds_are_in_force_with_the_next_frame(rig):
    results = rig.record("/camera/instance_seg/instances", Image)
    infos = rig.record("/camera/instance_seg/label_info", LabelInfo)
    publisher = rig.publisher("/camera/image_raw")
    rig.until(lambda: rig.node.count_publishers("/camera/instance_seg/instances"))
    rig.spend(0.5)

    def count(number: int) -> int:
        rig.deliver(publisher, image(scene(2, 64, 128), number),
                    lambda: results and stamp_ns(results[-1]) == number, "a mask")
        return len(np.unique(pixels(results[-1]))) - 1

    assert count(1) == 3
    assert put(rig, seed_threshold=0.95) == ""  # red 1.0, green 0.96, blue 0.92
    assert count(2) == 2
    rig.until(lambda: infos and infos[-1].threshold == pytest.approx(0.95), "label_info with the new threshold")
    rig.until(lambda: rig.value("segmentation", "threshold seed") == "0.95", "the new threshold in diagnostics")
    assert put(rig, seed_threshold=0.7, foreground_threshold=0.65) == ""
    assert put(rig, min_pixels=32 * 32) == ""
    assert count(3) == 0
    assert put(rig, seed_threshold=-1.0, foreground_threshold=-1.0, min_pixels=-1) == ""
    assert count(4) == 3


def test_every_parameter_describes_itself(rig):
    names = [setting.name for setting in SETTINGS] + ["autostart"]
    descriptors = rig.call(DescribeParameters, "/instance_seg/describe_parameters",
                           DescribeParameters.Request(names=names)).descriptors
    assert all(len(d.description) > 10 for d in descriptors)
    numbers = (ParameterType.PARAMETER_DOUBLE, ParameterType.PARAMETER_INTEGER)
    assert all(d.floating_point_range or d.integer_range for d in descriptors if d.type in numbers)


def test_an_overridden_qos_that_does_not_match_is_named_with_its_policy(rig):
    from node_fixtures import BEST_EFFORT
    publisher = rig.node.create_publisher(Image, "/camera/image_raw", BEST_EFFORT)
    rig.until(lambda: rig.value("/camera", "state") == "incompatible QoS", "incompatible QoS")
    assert "RELIABILITY" in rig.status("/camera").message
    rig.node.destroy_publisher(publisher)
