"""What of the GPU's side can be seen without one: arguments, parts of arrays, copies, the context, what is missing."""

import sys
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from instance_seg_node.errors import InputError
from instance_seg_node.gpu import context
from instance_seg_node.gpu.context import Gpu, GpuArray, alignment, packed


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


class FakeDriver(ModuleType):
    """pycuda.driver of a machine with one GPU that does nothing before it is waited for.

    Addresses are made up. `log`: pushes, pops and detaches of the context, and what else is asked for.
    """

    Error = RuntimeError
    event_flags = SimpleNamespace(DISABLE_TIMING=2)

    def __init__(self):
        super().__init__("pycuda.driver")
        self.log, self.queue, self.memory = [], [], np.zeros(1 << 16, np.uint8)
        context = SimpleNamespace(**{name: partial(self.log.append, name) for name in ("push", "pop", "detach")})
        self.Device = lambda ordinal: SimpleNamespace(retain_primary_context=lambda: context, name=lambda: "Fake",
                                                      compute_capability=lambda: (8, 7))
        self.Stream = self.Event = lambda *flags: SimpleNamespace(synchronize=self.finish, record=lambda stream: None)
        self.addresses = iter(range(0, 1 << 16, 1 << 12))

    def init(self):
        pass

    def module_from_buffer(self, code):
        return None

    def mem_alloc(self, nbytes):
        return next(self.addresses)

    def pagelocked_empty(self, shape, dtype):
        self.log.append("pagelocked")
        return np.empty(shape, dtype)

    def memcpy_htod_async(self, pointer, values, stream):
        self.queue.append((self.memory[pointer:pointer + values.nbytes], values.reshape(-1).view(np.uint8)))

    def memcpy_dtoh_async(self, values, pointer, stream):
        self.queue.append((values.reshape(-1).view(np.uint8), self.memory[pointer:pointer + values.nbytes]))

    def finish(self):
        while self.queue:
            target, source = self.queue.pop(0)
            target[:] = source


@pytest.fixture
def fake(monkeypatch):
    fake = FakeDriver()
    monkeypatch.setattr(context, "driver", lambda: fake)
    monkeypatch.setattr(context, "cubin", lambda architecture: b"")
    monkeypatch.setattr(context.atexit, "register", lambda leave: fake.log.append("at exit"))
    return fake


def test_values_are_read_as_they_were_when_they_were_uploaded(fake):
    gpu, values = Gpu(), np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    array, expected = gpu.array((4, 3, 2), np.float32), values.copy()
    gpu.upload(array[:1], values[:1])
    gpu.upload(array, values)
    gpu.upload(array[2], values[0])
    values[:] = -1
    expected[2] = expected[0]
    np.testing.assert_array_equal(gpu.download(array), expected)


def test_an_upload_does_not_change_what_the_one_before_is_still_sending(fake):
    gpu, seen = Gpu(), np.zeros(4, np.uint8)
    array = gpu.array((4,), np.uint8)
    gpu.upload(array, np.full(4, 1, np.uint8))
    fake.queue.append((seen, fake.memory[array.pointer:array.pointer + 4]))  # a kernel between the two
    gpu.upload(array, np.full(4, 2, np.uint8))
    assert gpu.download(array).tolist() == [2] * 4
    assert seen.tolist() == [1] * 4


def test_an_array_is_uploaded_through_the_same_host_memory_each_time(fake):
    gpu = Gpu()
    array = gpu.array((4,), np.int32)
    for length in (2, 4, 1, 4):
        gpu.upload(array[:length], np.ones(length, np.int32))
    assert fake.log.count("pagelocked") == 1


def test_an_empty_array_is_downloaded_without_asking_for_memory_of_no_bytes(fake):
    gpu = Gpu()
    assert gpu.download(gpu.array((0, 3), np.int32)).shape == (0, 3)
    assert "pagelocked" not in fake.log


def test_the_context_is_left_when_the_gpu_is_closed_or_else_at_exit(fake):
    gpu = Gpu()
    assert fake.log == ["push", "at exit"]
    gpu.close()
    assert fake.log == ["push", "at exit", "pop", "detach"]


def test_the_context_is_left_even_where_a_kernel_has_failed(fake):
    gpu = Gpu()
    gpu.stream = SimpleNamespace(synchronize=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gpu.close()
    assert fake.log[-2:] == ["pop", "detach"]


def test_no_context_is_entered_where_the_kernels_cannot_be_compiled(fake, monkeypatch):
    def missing(architecture):
        raise InputError("NVRTC is not installed")

    monkeypatch.setattr(context, "cubin", missing)
    with pytest.raises(InputError, match="NVRTC"):
        Gpu()
    assert fake.log == []
