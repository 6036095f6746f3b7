"""A batch's way through a device gives what the CPU's way gives, to the last bit."""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice
from network_on_device import NetworkOnDevice
from tiny_model import blobs, write_tiny_model

from instance_seg_node.encodings import rgb_of_image
from instance_seg_node.engines import open_engine
from instance_seg_node.errors import FrameError
from instance_seg_node.frame import Frame
from instance_seg_node.gpu.frame_path import FramePath
from instance_seg_node.instances import UNLABELLED, Instances
from instance_seg_node.segmenter import Segmenter

HEIGHT, WIDTH = 32, 64


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    spec = write_tiny_model(folder, height=HEIGHT, width=WIDTH)
    return spec, open_engine(folder, spec)


@pytest.fixture
def device():
    return CpuDevice(shuffle=3)


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


def assert_as_on_the_cpu(model, device, results: dict, messages: dict) -> None:
    spec, engine = model
    expected = Segmenter(engine, spec)([Frame(np.ascontiguousarray(rgb_of_image(m))) for m in messages.values()])
    for camera, instances in zip(messages, expected, strict=True):
        found = results[camera].instances()
        for field in fields(Instances):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(instances, field.name), field.name)
        class_of_id = np.append(UNLABELLED, instances.class_ids).astype(np.uint8)
        np.testing.assert_array_equal(device.download(results[camera].class_map), class_of_id[instances.id_map])


def test_cameras_of_any_size_and_encoding_share_a_batch(model, device, path):
    messages = {"front": image(blobs(height=64, width=128)), "left": image(blobs(height=32, width=64)[::-1], "bgr8"),
                "rear": image(blobs(height=48, width=80)[:, ::-1], "mono8")}
    results = path(messages, model[0].thresholds)
    assert_as_on_the_cpu(model, device, results, messages)
    assert len(results["front"].instances()) == 3


def test_nothing_of_a_frame_is_left_in_the_next(model, device, path):
    path({"front": image(blobs(height=64, width=128))}, model[0].thresholds)
    messages = {"front": image(np.zeros((64, 128, 3), np.uint8))}
    results = path(messages, model[0].thresholds)
    assert_as_on_the_cpu(model, device, results, messages)
    assert len(results["front"].instances()) == 0


def test_batches_of_other_sizes_and_a_camera_that_changes_its_size_follow_each_other(model, device, network, path):
    small, large = image(blobs(height=40, width=72)), image(blobs(height=64, width=128)[::-1])
    for messages in ({"a": small, "b": large}, {"b": small}, {"a": large, "b": large, "c": small}, {"c": large}):
        assert_as_on_the_cpu(model, device, path(messages, model[0].thresholds), messages)
    assert network.counts == [2, 1, 3, 1]


def test_a_message_that_cannot_be_read_costs_its_own_camera_a_frame_and_no_other(model, device, network, path):
    broken = image(blobs(height=64, width=128))
    broken.encoding = "yuv444"
    messages = {"front": broken, "left": image(blobs(height=64, width=128))}
    results = path(messages, model[0].thresholds)
    assert isinstance(results["front"], FrameError)
    assert results["front"].cause == "unknown encoding"
    assert_as_on_the_cpu(model, device, {"left": results["left"]}, {"left": messages["left"]})
    assert network.counts == [1]


def test_without_a_readable_message_the_network_rests(model, network, path):
    broken = image(blobs(height=64, width=128))
    broken.data = broken.data[:-100]
    assert isinstance(path({"front": broken}, model[0].thresholds)["front"], FrameError)
    assert network.counts == []


def test_thresholds_hold_from_the_next_batch_on(model, path):
    messages = {"front": image(blobs(height=64, width=128))}
    path(messages, model[0].thresholds)
    strict = model[0].thresholds.model_copy(update={"seed": 0.95})
    found = path(messages, strict)["front"].instances()
    assert 0 < len(found) < 3
    assert found.scores.min() >= np.float32(0.95)


def test_more_images_than_the_network_takes_are_refused(model, path):
    messages = {name: image(blobs(height=32, width=64)) for name in "abcd"}
    with pytest.raises(ValueError, match="4 images at once; the network was built for 3"):
        path(messages, model[0].thresholds)
