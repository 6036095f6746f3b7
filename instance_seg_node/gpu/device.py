"""What the steps of the GPU path ask of a device: memory, copies and kernels, all in the order in which they are asked.

Nothing waits but `download` and `wait`. The steps are written against this protocol alone, so that the same code and
the same kernels run on a GPU (context.py) and, in the tests, on a CPU (test/cuda_on_cpu).
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np


class Array(Protocol):
    """Memory of a device. `pointer` is its address there, which kernels get.

    `array[k]` and `array[:n]` are parts of it along the first axis, in the same memory.
    """

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int

    def __getitem__(self, index: int | slice) -> "Array": ...


class Device(Protocol):
    """Memory and kernels, in one order of execution."""

    def array(self, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> Array:
        """New memory, of no known content."""
        ...

    def host(self, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
        """New memory of the host, page-locked, of no known content: `send` and `fetch` copy it while the host goes
        on."""
        ...

    def upload(self, array: Array, values: np.ndarray) -> None:
        """Fill an array with values of its shape and dtype, which may change afterwards."""
        ...

    def download(self, array: Array) -> np.ndarray:
        """The values of an array, once all that was asked before is done."""
        ...

    def send(self, array: Array, values: np.ndarray) -> None:
        """Fill an array from memory made by `host`, which is read when all that was asked before is done."""
        ...

    def fetch(self, array: Array, values: np.ndarray) -> None:
        """Copy an array to memory made by `host`, when all that was asked before is done."""
        ...

    def zero(self, array: Array) -> None:
        """Set every byte of an array to 0."""
        ...

    def launch(self, kernel: str, grid: tuple[int, ...], block: int, *arguments: Array | np.generic) -> None:
        """Run a kernel of gpu/kernels by its name: `grid` is up to three numbers of blocks, `block` threads in each.

        arguments: in the kernel's order; an Array stands for its address, a NumPy scalar for its value.
        """
        ...

    def wait(self) -> None:
        """Return when all that was asked is done."""
        ...

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """What `work` asks, as one thing that can be asked again and again. It is not done now.

        Work may ask for sending, fetching, zeroing and launching alone; arrays and values are those of now.
        """
        ...
