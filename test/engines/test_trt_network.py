"""A plan in a network's place, with a stand-in for TensorRT: what it is told, and what its refusals become.

The stand-in computes heads by ONNX Runtime, from and to the addresses that it was given.
"""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice
from tiny_model import blobs, write_tiny_model

from instance_seg_node.engines import open_engine, trt
from instance_seg_node.engines.trt import TrtNetwork
from instance_seg_node.errors import InputError
from instance_seg_node.frame import Frame
from instance_seg_node.gpu.frame_path import FramePath
from instance_seg_node.segmenter import Segmenter

HEIGHT, WIDTH, MOST = 32, 64, 3
SHAPES = {"seed": (-1, 2, HEIGHT, WIDTH), "image": (-1, HEIGHT, WIDTH, 3), "embedding": (-1, 2, HEIGHT, WIDTH),
          "bandwidth": (-1, 2, HEIGHT, WIDTH)}
STREAM = 0xBEEF


class Plan:
    """An opened plan, and its execution context."""

    num_io_tensors = len(SHAPES)

    def __init__(self, engine):
        self.engine, self.addresses, self.count = engine, {}, 0
        self.types = dict.fromkeys(SHAPES, np.float32) | {"image": np.uint8}
        self.accepts = self.runs = True

    def create_execution_context(self):
        return self

    def get_tensor_name(self, index):
        return list(SHAPES)[index]

    def get_tensor_shape(self, name):
        return SHAPES[name]

    def get_tensor_dtype(self, name):
        return self.types[name]

    def get_tensor_profile_shape(self, name, profile):
        assert (name, profile) == ("image", 0)
        return [(count, *SHAPES[name][1:]) for count in (1, MOST, MOST)]

    def set_tensor_address(self, name, address):
        self.addresses[name] = address

    def set_input_shape(self, name, shape):
        self.count = shape[0]
        return self.accepts and (name, *shape) == ("image", self.count, HEIGHT, WIDTH, 3)

    def execute_async_v3(self, stream):
        assert stream == STREAM
        for name, values in self.engine(self.memory("image").copy()).items():
            self.memory(name)[:] = values
        return self.runs

    def memory(self, name):
        """The first images of a tensor, where its address says."""
        shape, dtype = (self.count, *SHAPES[name][1:]), np.dtype(self.types[name])
        memory = (ctypes.c_uint8 * (int(np.prod(shape)) * dtype.itemsize)).from_address(self.addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)


@pytest.fixture
def model(tmp_path):
    spec = write_tiny_model(tmp_path, height=HEIGHT, width=WIDTH)
    return spec, open_engine(tmp_path, spec)


@pytest.fixture
def plan(model):
    return Plan(model[1])


@pytest.fixture
def device():
    device = CpuDevice()
    device.stream = SimpleNamespace(handle=STREAM)
    return device


@pytest.fixture
def runtime(plan, monkeypatch):
    """A row of RUNTIMES whose log says why."""
    module = SimpleNamespace(__version__="10.9", nptype=lambda dtype: dtype, Runtime=lambda log: SimpleNamespace(
        deserialize_cuda_engine=lambda content: plan if content == b"plan" else None))
    monkeypatch.setattr(trt, "error_log", lambda module: SimpleNamespace(text=lambda: "the reason"))
    return SimpleNamespace(title="TensorRT", load=lambda: module)


def picture(rgb):
    return SimpleNamespace(encoding="rgb8", height=rgb.shape[0], width=rgb.shape[1], step=3 * rgb.shape[1],
                           is_bigendian=0, data=rgb.tobytes())


def test_batches_through_a_plan_give_the_masks_of_the_cpu(model, device, runtime):
    spec, engine = model
    path = FramePath(device, TrtNetwork(device, runtime, b"plan"), spec)
    one, other = blobs(height=64, width=128), np.ascontiguousarray(blobs(height=48, width=80)[::-1])
    for batch in ({"a": one, "b": other}, {"b": one}, {"c": other, "a": other, "b": one}):
        results = path({camera: picture(rgb) for camera, rgb in batch.items()}, spec.thresholds)
        expected = Segmenter(engine, spec)([Frame(rgb) for rgb in batch.values()])
        for camera, instances in zip(batch, expected, strict=True):
            assert len(instances) == 3
            np.testing.assert_array_equal(results[camera].instances().id_map, instances.id_map)


def test_arrays_are_made_for_the_largest_batch_and_told_to_the_plan(plan, device, runtime):
    network = TrtNetwork(device, runtime, b"plan")
    assert network.images.shape == (MOST, HEIGHT, WIDTH, 3)
    assert {name: head.shape for name, head in network.heads.items()} == {
        name: (MOST, *SHAPES[name][1:]) for name in ("embedding", "bandwidth", "seed")}
    assert plan.addresses == {"image": network.images.pointer} | {
        name: head.pointer for name, head in network.heads.items()}


def test_a_plan_that_does_not_load_is_an_error_with_reason_and_remedy(device, runtime):
    with pytest.raises(InputError, match="TensorRT 10.9 does not load the plan: the reason.*build MODEL --gpu this"):
        TrtNetwork(device, runtime, b"of another GPU")


def test_a_gpu_without_room_for_the_plan_is_an_error_with_the_remedy(plan, device, runtime):
    plan.create_execution_context = lambda: None
    with pytest.raises(InputError, match="no memory to run the plan: the reason.*fewer --cameras"):
        TrtNetwork(device, runtime, b"plan")


def test_a_plan_of_another_graph_is_refused(plan, device, runtime):
    plan.types["seed"] = np.float16
    with pytest.raises(InputError, match="the plan's seed is float16, not float32"):
        TrtNetwork(device, runtime, b"plan")


@pytest.mark.parametrize("refusal", ["accepts", "runs"])
def test_a_batch_that_is_refused_is_an_error_and_no_old_heads(refusal, plan, device, runtime):
    network = TrtNetwork(device, runtime, b"plan")
    setattr(plan, refusal, False)
    with pytest.raises(RuntimeError, match="TensorRT does not run a batch of 2: the reason"):
        network(2)
