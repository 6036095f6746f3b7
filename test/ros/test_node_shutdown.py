"""How the node ends, and how it refuses to begin."""

import signal

import pytest
from node_fixtures import (
    Process,
    desk,  # noqa: F401
    image,
    new_domain,
    node_in,
    scene,
    tiny,  # noqa: F401
)
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_work_ends_the_node_with_0_and_without_a_traceback(desk, tiny, tmp_path, number):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}, module="slow_node") as node:
        desk.until_active()
        results = desk.record("/camera/instance_seg/instances", Image)
        publisher = desk.publisher("/camera/image_raw")
        while not results:
            publisher.publish(image(scene(2, 64, 128), 1))
            desk.spend(0.05)
        publisher.publish(image(scene(2, 64, 128), 2))  # in the worker's hands when the signal comes
        desk.spend(0.1)
        assert node.end(number) == 0


def test_a_signal_ends_a_node_that_waits_for_a_lifecycle_manager(desk, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"autostart": "false"}) as node:
        desk.until(lambda: desk.value("segmentation", "state") == "unconfigured", "its diagnostics")
        assert node.end() == 0


@pytest.mark.parametrize(("parameter", "value", "said"), [
    ("min_pixels", "-7", "min_pixels"), ("seed_threshold", "1.5", "seed_threshold"), ("cameras", "5", "cameras")])
def test_a_parameter_out_of_range_or_type_ends_the_start_with_2_and_a_line(tmp_path, parameter, value, said):
    process = Process(["-m", "instance_seg_node.ros.node", "--ros-args", "-p", f"{parameter}:={value}"],
                      new_domain(), tmp_path / "log")
    assert process.end(0) == 2
    last = process.output().strip().splitlines()[-1]
    assert last.startswith("instance_seg: ")
    assert said in last
    assert "Traceback" not in process.output()
