"""A plan in a network's place, with a stand-in for TensorRT: what it is told, and what its refusals become.

The stand-in computes heads by ONNX Runtime, from and to the addresses that it was given.
"""

import ctypes
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice
from tiny_model import blobs, write_tiny_model

from instance_seg_node.engines import open_engine, trt
from instance_seg_node.engines.trt import TrtNetwork, TrtPlan
from instance_seg_node.errors import InputError
from instance_seg_node.frame import Frame
from instance_seg_node.gpu.frame_path import FramePath
from instance_seg_node.segmenter import Segmenter

HEIGHT, WIDTH, MOST = 32, 64, 3
SHAPES = {"seed": (-1, 2, HEIGHT, WIDTH), "image": (-1, HEIGHT, WIDTH, 3), "embedding": (-1, 2, HEIGHT, WIDTH),
          "bandwidth": (-1, 2, HEIGHT, WIDTH)}
STREAM = 0xBEEF


class Plan:
    """An opened plan. contexts: those that were made of it."""

    num_io_tensors = len(SHAPES)
    device_memory_size_v2 = 4096

    def __init__(self, engine):
        self.engine, self.contexts = engine, []
        self.types = dict.fromkeys(SHAPES, np.float32) | {"image": np.uint8}
        self.accepts = self.runs = self.capturable = True

    def create_execution_context(self, how):
        self.contexts.append(Context(self, how))
        return self.contexts[-1]

    def create_runtime_config(self):
        return Config()

    def get_tensor_name(self, index):
        return list(SHAPES)[index]

    def get_tensor_shape(self, name):
        return SHAPES[name]

    def get_tensor_dtype(self, name):
        return self.types[name]

    def get_tensor_profile_shape(self, name, profile):
        assert (name, profile) == ("image", 0)
        return [(count, *SHAPES[name][1:]) for count in (1, MOST, MOST)]


class Config:
    """How TensorRT for RTX opens a context."""

    dynamic_shapes_kernel_specialization_strategy = "lazy"

    def set_execution_context_allocation_strategy(self, strategy):
        self.allocation = strategy

    def create_runtime_cache(self):
        return Plan(None)  # anything that a weak reference can be made to

    def set_runtime_cache(self, cache):
        self.cache = weakref.ref(cache)
        return True


class Context:
    """An execution context, whose batch must not change once it has one."""

    def __init__(self, plan, how):
        self.plan, self.how, self.addresses, self.count, self.working = plan, how, {}, 0, None

    def set_device_memory(self, pointer, size):
        self.working = pointer, size

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return self.plan.accepts

    def set_input_shape(self, name, shape):
        assert self.count == 0
        self.count = shape[0]
        return self.plan.accepts and (name, *shape) == ("image", self.count, HEIGHT, WIDTH, 3)

    def is_stream_capturable(self, stream):
        assert stream == STREAM
        return self.plan.capturable

    def execute_async_v3(self, stream):
        assert stream == STREAM
        assert self.working[1] == Plan.device_memory_size_v2
        self.plan.device.ask(self.run)
        return self.plan.runs

    def run(self):
        for name, values in self.plan.engine(self.memory("image").copy()).items():
            self.memory(name)[:] = values

    def memory(self, name):
        """The first images of a tensor, where its address says."""
        shape, dtype = (self.count, *SHAPES[name][1:]), np.dtype(self.plan.types[name])
        memory = (ctypes.c_uint8 * (int(np.prod(shape)) * dtype.itemsize)).from_address(self.addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)


@pytest.fixture
def model(tmp_path):
    spec = write_tiny_model(tmp_path, height=HEIGHT, width=WIDTH)
    return spec, open_engine(tmp_path, spec)


@pytest.fixture
def device():
    device = CpuDevice(late=True)
    device.stream = SimpleNamespace(handle=STREAM)
    return device


@pytest.fixture
def plan(model, device):
    plan = Plan(model[1])
    plan.device = device
    return plan


@pytest.fixture
def module(plan, monkeypatch):
    """TensorRT."""
    monkeypatch.setattr(trt, "error_log", lambda module: SimpleNamespace(text=lambda: "the reason"))
    return SimpleNamespace(
        __version__="10.9", nptype=lambda dtype: dtype, Runtime=lambda log: SimpleNamespace(
            deserialize_cuda_engine=lambda content: plan if content == b"plan" else None),
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED="ours"))


@pytest.fixture
def runtime(module):
    """A row of RUNTIMES."""
    return SimpleNamespace(title="TensorRT", load=lambda: module)


def picture(rgb):
    return SimpleNamespace(encoding="rgb8", height=rgb.shape[0], width=rgb.shape[1], step=3 * rgb.shape[1],
                           is_bigendian=0, data=rgb.tobytes())


def test_batches_through_a_plan_give_the_masks_of_the_cpu(model, device, runtime):
    spec, engine = model
    path = FramePath(device, TrtNetwork(TrtPlan(runtime, b"plan"), device), spec)
    one, other = blobs(height=64, width=128), np.ascontiguousarray(blobs(height=48, width=80)[::-1])
    for batch in ({"a": one, "b": other}, {"b": one}, {"c": other, "a": other, "b": one}, {"a": other, "b": one}):
        results = path({camera: picture(rgb) for camera, rgb in batch.items()}, spec.thresholds)
        path.wait()
        expected = Segmenter(engine, spec)([Frame(rgb) for rgb in batch.values()])
        for camera, instances in zip(batch, expected, strict=True):
            assert len(instances) == 3
            np.testing.assert_array_equal(results[camera].instances.id_map, instances.id_map)


def test_each_size_of_a_batch_has_a_context_in_the_same_memory(plan, device, runtime):
    network = TrtNetwork(TrtPlan(runtime, b"plan"), device)
    for count in (2, 1, 2, 3, 1):
        network(count)
    assert [context.count for context in plan.contexts] == [2, 1, 3]
    assert len({context.working for context in plan.contexts}) == 1
    assert {context.how for context in plan.contexts} == {"ours"}


def test_arrays_are_made_for_the_largest_batch_and_told_to_each_context(plan, device, runtime):
    network = TrtNetwork(TrtPlan(runtime, b"plan"), device)
    network(1)
    assert network.images.shape == (MOST, HEIGHT, WIDTH, 3)
    assert {name: head.shape for name, head in network.heads.items()} == {
        name: (MOST, *SHAPES[name][1:]) for name in ("embedding", "bandwidth", "seed")}
    assert plan.contexts[0].addresses == {"image": network.images.pointer} | {
        name: head.pointer for name, head in network.heads.items()}


def test_tensorrt_for_rtx_compiles_before_it_runs_and_once_for_all_contexts(plan, device, module, runtime):
    module.DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="eager")
    network = TrtNetwork(TrtPlan(runtime, b"plan"), device)
    network(1)
    network(2)
    one, other = (context.how for context in plan.contexts)
    assert one is other
    assert (one.allocation, one.dynamic_shapes_kernel_specialization_strategy) == ("ours", "eager")
    assert one.cache() is not None  # it lives as long as its contexts, and TensorRT keeps none


@pytest.mark.parametrize("capturable", [True, False])
def test_whether_a_batch_may_be_captured_is_asked_of_its_context(plan, device, runtime, capturable):
    plan.capturable = capturable
    assert TrtNetwork(TrtPlan(runtime, b"plan"), device).capturable(2) is capturable


def test_a_runtime_without_the_question_may_always_be_captured(device, runtime, monkeypatch):
    monkeypatch.delattr(Context, "is_stream_capturable")
    assert TrtNetwork(TrtPlan(runtime, b"plan"), device).capturable(2)


def test_a_plan_that_does_not_load_is_an_error_with_reason_and_remedy(runtime):
    with pytest.raises(InputError, match="TensorRT 10.9 does not load the plan: the reason.*build MODEL --gpu this"):
        TrtPlan(runtime, b"of another GPU")


def test_a_gpu_without_room_for_the_plan_is_an_error_with_the_remedy(plan, device, runtime):
    plan.create_execution_context = lambda how: None
    with pytest.raises(InputError, match="no memory to run the plan: the reason.*fewer --cameras"):
        TrtNetwork(TrtPlan(runtime, b"plan"), device)(1)


def test_a_plan_of_another_graph_is_refused(plan, device, runtime):
    plan.types["seed"] = np.float16
    with pytest.raises(InputError, match="the plan's seed is float16, not float32"):
        TrtNetwork(TrtPlan(runtime, b"plan"), device)


@pytest.mark.parametrize("refusal", ["accepts", "runs"])
def test_a_batch_that_is_refused_is_an_error_and_no_old_heads(refusal, plan, device, runtime):
    network = TrtNetwork(TrtPlan(runtime, b"plan"), device)
    setattr(plan, refusal, False)
    with pytest.raises(RuntimeError, match="TensorRT does not run a batch of 2: the reason"):
        network(2)
