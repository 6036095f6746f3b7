"""benchmarks/gpu_memory.py counts the bytes that the path of a batch really asks a device for."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice
from network_on_device import NetworkOnDevice
from tiny_model import blobs, write_tiny_model

from benchmarks import gpu_memory
from instance_seg_node.engines import open_engine
from instance_seg_node.gpu.frame_path import FramePath

HEIGHT, WIDTH = 32, 64
CAMERA = 64, 128


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return write_tiny_model(folder, height=HEIGHT, width=WIDTH), folder


class RecordedDevice(CpuDevice):
    """made: bytes of its arrays. page_locked: bytes of the host's."""

    made = page_locked = 0

    def array(self, shape, dtype):
        array = super().array(shape, dtype)
        self.made += array.values.nbytes
        return array

    def host(self, shape, dtype):
        values = super().host(shape, dtype)
        self.page_locked += values.nbytes
        return values


def test_as_many_bytes_are_counted_as_a_device_is_asked_for_that_has_memory(model):
    spec, folder = model
    device = RecordedDevice(shuffle=3)
    path = FramePath(device, NetworkOnDevice(device, open_engine(folder, spec), spec, most=2), spec)
    height, width = CAMERA
    message = SimpleNamespace(encoding="rgb8", height=height, width=width, step=3 * width, is_bigendian=0,
                              data=blobs(height=height, width=width).tobytes())
    path({"front": message, "left": message}, spec.thresholds)
    counted = gpu_memory.counted(spec, 2, *CAMERA)
    assert sum(counted[part] for part in ("network", "clustering", "cameras")) == device.made
    assert counted["page_locked"] == device.page_locked


def test_each_camera_has_arrays_of_its_own(model):
    one, four = (gpu_memory.counted(model[0], cameras, *CAMERA) for cameras in (1, 4))
    assert four["cameras"] == 4 * one["cameras"]
    assert four["page_locked"] == 4 * one["page_locked"]
    assert four["network"] == 4 * one["network"] == 4 * HEIGHT * WIDTH * (3 + 4 * (2 + model[0].bandwidths + 2))


def test_what_is_masked_and_sent_is_page_locked_once(model):
    height, width = CAMERA
    message, masks = 3 * height * width, (2 + 1) * height * width
    assert 0 <= gpu_memory.counted(model[0], 1, *CAMERA)["page_locked"] - message - masks < 20_000


def test_the_page_has_megabytes_of_both_batches_in_flight_and_the_results_bytes_of_one(model, monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_memory, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(gpu_memory, "PAGE", tmp_path / "page.md")
    million = {"network": 10**6, "clustering": 2 * 10**6, "cameras": 3 * 10**6, "page_locked": 5 * 10**6}
    monkeypatch.setattr(gpu_memory, "counted", lambda *arguments: million)
    gpu_memory.main([str(model[1]), "--cameras", "3", "--size", "128x64"])
    row = "| 3 of 128x64 | 2 | 4 | 6 | **12** | 10 |"
    assert row in (tmp_path / "page.md").read_text()
    [found] = json.loads((tmp_path / "results.json").read_text())["results"]["counted"]
    assert (found["bytes"], found["cameras"], found["camera"]) == (million, 3, [128, 64])


def test_a_part_of_a_counted_array_is_as_large_as_that_of_a_real_one():
    array, real = gpu_memory.CountingDevice().array((3, 4, 5), np.int32), np.empty((3, 4, 5), np.int32)
    for index in (1, slice(0, 2), slice(2, 3)):
        assert array[index].nbytes == real[index].nbytes
        assert array[index].shape == real[index].shape
