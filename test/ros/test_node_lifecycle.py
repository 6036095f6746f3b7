"""The lifecycle as an external manager drives it, through the services."""

import psutil
import pytest
from node_fixtures import (
    desk,  # noqa: F401
    image,
    node_in,
    pixels,
    scene,
    stamp_ns,
    tiny,  # noqa: F401
)
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import Image

pytestmark = pytest.mark.ros

AFTER = {
    "unconfigured": {"configure": "inactive", "shutdown": "finalized"},
    "inactive": {"activate": "active", "cleanup": "unconfigured", "shutdown": "finalized"},
    "active": {"deactivate": "inactive", "shutdown": "finalized"},
    "finalized": {},
}
TRANSITIONS = ("configure", "activate", "deactivate", "cleanup")


def test_every_transition_from_every_state_ends_where_the_ros_design_says(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "autostart": "false"}):
        state = desk.state()
        assert state == "unconfigured"
        seen = set()
        # Refused ones first, then on: every pair of state and transition, and each state by each way into it.
        for onward in ("configure", "cleanup", "configure", "activate", "deactivate", "activate", "deactivate",
                       "cleanup", "configure", "activate", "shutdown"):
            refused = [t for t in TRANSITIONS if t not in AFTER[state] and (state, t) not in seen]
            for transition in [*refused, onward]:
                expected = AFTER[state].get(transition, state)
                assert desk.change_state(transition) == (transition in AFTER[state]), (state, transition)
                assert desk.state() == expected, (state, transition)
                seen.add((state, transition))
                state = expected
        assert all((s, t) in seen for s in ("unconfigured", "inactive", "active") for t in TRANSITIONS)
        desk.until(lambda: desk.value("segmentation", "state") == "finalized", "finalized in diagnostics")


@pytest.mark.parametrize("way", [(), ("configure",)], ids=["unconfigured", "inactive"])
def test_shutdown_is_final_from_the_other_states_too(desk, tiny, tmp_path, way):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "autostart": "false"}):
        assert all(desk.change_state(transition) for transition in (*way, "shutdown"))
        assert desk.state() == "finalized"
        assert not any(desk.change_state(transition) for transition in (*TRANSITIONS, "shutdown"))
        desk.until(lambda: desk.value("segmentation", "state") == "finalized", "finalized in diagnostics")


def test_masks_come_only_while_active_and_again_after_each_reactivation(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}):
        desk.until_active()
        results = desk.record("/camera/instance_seg/instances", Image)
        for number in range(1, 4):
            publisher = desk.publisher("/camera/image_raw")
            desk.deliver(publisher, image(scene(2, 64, 128), number),
                         lambda n=number: results and stamp_ns(results[-1]) == n, "a mask")
            assert desk.change_state("deactivate")
            desk.until(lambda p=publisher: not p.get_subscription_count(), "no subscriber while inactive")
            desk.until(lambda: desk.value("/camera", "state") == "inactive", "inactive in diagnostics")
            desk.node.destroy_publisher(publisher)
            if number == 2:
                assert desk.change_state("cleanup")
                desk.until(lambda: not desk.node.count_publishers("/camera/instance_seg/instances"), "no more topics")
                assert desk.change_state("configure")
            assert desk.change_state("activate")
        assert {message.encoding for message in results} == {"mono16"}
        assert pixels(results[0]).max() == 3


def test_fifty_cycles_leave_no_memory_threads_or_handles_behind(desk, tiny, tmp_path):  # noqa: F811
    def cycle():
        assert all(desk.change_state(t) for t in ("configure", "activate", "deactivate", "cleanup"))

    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "autostart": "false"}) as node:
        for _ in range(10):
            cycle()
        process = psutil.Process(node.pid)
        before = process.memory_info().rss, process.num_threads(), process.num_fds()
        for _ in range(40):
            cycle()
        after = process.memory_info().rss, process.num_threads(), process.num_fds()
        assert after[0] - before[0] < 20 * 2**20
        assert after[1] <= before[1] + 1
        assert after[2] <= before[2] + 4


def set_parameter(desk, name: str, text: str) -> None:  # noqa: F811
    request = SetParameters.Request(parameters=[
        Parameter(name=name, value=ParameterValue(type=4, string_value=text))])
    assert desk.call(SetParameters, "/instance_seg/set_parameters", request).results[0].successful


def test_a_model_that_is_missing_fails_configure_is_named_and_can_be_put_right(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": "no-such-model"}) as node:
        desk.until(lambda: desk.value("segmentation", "state") == "configure failed", "the failure in diagnostics")
        assert desk.state() == "unconfigured"
        status = desk.status("segmentation")
        assert status.level == b"\x02"
        assert "model 'no-such-model' is neither a shipped model nor a model folder" in status.message
        assert node.output().count("cannot configure") == 1
        assert not desk.change_state("configure")
        set_parameter(desk, "model", str(tiny))
        assert desk.change_state("configure")
        assert desk.change_state("activate")
        desk.until_active()


def test_a_model_folder_that_is_damaged_fails_configure(desk, tiny, tmp_path):  # noqa: F811
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "model.yaml").write_text((tiny / "model.yaml").read_text())
    (folder / "model.onnx").write_bytes(b"no network")
    with node_in(desk.domain, tmp_path / "node.log", {"model": folder}):
        desk.until(lambda: desk.value("segmentation", "state") == "configure failed", "the failure in diagnostics")
        assert "SHA-256" in desk.status("segmentation").message


def test_a_relative_camera_lies_in_the_nodes_namespace_and_remaps_hold(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "log", {"model": tiny, "cameras": ["front", "/rear"]},
                 remaps=("__ns:=/car", "/rear/image_raw:=/driver/picture")):
        desk.until_active()
        for topic, prefix in (("/car/front/image_raw", "/car/front"), ("/driver/picture", "/rear")):
            results = desk.record(f"{prefix}/instance_seg/instances", Image)
            publisher = desk.publisher(topic)
            desk.deliver(publisher, image(scene(2, 64, 128), 3), lambda r=results: r, f"masks for {topic}")
        desk.until(lambda: desk.value("/car/front", "state") and desk.value("/rear", "state"), "their diagnostics")


def test_a_qos_override_that_cannot_be_fails_configure_and_leaves_no_topic(desk, tiny, tmp_path):  # noqa: F811
    override = "qos_overrides./camera/instance_seg/overlay.publisher.reliability"
    with node_in(desk.domain, tmp_path / "log", {"model": tiny, override: "perfect"}, tracebacks=2):  # rclpy chains two
        desk.until(lambda: desk.value("segmentation", "state") == "configure failed", "the failure in diagnostics")
        assert not desk.node.count_publishers("/camera/instance_seg/instances")
