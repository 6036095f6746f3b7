"""What of the GPU's side can be seen without one: arguments, parts of arrays, copies, the context, what is missing."""

import sys
import threading
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from instance_seg_node.errors import InputError
from instance_seg_node.gpu import context
from instance_seg_node.gpu.context import Gpu
from instance_seg_node.gpu.lane import GpuArray, alignment, packed


def array(shape=(4, 3, 2), dtype=np.float32, pointer=0x1000):
    return GpuArray(pointer, shape, np.dtype(dtype), owner=None)


def test_each_argument_begins_at_a_multiple_of_its_own_alignment():
    buffer = packed((np.uint8(7), np.int32(-2), np.uint8(1), array(pointer=0x1122334455667788), np.float64(0.5)))
    assert len(buffer) == 32
    assert buffer[0] == 7
    assert np.frombuffer(buffer, np.int32, 1, offset=4)[0] == -2
    assert buffer[8] == 1
    assert np.frombuffer(buffer, np.uint64, 1, offset=16)[0] == 0x1122334455667788
    assert np.frombuffer(buffer, np.float64, 1, offset=24)[0] == 0.5


def test_a_struct_is_aligned_as_the_strictest_of_its_fields():
    limits = np.dtype([("share", np.float64), ("count", np.int32), ("sides", np.int16, 2)])
    assert alignment(limits) == 8
    assert alignment(np.dtype([("sides", np.int16, 2)])) == 2
    value = np.array((0.25, 3, (1, 2)), limits)[()]
    buffer = packed((np.int32(1), value))
    assert len(buffer) == 8 + limits.itemsize
    assert np.frombuffer(buffer, limits, 1, offset=8)[0] == value


def test_parts_of_an_array_are_further_on_in_the_same_memory():
    whole = array()
    assert (whole.nbytes, whole[2].pointer, whole[2].shape) == (96, 0x1000 + 2 * 24, (3, 2))
    assert (whole[:3].pointer, whole[:3].shape, whole[:3].nbytes) == (0x1000, (3, 3, 2), 72)
    assert (whole[1:2][0].pointer, whole[1:2].shape) == (0x1000 + 24, (1, 3, 2))


@pytest.mark.parametrize("index", [4, -1, slice(None, None, 2)])
def test_what_is_no_part_of_an_array_is_refused(index):
    with pytest.raises(IndexError, match="of an array of 4"):
        array()[index]


def test_a_missing_pycuda_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(InputError, match=r"device cuda needs pycuda.*pip install 'instance_seg_node\[gpu\]'"):
        Gpu()


def test_a_pycuda_that_finds_no_driver_says_so(monkeypatch, tmp_path):
    (tmp_path / "pycuda").mkdir()
    (tmp_path / "pycuda" / "__init__.py").touch()
    (tmp_path / "pycuda" / "driver.py").write_text("raise ImportError('libcuda.so.1: cannot open shared object file')")
    for name in [name for name in sys.modules if name.split(".")[0] == "pycuda"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="pycuda is installed and does not load: libcuda.so.1"):
        Gpu()
    for name in [name for name in sys.modules if name.split(".")[0] == "pycuda"]:
        sys.modules.pop(name)


def test_no_gpu_is_an_error_that_names_the_way_out(monkeypatch):
    class Refused(Exception):
        pass

    def refuse():
        raise Refused("cuInit failed: no CUDA-capable device is detected")

    fake = ModuleType("pycuda.driver")
    fake.Error, fake.init = Refused, refuse
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", fake)
    with pytest.raises(InputError, match="there is no GPU 0 that can be used.*no CUDA-capable device.*device cpu"):
        Gpu()


class FakeEvent:
    """pycuda.driver.Event by a clock that ticks once for each copy."""

    def __init__(self, driver):
        self.driver, self.tick = driver, None

    def record(self, stream):
        assert stream.handle == 0xBEEF
        self.driver.queue.append(self)

    def synchronize(self):
        while self.tick is None:
            self.driver.step()

    def time_till(self, other):
        return 0.5 * (other.tick - self.tick)


class FakeDriver(ModuleType):
    """pycuda.driver of a machine with one GPU that does nothing before it is waited for.

    Addresses are made up. What is not page-locked is read when it is copied. `log`: pushes, pops and detaches of the
    context, and what else is asked for.
    """

    Error = RuntimeError

    def __init__(self):
        super().__init__("pycuda.driver")
        self.log, self.queue, self.memory, self.locked = [], [], np.zeros(1 << 16, np.uint8), []
        self.ticks = 0
        calls = {name: partial(self.log.append, name) for name in ("push", "pop", "detach", "synchronize")}
        self.context = SimpleNamespace(**calls)
        self.Device = lambda ordinal: SimpleNamespace(retain_primary_context=lambda: self.context, name=lambda: "Fake",
                                                      compute_capability=lambda: (8, 7))
        self.Stream = lambda flags: SimpleNamespace(synchronize=self.finish, handle=0xBEEF)
        self.addresses = iter(range(0, 1 << 16, 1 << 12))
        self.Event = partial(FakeEvent, self)

    def init(self):
        pass

    def module_from_buffer(self, code):
        return None

    def mem_alloc(self, nbytes):
        return next(self.addresses)

    def pagelocked_empty(self, shape, dtype):
        self.locked.append(np.empty(shape, dtype))
        return self.locked[-1]

    def memcpy_htod_async(self, pointer, values, stream):
        values = values if any(values is locked for locked in self.locked) else values.copy()
        self.queue.append((self.memory[pointer:pointer + values.nbytes], values.reshape(-1).view(np.uint8)))

    def memcpy_dtoh_async(self, values, pointer, stream):
        self.queue.append((values.reshape(-1).view(np.uint8), self.memory[pointer:pointer + values.nbytes]))

    def finish(self):
        while self.queue:
            self.step()

    def step(self):
        what = self.queue.pop(0)
        if isinstance(what, FakeEvent):
            what.tick = self.ticks
            return
        target, source = what
        target[:] = source
        self.ticks += 1


@pytest.fixture
def fake(monkeypatch):
    fake = FakeDriver()
    monkeypatch.setattr(context, "driver", lambda: fake)
    monkeypatch.setattr(context, "cubin", lambda architecture: b"")
    monkeypatch.setattr(context.atexit, "register", lambda leave: fake.log.append("at exit"))
    monkeypatch.setattr(context, "reset_primary_context", lambda ordinal: fake.log.append("reset"))
    monkeypatch.setattr(context, "pop_context", lambda: fake.log.append("pop once more"))
    monkeypatch.setattr(context, "_open_in", [])
    return fake


def test_values_are_read_as_they_were_when_they_were_uploaded(fake):
    lane, values = Gpu().lane(), np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    array, expected = lane.array((4, 3, 2), np.float32), values.copy()
    lane.upload(array[:1], values[:1])
    lane.upload(array, values)
    lane.upload(array[2], values[0])
    values[:] = -1
    expected[2] = expected[0]
    np.testing.assert_array_equal(lane.download(array), expected)


def test_page_locked_values_are_uploaded_as_they_were_and_sent_as_they_are_later(fake):
    lane = Gpu().lane()
    array, values = lane.array((4,), np.uint8), lane.host((4,), np.uint8)
    for copy, expected in ((lane.upload, 1), (lane.send, 2)):
        values[:] = 1
        copy(array, values)
        values[:] = 2
        assert lane.download(array).tolist() == [expected] * 4


def test_what_is_fetched_is_there_once_it_was_waited_for(fake):
    lane = Gpu().lane()
    array, values = lane.array((4,), np.uint8), lane.host((4,), np.uint8)
    values[:] = 0
    lane.upload(array, np.full(4, 7, np.uint8))
    lane.fetch(array, values)
    assert values.tolist() == [0] * 4
    lane.wait()
    assert values.tolist() == [7] * 4


def test_the_time_between_two_marks_is_that_of_what_was_asked_between_them(fake):
    lane = Gpu().lane()
    array, values = lane.array((4,), np.uint8), lane.host((4,), np.uint8)
    marks = [lane.mark()]
    for copies in (1, 3):
        for _ in range(copies):
            lane.send(array, values)
        marks.append(lane.mark())
    assert lane.elapsed_ms(marks[0], marks[1]) == 0.5
    assert len(fake.queue) == 4  # what comes after the second mark is not waited for
    assert lane.elapsed_ms(marks[1], marks[2]) == 1.5


@pytest.mark.parametrize("values", [np.zeros(3, np.uint8), np.zeros(4, np.int8), np.zeros(8, np.uint8)[::2]])
def test_what_does_not_fit_an_array_is_not_copied(fake, values):
    lane = Gpu().lane()
    array = lane.array((4,), np.uint8)
    for copy in (lane.send, lane.fetch):
        with pytest.raises(ValueError, match="does not fit an array of uint8"):
            copy(array, values)
    assert fake.queue == []


def test_nothing_is_asked_of_cuda_for_memory_of_no_bytes(fake):
    lane = Gpu().lane()
    array = lane.array((0, 3), np.int32)
    lane.send(array, lane.host((0, 3), np.int32))
    assert lane.download(array).shape == (0, 3)
    assert (fake.queue, fake.locked) == ([], [])


LEFT = ["pop", "detach", "pop once more"]


def test_the_context_is_left_when_the_gpu_is_closed_or_else_at_exit(fake):
    gpu = Gpu()
    assert fake.log == ["push", "at exit"]
    gpu.close()
    assert fake.log[2:] == ["synchronize", *LEFT]


def test_a_gpu_whose_fault_is_seen_when_it_is_closed_is_left_and_made_anew(fake):
    def fail():
        raise fake.Error("an illegal address was used")

    gpu = Gpu()
    fake.context.synchronize = fail
    with pytest.raises(fake.Error, match="illegal address"):
        gpu.close()
    assert fake.log[2:] == [*LEFT, "reset"]


def test_a_lost_context_is_left_without_waiting_and_made_anew_even_if_it_cannot_be_popped(fake):
    gpu = Gpu()
    fake.context.pop = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        gpu.close(lost=True)
    assert fake.log[2:] == ["detach", "pop once more", "reset"]


def test_a_gpu_that_takes_no_kernels_leaves_no_context_behind(fake):
    def refuse(code):
        raise fake.Error("no binary for this GPU")

    fake.module_from_buffer = refuse
    with pytest.raises(fake.Error, match="no binary"):
        Gpu()
    assert fake.log[2:] == [*LEFT, "reset"]


def test_what_a_hanging_thread_holds_is_not_taken_from_it(fake):
    def hang():
        Gpu()
        held.set()
        assert ended.wait(10)

    held, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=hang)
    thread.start()
    assert held.wait(10)
    with pytest.raises(InputError, match="held by a thread of this process that hangs.*Restart the process"):
        Gpu()
    assert fake.log.count("push") == 1
    ended.set()
    thread.join()


def test_two_gpus_of_one_thread_are_none_too_many(fake):
    one, other = Gpu(), Gpu()
    other.close()
    one.close()
    Gpu().close()
    assert fake.log.count("push") == fake.log.count("detach") == 3


def test_no_context_is_entered_where_the_kernels_cannot_be_compiled(fake, monkeypatch):
    def missing(architecture):
        raise InputError("NVRTC is not installed")

    monkeypatch.setattr(context, "cubin", missing)
    with pytest.raises(InputError, match="NVRTC"):
        Gpu()
    assert fake.log == []
