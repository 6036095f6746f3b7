"""One order of execution on a GPU: a stream, what is asked of it, and how kernels get their arguments."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from types import ModuleType

import numpy as np

from .cuda_driver import Graph

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: no waiting for whoever uses CUDA's default stream


class GpuArray:
    """Memory of a GPU. `array[k]` and `array[:n]` are parts of it along the first axis."""

    def __init__(self, pointer: int, shape: tuple[int, ...], dtype: np.dtype, owner: object):
        """owner: frees the memory when nothing refers to it any more."""
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


class Lane:
    """A Device (device.py): all that it is asked runs in one stream of a GPU, in order."""

    def __init__(self, driver: ModuleType, kernels: object, description: str):
        """driver: pycuda.driver. kernels: its module of them, in the context of this thread."""
        self._driver, self._kernels, self.description = driver, kernels, description
        self.stream = self._driver.Stream(NON_BLOCKING)
        self._functions: dict[str, object] = {}

    def array(self, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> GpuArray:
        shape, dtype = tuple(int(n) for n in shape), np.dtype(dtype)
        memory = self._driver.mem_alloc(max(prod(shape) * dtype.itemsize, 1))
        return GpuArray(int(memory), shape, dtype, memory)

    def host(self, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
        return self._driver.pagelocked_empty(shape, dtype) if prod(shape) else np.empty(shape, dtype)

    def upload(self, array: GpuArray, values: np.ndarray) -> None:
        copy = np.array(values, order="C")
        self.send(array, copy)
        self.wait()  # before the copy is gone

    def download(self, array: GpuArray) -> np.ndarray:
        values = np.empty(array.shape, array.dtype)
        self.fetch(array, values)
        self.wait()
        return values

    def send(self, array: GpuArray, values: np.ndarray) -> None:
        _check_fits(array, values)
        if array.nbytes:
            self._driver.memcpy_htod_async(array.pointer, values, self.stream)

    def fetch(self, array: GpuArray, values: np.ndarray) -> None:
        _check_fits(array, values)
        if array.nbytes:
            self._driver.memcpy_dtoh_async(values, array.pointer, self.stream)

    def zero(self, array: GpuArray) -> None:
        if array.nbytes:
            self._driver.memset_d8_async(array.pointer, 0, array.nbytes, self.stream)

    def launch(self, kernel: str, grid: tuple[int, ...], block: int, *arguments: GpuArray | np.generic) -> None:
        if kernel not in self._functions:
            self._functions[kernel] = self._kernels.get_function(kernel)
        buffer = packed(arguments)
        function = self._functions[kernel].prepare(f"{len(buffer)}s")
        function.prepared_async_call((*grid, 1, 1)[:3], (block, 1, 1), self.stream, buffer)

    def wait(self) -> None:
        self.stream.synchronize()

    def capture(self, work: Callable[[], None]) -> Graph:
        return Graph(self.stream.handle, work)

    def mark(self) -> object:
        """A CUDA event, which happens when all that was asked before is done. Not while a graph is captured."""
        event = self._driver.Event()
        event.record(self.stream)
        return event

    def elapsed_ms(self, first: object, last: object) -> float:
        """Milliseconds between two marks, by the GPU's clock. Waits for the second."""
        last.synchronize()
        return first.time_till(last)


def _check_fits(array: GpuArray, values: np.ndarray) -> None:
    if values.shape != array.shape or values.dtype != array.dtype or not values.flags.c_contiguous:
        raise ValueError(f"{values.dtype} {values.shape} does not fit an array of {array.dtype} {array.shape}")


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
