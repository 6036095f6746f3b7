"""The node on a GPU, which here is a CPU: the same messages out, and what it does when the GPU fails."""

import numpy as np
import pytest
from node_fixtures import (
    desk,  # noqa: F401
    expected_ids,
    image,
    node_in,
    pixels,
    scene,
    stamp_ns,
    tiny,  # noqa: F401
)
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

pytestmark = pytest.mark.ros
SIZE = 64, 128
OUT = "/camera/instance_seg"


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A file that, while it is there, keeps the GPU from being opened."""
    monkeypatch.setenv("BROKEN", str(tmp_path / "broken"))
    return tmp_path / "broken"


@pytest.fixture
def building(tmp_path, monkeypatch):
    """A file that, while it is there, stands for a plan that is being built."""
    monkeypatch.setenv("BUILDING", str(tmp_path / "building"))
    return tmp_path / "building"


@pytest.fixture
def gpu_node(desk, tiny, tmp_path, broken, building):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}, module="gpu_node") as node:
        desk.until_active()
        yield node


def segmented(desk, publisher, results: list, number: int) -> Image:  # noqa: F811
    """The id map of a scene that is sent now."""
    desk.deliver(publisher, image(scene(number, *SIZE), number), lambda: [m for m in results if stamp_ns(m) == number],
                 f"mask {number}")
    return next(m for m in results if stamp_ns(m) == number)


def test_every_output_is_what_the_cpu_publishes(desk, gpu_node):  # noqa: F811
    ids, classes, overlay = (desk.record(f"{OUT}/{name}", Image) for name in ("instances", "classes", "overlay"))
    detections = desk.record(f"{OUT}/detections", Detection2DArray)
    publisher = desk.publisher("/camera/image_raw")
    for number in (2, 1, 3, 5):  # the second sight of a camera is a captured graph
        expected = expected_ids(scene(number, *SIZE))
        np.testing.assert_array_equal(pixels(segmented(desk, publisher, ids, number)), expected)
    assert desk.value("segmentation", "engine") == "a GPU that is a CPU"
    others = overlay, classes, detections
    desk.until(lambda: all(found and stamp_ns(found[-1]) == 5 for found in others), "the other outputs")
    np.testing.assert_array_equal(pixels(classes[-1]) == 255, expected_ids(scene(5, *SIZE)) == 0)
    assert [d.id for d in detections[-1].detections] == ["1", "2", "3"]
    assert pixels(overlay[-1]).shape == (*SIZE, 3)


def test_a_gpu_that_fails_is_said_and_opened_again(desk, gpu_node):  # noqa: F811
    results, publisher = desk.record(f"{OUT}/instances", Image), desk.publisher("/camera/image_raw")
    segmented(desk, publisher, results, 1)
    white = image(np.full((*SIZE, 3), 255, np.uint8), 7)
    desk.deliver(publisher, white, lambda: desk.value("/camera", "dropped: failed") not in ("", "0"), "a failed frame")
    desk.until(lambda: "an illegal memory access was encountered" in gpu_node.output(), "the log")
    segmented(desk, publisher, results, 2)
    assert "It is opened again after 1 s (failure 1 of 3)" in gpu_node.output()
    assert gpu_node.output().count("the GPU is given back, lost") == 1
    desk.until(lambda: desk.value("segmentation", "state") == "active", "good diagnostics")


def test_a_gpu_that_stays_broken_is_an_error_in_diagnostics_and_the_node_stays_up(desk, gpu_node, broken):  # noqa: F811
    results, publisher = desk.record(f"{OUT}/instances", Image), desk.publisher("/camera/image_raw")
    segmented(desk, publisher, results, 1)
    broken.touch()
    white = image(np.full((*SIZE, 3), 255, np.uint8), 7)
    desk.deliver(publisher, white, lambda: desk.value("segmentation", "state") == "engine failed", "the engine failed")
    assert desk.status("segmentation").level == b"\x02"
    desk.until(lambda: "left alone" in desk.status("segmentation").message, "three failures")
    assert "no CUDA-capable device is detected" in desk.status("segmentation").message
    desk.deliver(publisher, image(scene(1, *SIZE), 9),
                 lambda: int(desk.value("/camera", "dropped: no engine") or 0) > 0, "a frame without an engine")
    assert (desk.value("/camera", "state"), desk.status("/camera").level) == ("no engine", b"\x01")
    broken.unlink()
    assert desk.change_state("deactivate")
    assert desk.change_state("activate")
    segmented(desk, publisher, results, 2)


def test_deactivate_gives_the_gpu_back_and_activate_takes_it_again(desk, gpu_node):  # noqa: F811
    results, publisher = desk.record(f"{OUT}/instances", Image), desk.publisher("/camera/image_raw")
    segmented(desk, publisher, results, 1)
    assert "given back" not in gpu_node.output()
    assert desk.change_state("deactivate")
    assert gpu_node.output().count("the GPU is given back") == 1
    assert desk.change_state("activate")
    segmented(desk, publisher, results, 2)


def test_while_a_plan_is_built_the_node_is_up_and_says_so(desk, gpu_node, building):  # noqa: F811
    results, publisher = desk.record(f"{OUT}/instances", Image), desk.publisher("/camera/image_raw")
    building.touch()
    assert desk.change_state("deactivate")
    assert desk.change_state("activate")
    desk.until(lambda: desk.value("segmentation", "state") == "opening", "the engine that is opened")
    assert desk.status("segmentation").level == b"\x01"
    desk.deliver(publisher, image(scene(1, *SIZE), 5), lambda: desk.value("/camera", "state") == "no engine",
                 "a camera without an engine")
    building.unlink()
    desk.until(lambda: desk.value("segmentation", "state") == "active", "the open engine")
    segmented(desk, publisher, results, 2)


def test_a_node_that_is_deactivated_waits_for_no_builder(desk, gpu_node, building):  # noqa: F811
    building.touch()
    assert desk.change_state("deactivate")
    assert desk.change_state("activate")
    desk.until(lambda: desk.value("segmentation", "state") == "opening", "the engine that is opened")
    assert desk.change_state("deactivate")
    assert gpu_node.output().count("the builder is stopped") == 1
    assert "hangs" not in gpu_node.output()


def test_cuda_without_a_gpu_is_an_error_in_diagnostics_and_the_node_stays_up(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "device": "cuda"}) as node:
        desk.until(lambda: desk.value("segmentation", "state") == "configure failed", "the refusal")
        assert "device cuda cannot be used: there is no GPU here" in desk.status("segmentation").message
        assert "choose device cpu" in desk.status("segmentation").message
        assert desk.status("segmentation").level == b"\x02"
        assert node.running()


def test_what_device_auto_takes_is_logged_with_the_reason(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}) as node:
        desk.until_active()
        assert node.output().count("device auto takes the CPU, for no GPU can be used: there is no GPU here") == 1
