"""A GPU through pycuda: its primary context, one stream, memory and the kernels."""

from __future__ import annotations

import atexit
import importlib
from math import prod
from types import ModuleType

import numpy as np

from ..errors import InputError
from .nvrtc import cubin


class GpuArray:
    """Memory of a GPU. `array[k]` and `array[:n]` are parts of it along the first axis."""

    def __init__(self, pointer: int, shape: tuple[int, ...], dtype: np.dtype, owner: _Memory | None):
        """owner: what frees the memory when it is no longer referred to."""
        self.pointer, self.shape, self.dtype = pointer, shape, dtype
        self.nbytes = prod(shape) * dtype.itemsize
        self.owner = owner

    def __getitem__(self, index: int | slice) -> GpuArray:
        first, last, step = (index, index + 1, 1) if isinstance(index, int) else index.indices(self.shape[0])
        if step != 1 or not 0 <= first <= last <= self.shape[0]:
            raise IndexError(f"{index} of an array of {self.shape[0]}")
        shape = self.shape[1:] if isinstance(index, int) else (last - first, *self.shape[1:])
        row = prod(self.shape[1:]) * self.dtype.itemsize
        return GpuArray(self.pointer + first * row, shape, self.dtype, self.owner)


class Gpu:
    """A Device (device.py). All that it is asked runs in one stream, in order; it belongs to the thread that made it.

    A thread that ends before the process closes its own first: pycuda aborts the process of one that does not.
    Raises InputError if pycuda, NVRTC or a GPU is missing, pycuda.driver.Error for what CUDA refuses.
    """

    def __init__(self, ordinal: int = 0):
        self._driver = driver()
        try:
            self._driver.init()
            device = self._driver.Device(ordinal)
        except self._driver.Error as error:
            raise InputError(f"there is no GPU {ordinal} that can be used: {error}. See what nvidia-smi says, or "
                             "choose device cpu") from error
        self.architecture = "sm_{}{}".format(*device.compute_capability())
        self.description = f"{device.name()} ({self.architecture})"
        code = cubin(self.architecture)
        self._context = device.retain_primary_context()
        self._context.push()
        atexit.register(self._leave)
        self.stream = self._driver.Stream()
        self._module = self._driver.module_from_buffer(code)
        self._functions: dict[str, object] = {}

    def array(self, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> GpuArray:
        shape, dtype = tuple(int(n) for n in shape), np.dtype(dtype)
        memory = _Memory(self._driver, max(prod(shape) * dtype.itemsize, 1))
        return GpuArray(memory.pointer, shape, dtype, memory)

    def upload(self, array: GpuArray, values: np.ndarray) -> None:
        if values.shape != array.shape or values.dtype != array.dtype:
            raise ValueError(f"{values.dtype} {values.shape} does not fit an array of {array.dtype} {array.shape}")
        if array.nbytes:
            staged = array.owner.staging(array)
            np.copyto(staged.view(array.dtype).reshape(array.shape), values)
            self._driver.memcpy_htod_async(array.pointer, staged, self.stream)
            array.owner.sent.record(self.stream)

    def download(self, array: GpuArray) -> np.ndarray:
        if not array.nbytes:
            return np.empty(array.shape, array.dtype)
        staged = array.owner.staging(array)
        self._driver.memcpy_dtoh_async(staged, array.pointer, self.stream)
        self.stream.synchronize()
        return staged.view(array.dtype).reshape(array.shape).copy()

    def zero(self, array: GpuArray) -> None:
        if array.nbytes:
            self._driver.memset_d8_async(array.pointer, 0, array.nbytes, self.stream)

    def launch(self, kernel: str, grid: tuple[int, ...], block: int, *arguments: GpuArray | np.generic) -> None:
        if kernel not in self._functions:
            self._functions[kernel] = self._module.get_function(kernel)
        buffer = packed(arguments)
        function = self._functions[kernel].prepare(f"{len(buffer)}s")
        function.prepared_async_call((*grid, 1, 1)[:3], (block, 1, 1), self.stream, buffer)

    def close(self) -> None:
        """Wait for all that was asked, and leave the context. Arrays are of no use after that."""
        try:
            self.stream.synchronize()
        finally:
            self._leave()

    def _leave(self) -> None:
        atexit.unregister(self._leave)
        self._context.pop()
        self._context.detach()


class _Memory:
    """Memory of a GPU and, once it was copied to or from, page-locked memory of the host: freed with the last array of
    it. Page-locked memory is slow to make."""

    def __init__(self, driver: ModuleType, nbytes: int):
        self._driver, self._nbytes = driver, nbytes
        self._device = driver.mem_alloc(nbytes)  # freed before what is staged, which waits for copies under way
        self.pointer = int(self._device)
        self._staged: np.ndarray | None = None

    def staging(self, array: GpuArray) -> np.ndarray:
        """Bytes for the values of an array of this memory, once the last upload has been read. Record `sent` after an
        upload."""
        if self._staged is None:
            self.sent = self._driver.Event(self._driver.event_flags.DISABLE_TIMING)
            self._staged = self._driver.pagelocked_empty(self._nbytes, np.uint8)
        self.sent.synchronize()
        return self._staged[:array.nbytes]


def driver() -> ModuleType:
    """pycuda.driver. Raises InputError if it is missing or does not load."""
    try:
        return importlib.import_module("pycuda.driver")
    except ModuleNotFoundError as error:
        raise InputError(f"device cuda needs {error.name}: pip install 'instance_seg_node[gpu]', or choose device "
                         "cpu") from error
    except ImportError as error:
        raise InputError(f"pycuda is installed and does not load: {error}. It needs NVIDIA's driver; without a GPU "
                         "choose device cpu") from error


def packed(arguments: tuple[GpuArray | np.generic, ...]) -> bytes:
    """The arguments of a kernel as CUDA's ABI wants them: each at a multiple of its alignment, arrays as addresses."""
    buffer = b""
    for argument in arguments:
        value = np.uint64(argument.pointer) if isinstance(argument, GpuArray) else argument
        buffer += bytes(-len(buffer) % alignment(value.dtype)) + value.tobytes()
    return buffer


def alignment(dtype: np.dtype) -> int:
    """Of a C++ type with such fields: the strictest of them."""
    if dtype.fields:
        return max(alignment(field) for field, *_ in dtype.fields.values())
    return alignment(dtype.subdtype[0]) if dtype.subdtype else dtype.itemsize
