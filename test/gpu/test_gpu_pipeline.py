"""The GPU's pipeline, on a CPU: messages to results as the CPU's pipeline gives them; what a fault leaves behind."""

import weakref
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from cuda_on_cpu import CpuDevice
from network_on_device import NetworkOnDevice
from tiny_model import blobs, write_tiny_model

from instance_seg_node.engines import devices, open_engine
from instance_seg_node.errors import FrameError, InputError
from instance_seg_node.gpu.frame_path import FramePath
from instance_seg_node.pipelines import session as gpu_session
from instance_seg_node.pipelines.cpu import CpuPipeline
from instance_seg_node.pipelines.gpu import GpuPipeline
from instance_seg_node.pipelines.opening import open_pipeline
from instance_seg_node.pipelines.pipeline import EngineFault
from instance_seg_node.pipelines.session import Cancelled, Session, build_in_a_child
from instance_seg_node.segmenter import Segmenter

HEIGHT, WIDTH = 32, 64


class Gpu:
    """Two lanes of a GPU that is this machine's processor. closed: whether it was lost, each time."""

    description = "a CPU"

    def __init__(self, seed=0):
        self.lanes = [CpuDevice(shuffle=seed + lane, late=True) for lane in range(2)]
        self.closed = []

    def close(self, lost):
        self.closed.append(lost)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    spec = write_tiny_model(folder, height=HEIGHT, width=WIDTH)
    return SimpleNamespace(folder=folder, spec=spec, engine=open_engine(folder, spec, device="cpu"))


@pytest.fixture
def gpu():
    return Gpu()


@pytest.fixture
def pipeline(model, gpu):
    return pipeline_on(gpu, model)


def pipeline_on(gpu, model, transport="raw"):
    def opened(cancelled):
        paths = [FramePath(lane, NetworkOnDevice(lane, model.engine, model.spec, most=2), model.spec)
                 for lane in gpu.lanes]
        return Session(paths, "a CPU", gpu)

    return GpuPipeline(model.spec, opened, transport)


def header():
    return SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id="optical")


def image(rgb):
    return SimpleNamespace(header=header(), encoding="rgb8", height=rgb.shape[0], width=rgb.shape[1],
                           step=3 * rgb.shape[1], is_bigendian=0, data=rgb.tobytes())


def png(rgb):
    file = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
    return SimpleNamespace(header=header(), format="png", data=file.tobytes())


def never():
    return False


def pictures(result):
    """The id map, class map and overlay of a result."""
    shape = result.instances.id_map.shape
    classes, overlay = np.empty(shape, np.uint8), np.empty((*shape, 3), np.uint8)
    result.class_map(classes)
    result.overlay(overlay)
    return result.instances.id_map.copy(), classes, overlay


def assert_as_on_the_cpu(model, results, messages, transport="raw"):
    cpu = CpuPipeline(Segmenter(model.engine, model.spec), transport)
    cpu.open(never)
    cpu.start(messages)
    expected = cpu.finish()
    assert results.keys() == expected.keys()
    for camera, other in expected.items():
        if isinstance(other, FrameError):
            assert str(results[camera]) == str(other)
        else:
            for found, same in zip(pictures(results[camera]), pictures(other), strict=True):
                np.testing.assert_array_equal(found, same)


def test_two_batches_under_way_come_back_in_order_as_the_cpu_has_them(model, pipeline):
    pipeline.open(never)
    rgb = blobs(height=64, width=128)
    batches = [{"a": image(rgb), "b": image(np.ascontiguousarray(rgb[::-1]))}, {"b": image(np.zeros_like(rgb))},
               {"a": image(np.ascontiguousarray(rgb[:, ::-1]))}, {"a": image(rgb), "b": image(rgb)}] * 2
    pipeline.start(batches[0])
    for current, following in zip(batches, [*batches[1:], None]):
        if following is not None:
            pipeline.start(following)
        assert_as_on_the_cpu(model, pipeline.finish(), current)


def test_compressed_messages_are_decoded_and_those_that_cannot_be_are_named(model, gpu):
    pipeline = pipeline_on(gpu, model, "compressed")
    pipeline.open(never)
    broken = png(blobs(height=64, width=128))
    broken.data = broken.data[:60]
    messages = {"a": png(blobs(height=64, width=128)), "b": broken}
    pipeline.start(messages)
    results = pipeline.finish()
    assert isinstance(results["b"], FrameError)
    assert_as_on_the_cpu(model, results, messages, "compressed")


def test_a_message_that_cannot_be_used_is_no_fault(model, pipeline):
    pipeline.open(never)
    broken = image(blobs(height=64, width=128))
    broken.step = 1
    for messages in ({"a": broken}, {"a": broken, "b": image(blobs(height=64, width=128))}):
        pipeline.start(messages)
        assert_as_on_the_cpu(model, pipeline.finish(), messages)


class Overflowing:
    """A model's engine that says NaN or infinity at one place of one head, of an image that is greenish there."""

    def __init__(self, engine, head, value, at):
        self._engine, self._head, self._value, self._at = engine, head, value, at

    def __call__(self, images):
        heads = {name: head.copy() for name, head in self._engine(images).items()}
        heads[self._head][(images[(slice(None), *self._at, 1)] > 0, 0, *self._at)] = self._value
        return heads


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("head", ["embedding", "bandwidth", "seed"])
@pytest.mark.parametrize("at", [(16, 12), (2, 2)], ids=["in the foreground", "beside it"])
def test_a_network_that_says_no_numbers_costs_the_frames_that_it_costs_on_the_cpu(model, gpu, at, head, value):
    model = SimpleNamespace(spec=model.spec, engine=Overflowing(model.engine, head, value, at))
    pipeline = pipeline_on(gpu, model)
    pipeline.open(never)
    rgb = blobs(height=HEIGHT, width=WIDTH)
    marked = rgb.copy()
    marked[(*at, 1)] = 1
    batches = [{"a": image(rgb), "b": image(marked)}, {"b": image(rgb)}, {"a": image(marked)}]
    failed = []
    for messages in batches:
        pipeline.start(messages)
        results = pipeline.finish()
        assert_as_on_the_cpu(model, results, messages)
        failed += [result.cause for result in results.values() if isinstance(result, FrameError)]
    assert failed == ["network not finite"] * (2 if at == (16, 12) or head == "seed" else 0)


def test_thresholds_hold_for_the_batches_started_after_them(model, pipeline):
    pipeline.open(never)
    messages = {"a": image(blobs(height=64, width=128))}
    pipeline.start(messages)
    pipeline.thresholds = model.spec.thresholds.model_copy(update={"seed": 0.95})
    pipeline.start(messages)
    assert len(pipeline.finish()["a"].instances) == 3
    assert 0 < len(pipeline.finish()["a"].instances) < 3


def test_the_time_of_both_halves_of_a_batch_is_known(model, pipeline):
    pipeline.open(never)
    pipeline.start({"a": image(blobs(height=64, width=128))})
    pipeline.finish()
    assert set(pipeline.stage_ms) == {"ask the GPU", "wait for the GPU"}
    assert min(pipeline.stage_ms.values()) > 0
    assert pipeline.stage == ""


@pytest.mark.parametrize("when", ["start", "finish"])
def test_whatever_fails_on_the_gpu_is_a_fault_and_the_context_is_given_up_as_lost(model, gpu, pipeline, when):
    def fail(*_):
        raise RuntimeError("cuStreamSynchronize failed: an illegal memory access was encountered")

    pipeline.open(never)
    messages = {"a": image(blobs(height=64, width=128))}
    if when == "finish":
        pipeline.start(messages)
    for lane in gpu.lanes:
        lane.ask = lane.wait = fail
    with pytest.raises(EngineFault, match="RuntimeError: cuStreamSynchronize failed: an illegal memory access"):
        getattr(pipeline, when)(*[messages] * (when == "start"))
    pipeline.close()
    assert gpu.closed == [True]


def test_after_a_fault_it_is_opened_anew_and_remembers_nothing(model, gpu, pipeline):
    pipeline.open(never)
    messages = {"a": image(blobs(height=64, width=128))}
    pipeline.start(messages)
    pipeline.start(messages)
    gpu.lanes[0].wait = lambda: 1 / 0
    with pytest.raises(EngineFault, match="ZeroDivisionError"):
        pipeline.finish()
    pipeline.close()
    gpu.lanes = Gpu(seed=5).lanes
    pipeline.open(never)
    pipeline.start(messages)
    assert_as_on_the_cpu(model, pipeline.finish(), messages)
    pipeline.close()
    assert gpu.closed == [True, False]


def test_closing_twice_or_unopened_does_nothing(gpu, pipeline):
    pipeline.close()
    pipeline.open(never)
    pipeline.close()
    pipeline.close()
    assert gpu.closed == [False]


def test_what_is_missing_for_opening_is_the_users_and_what_fails_in_it_a_fault(model):
    def refuse(error):
        def opened(cancelled):
            raise error
        return GpuPipeline(model.spec, opened)

    with pytest.raises(InputError, match="the plan does not load"):
        refuse(InputError("the plan does not load")).open(never)
    with pytest.raises(EngineFault, match="MemoryError: cuMemAlloc failed: out of memory. Let other programs leave"):
        refuse(MemoryError("cuMemAlloc failed: out of memory")).open(never)


class Plan:
    """In the place of a TrtPlan."""

    description = "a plan"


@pytest.fixture
def opening(model, gpu, monkeypatch):
    """Opens a session of a plan that is there; in `networks` what is made of it."""
    opening = SimpleNamespace(cancelled=never, networks=[], plans=[], kept=True, built=[])
    lanes = iter(gpu.lanes)
    gpu.lane = lambda: next(lanes)

    def plan(runtime, content):
        opened = Plan()
        opening.plans.append(weakref.ref(opened))
        return opened

    def network(opened, lane):
        opening.networks.append(NetworkOnDevice(lane, model.engine, model.spec, most=2))
        opening.networks[-1].plan = opened
        return opening.networks[-1]

    stand_ins = {"build_in_a_child": lambda *_, **__: opening.built.append(1), "is_kept": lambda *_, **__: opening.kept,
                 "find_or_build": lambda *_, **__: SimpleNamespace(content=b""),
                 "Gpu": lambda: gpu, "TrtPlan": plan, "TrtNetwork": network}
    for name, value in stand_ins.items():
        monkeypatch.setattr(gpu_session, name, value)
    opening.open = lambda: gpu_session.open_session(
        model.folder, model.spec, SimpleNamespace(name="tensorrt"), precision="fp16", cameras=2,
        cancelled=lambda: opening.cancelled())
    return opening


def test_a_session_runs_each_size_of_a_batch_in_each_lane_before_it_is_open(opening, gpu):
    session = opening.open()
    assert [network.counts for network in opening.networks] == [[1, 2], [1, 2]]
    session.close()
    assert gpu.closed == [False]


@pytest.mark.parametrize(("kept", "built"), [(True, []), (False, [1])])
def test_a_plan_is_built_by_a_process_of_its_own_where_none_is_kept(opening, kept, built):
    opening.kept = kept
    opening.open()
    assert opening.built == built


def test_a_session_that_nobody_wants_any_more_is_given_up_between_two_sizes(opening, gpu):
    opening.cancelled = lambda: any(network.counts for network in opening.networks)
    with pytest.raises(Cancelled):
        opening.open()
    assert [network.counts for network in opening.networks] == [[1], []]
    assert gpu.closed == [True]


def test_nothing_of_a_session_that_failed_is_alive_when_its_context_is_left(opening, gpu, monkeypatch):
    alive = []
    monkeypatch.setattr(gpu, "close", lambda lost: alive.append((lost, opening.plans[0]())))
    monkeypatch.setattr(gpu_session, "TrtNetwork", lambda opened, lane: opened)
    monkeypatch.setattr(gpu_session, "FramePath", lambda lane, network, spec: SimpleNamespace(
        network=network, counts=[1], warm_up=lambda count: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        opening.open()
    assert alive == [(True, None)]


def test_a_gpu_that_fails_when_it_is_given_back_is_given_up_as_lost(opening, gpu):
    session = opening.open()
    gpu.lanes[1].wait = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        session.close()
    assert gpu.closed == [True]


def test_a_builder_that_is_killed_may_be_tried_again(model, monkeypatch):
    builder = SimpleNamespace(poll=lambda: -9, returncode=-9)
    monkeypatch.setattr(gpu_session.subprocess, "Popen", lambda *_, **__: builder)
    with pytest.raises(RuntimeError, match="ended by signal 9"):
        build_in_a_child(model.folder, SimpleNamespace(name="tensorrt"), precision="fp16", cameras=1, cancelled=never)


def test_a_builder_that_fails_says_why(model):
    with pytest.raises(InputError, match="^the engine cannot be built: .*there is no GPU here"):
        build_in_a_child(model.folder, SimpleNamespace(name="tensorrt-rtx"), precision="fp16", cameras=1,
                         cancelled=never)


def test_a_builder_that_nobody_wants_any_more_is_killed(model):
    with pytest.raises(Cancelled):
        build_in_a_child(model.folder, SimpleNamespace(name="tensorrt-rtx"), precision="fp16", cameras=1,
                         cancelled=lambda: True)


def test_auto_takes_the_cpu_where_no_gpu_can_be_used_and_says_why(model):
    pipeline, why = open_pipeline(model.folder)
    assert isinstance(pipeline, CpuPipeline)
    assert why.startswith("device auto takes the CPU, for no GPU can be used: there is no GPU here")


def test_auto_takes_a_gpu_that_can_be_used(model, monkeypatch):
    monkeypatch.setattr(devices, "usable_gpu", lambda: "an RTX 4090 (sm_89) by TensorRT")
    assert devices.chosen_device("auto") == ("cuda", "device auto takes an RTX 4090 (sm_89) by TensorRT")
    assert devices.chosen_device("cpu")[0] == "cpu"


def test_cuda_without_a_gpu_is_an_error_and_never_a_quiet_cpu(model):
    with pytest.raises(InputError, match="device cuda cannot be used: there is no GPU here.*choose device cpu"):
        open_pipeline(model.folder, device="cuda")


@pytest.mark.parametrize(("missing", "remedy"), [("pycuda", r"pycuda is not installed.*instance_seg_node\[gpu\]"),
                                                 ("nvrtc", "pip install nvidia-cuda-nvrtc"),
                                                 ("runtime", "neither TensorRT nor TensorRT for RTX")])
def test_each_thing_that_a_gpu_needs_is_asked_for(monkeypatch, missing, remedy):
    def no_nvrtc():
        raise InputError("NVRTC is not installed: pip install nvidia-cuda-nvrtc")

    def found(name, find=devices.importlib.util.find_spec):
        gone = {"pycuda": ["pycuda"], "runtime": ["tensorrt", "tensorrt_rtx"]}.get(missing, [])
        return None if name in gone else object() if name == "pycuda" else find(name)

    monkeypatch.setattr(devices, "this_gpu", lambda remedy: SimpleNamespace(product="RTX", architecture="sm_89"))
    monkeypatch.setattr(devices.importlib.util, "find_spec", found)
    if missing == "nvrtc":
        monkeypatch.setattr(devices.nvrtc_library, "library", no_nvrtc)
    with pytest.raises(InputError, match=f"device cuda cannot be used: .*{remedy}"):
        devices.chosen_device("cuda")
