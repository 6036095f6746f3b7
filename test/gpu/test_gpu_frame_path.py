"""A batch's way through a device gives what the CPU's way gives, to the last bit.

The device does what it is asked late, at drawn moments.
"""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice, CudaOnCpuError
from network_on_device import NetworkOnDevice
from tiny_model import blobs, write_tiny_model

from instance_seg_node.drawing import overlay
from instance_seg_node.encodings import rgb_of_image
from instance_seg_node.engines import open_engine
from instance_seg_node.errors import FrameError
from instance_seg_node.frame import Frame
from instance_seg_node.gpu import camera_path
from instance_seg_node.gpu.frame_path import STAGES, FramePath
from instance_seg_node.instances import Instances
from instance_seg_node.segmenter import Segmenter

HEIGHT, WIDTH = 32, 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    spec = write_tiny_model(folder, height=HEIGHT, width=WIDTH)
    return spec, open_engine(folder, spec)


@pytest.fixture
def device():
    return CpuDevice(shuffle=3, late=True)


@pytest.fixture
def network(model, device):
    spec, engine = model
    return NetworkOnDevice(device, engine, spec, most=3)


@pytest.fixture
def path(model, device, network):
    return FramePath(device, network, model[0])


def image(rgb: np.ndarray, encoding: str = "rgb8") -> SimpleNamespace:
    """The fields of a sensor_msgs/Image, with padded rows."""
    samples = {"rgb8": rgb, "bgr8": rgb[..., ::-1], "mono8": rgb.max(axis=2, keepdims=True)}[encoding]
    height, width, channels = samples.shape
    rows = np.zeros((height, width * channels + 5), np.uint8)
    rows[:, :width * channels] = samples.reshape(height, -1)
    return SimpleNamespace(encoding=encoding, height=height, width=width, step=rows.shape[1], is_bigendian=0,
                           data=rows.tobytes())


def segmented(path, messages, thresholds):
    results = path(messages, thresholds)
    path.wait()
    return results


def on_the_cpu(model, messages: dict) -> dict[str, tuple[Frame, Instances]]:
    spec, engine = model
    frames = [Frame(np.ascontiguousarray(rgb_of_image(message))) for message in messages.values()]
    return dict(zip(messages, zip(frames, Segmenter(engine, spec)(frames), strict=True), strict=True))


def assert_as_on_the_cpu(model, results: dict, messages: dict) -> None:
    for camera, (frame, instances) in on_the_cpu(model, messages).items():
        found = results[camera].instances
        for field in fields(Instances):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(instances, field.name), field.name)
        class_map, picture = np.empty(found.id_map.shape, np.uint8), np.empty(frame.rgb.shape, np.uint8)
        results[camera].class_map(class_map)
        np.testing.assert_array_equal(class_map, instances.class_map())
        results[camera].overlay(picture)
        np.testing.assert_array_equal(picture, overlay(frame.rgb, instances, model[0]))


def test_cameras_of_any_size_and_encoding_share_a_batch(model, path):
    messages = {"front": image(blobs(height=64, width=128)), "left": image(blobs(height=32, width=64)[::-1], "bgr8"),
                "rear": image(blobs(height=48, width=80)[:, ::-1], "mono8")}
    results = segmented(path, messages, model[0].thresholds)
    assert_as_on_the_cpu(model, results, messages)
    assert len(results["front"].instances) == 3


def test_nothing_of_a_frame_is_left_in_the_next(model, path):
    segmented(path, {"front": image(blobs(height=64, width=128))}, model[0].thresholds)
    messages = {"front": image(np.zeros((64, 128, 3), np.uint8))}
    results = segmented(path, messages, model[0].thresholds)
    assert_as_on_the_cpu(model, results, messages)
    assert len(results["front"].instances) == 0


def test_batches_of_other_sizes_and_a_camera_that_changes_its_size_follow_each_other(model, network, path):
    small, large = image(blobs(height=40, width=72)), image(blobs(height=64, width=128)[::-1])
    for messages in ({"a": small, "b": large}, {"b": small}, {"a": large, "b": large, "c": small}, {"c": large}):
        assert_as_on_the_cpu(model, segmented(path, messages, model[0].thresholds), messages)
    assert network.counts == [2, 1, 3, 1]


@pytest.mark.parametrize("shuffle", range(3))
def test_what_comes_again_is_asked_as_one_graph_with_the_bytes_of_today(model, shuffle):
    device = CpuDevice(shuffle=shuffle, late=True)
    network = NetworkOnDevice(device, model[1], model[0], most=2)
    path = FramePath(device, network, model[0])
    pictures = [blobs(height=64, width=128)[::step, ::turn] for step in (1, -1) for turn in (1, -1)]
    for number, rgb in enumerate([*pictures, np.zeros_like(pictures[0])]):
        messages = {"front": image(rgb), "left": image(pictures[number % 3], "bgr8")}
        if number % 2:
            messages = dict(reversed(messages.items()))  # who comes first makes no other set of cameras
        assert_as_on_the_cpu(model, segmented(path, messages, model[0].thresholds), messages)
    assert network.counts == [2, 2]  # as it was asked, and as it was captured


def test_a_graph_is_captured_anew_for_other_cameras_thresholds_and_sizes(model, network, path):
    thresholds, rgb = model[0].thresholds, blobs(height=64, width=128)
    strict, turned = thresholds.model_copy(update={"seed": 0.95}), np.ascontiguousarray(rgb[::-1])
    both, front, large = {"a": image(rgb), "b": image(turned)}, {"a": image(turned)}, {"a": image(rgb[:60])}
    sets = [(both, thresholds), (front, thresholds), (front, strict), (large, thresholds), (front, thresholds)]
    for messages, limits in sets:
        for _ in range(3):
            results = segmented(path, messages, limits)
        expected = Segmenter(model[1], model[0])
        expected.thresholds = limits
        for camera, message in messages.items():
            instances, = expected([Frame(np.ascontiguousarray(rgb_of_image(message)))])
            np.testing.assert_array_equal(results[camera].instances.id_map, instances.id_map)
    assert network.counts == [2, 2, 1, 1, 1, 1, 1, 1, 1, 1]


def test_a_network_that_cannot_be_captured_is_asked_each_time(model, network, path):
    network.capturable = lambda count: False
    messages = {"front": image(blobs(height=64, width=128))}
    for _ in range(3):
        assert_as_on_the_cpu(model, segmented(path, messages, model[0].thresholds), messages)
    assert network.counts == [1, 1, 1]


def test_each_stage_is_said_when_it_has_been_asked_and_nothing_is_captured(model, device, network):
    stages = []
    path, messages = FramePath(device, network, model[0], stages.append), {"front": image(blobs(height=64, width=128))}
    for _ in range(3):
        assert_as_on_the_cpu(model, segmented(path, messages, model[0].thresholds), messages)
    assert stages == [*STAGES] * 3
    assert network.counts == [1, 1, 1]


def test_more_instances_than_come_down_with_the_masks_come_after_them(model, path, monkeypatch):
    monkeypatch.setattr(camera_path, "FIRST_ROWS", 2)
    messages = {"front": image(blobs(height=64, width=128))}
    results = segmented(path, messages, model[0].thresholds)
    assert_as_on_the_cpu(model, results, messages)
    assert len(results["front"].instances) == 3


def test_a_message_that_cannot_be_read_costs_its_own_camera_a_frame_and_no_other(model, network, path):
    broken = image(blobs(height=64, width=128))
    broken.encoding = "yuv444"
    messages = {"front": broken, "left": image(blobs(height=64, width=128))}
    results = segmented(path, messages, model[0].thresholds)
    assert isinstance(results["front"], FrameError)
    assert results["front"].cause == "unknown encoding"
    assert_as_on_the_cpu(model, {"left": results["left"]}, {"left": messages["left"]})
    assert network.counts == [1]


@pytest.mark.parametrize("head", ["embedding", "bandwidth", "seed"])
def test_what_is_not_finite_costs_its_own_camera_a_frame_and_no_other(model, network, path, head):
    messages = {name: image(blobs(height=64, width=128)) for name in ("front", "left", "rear")}
    for _ in range(2):  # as it is asked, and as it was captured
        network.off = {head: np.float32([0, np.nan, 0]).reshape(3, 1, 1, 1)}
        results = segmented(path, messages, model[0].thresholds)
        assert [results[camera].error() is None for camera in messages] == [True, False, True]
        assert str(results["left"].error()).startswith(f"network not finite: NaN or infinity in {head}. ")
        sound = {camera: messages[camera] for camera in ("front", "rear")}
        assert_as_on_the_cpu(model, {camera: results[camera] for camera in sound}, sound)
    network.off = {}
    assert segmented(path, messages, model[0].thresholds)["left"].error() is None


def test_without_a_readable_message_the_network_rests(model, network, path):
    broken = image(blobs(height=64, width=128))
    broken.data = broken.data[:-100]
    assert isinstance(segmented(path, {"front": broken}, model[0].thresholds)["front"], FrameError)
    assert network.counts == []


def test_thresholds_hold_from_the_next_batch_on(model, path):
    messages = {"front": image(blobs(height=64, width=128))}
    segmented(path, messages, model[0].thresholds)
    strict = model[0].thresholds.model_copy(update={"seed": 0.95})
    found = segmented(path, messages, strict)["front"].instances
    assert 0 < len(found) < 3
    assert found.scores.min() >= np.float32(0.95)


def test_more_images_than_the_network_takes_are_refused(model, path):
    messages = {name: image(blobs(height=32, width=64)) for name in "abcd"}
    with pytest.raises(ValueError, match="4 images at once; the network was built for 3"):
        path(messages, model[0].thresholds)


def test_work_that_waits_or_makes_memory_cannot_be_captured(device):
    array, values = device.array((3,), np.float32), device.host((3,), np.float32)
    for forbidden in (device.wait, lambda: device.download(array), lambda: device.upload(array, values),
                      lambda: device.array((1,), np.uint8), lambda: device.host((1,), np.uint8)):
        with pytest.raises(CudaOnCpuError, match="while a graph is captured"):
            device.capture(forbidden)


def test_a_graph_whose_memory_is_gone_is_an_error_and_not_a_guess(device):
    arrays, values = [device.array((3,), np.float32)], device.host((3,), np.float32)
    graph = device.capture(lambda: device.send(arrays[0], values))
    graph()
    device.wait()
    arrays.clear()
    with pytest.raises(CudaOnCpuError, match="freed before it was used"):  # noqa: PT012 - at a drawn moment
        graph()
        device.wait()
