"""What of the GPU's side can be seen without a GPU: how arguments are packed, parts of arrays, and what is missing."""

import sys
from types import ModuleType

import numpy as np
import pytest

from instance_seg_node.errors import InputError
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
