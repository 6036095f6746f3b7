"""What the steps of the GPU path ask of a device: memory, copies and kernels, all in the order in which they are asked.

Nothing waits but `download`. The steps are written against this protocol alone, so that the same code and the same
kernels run on a GPU (context.py) and, in the tests, on a CPU (test/cuda_on_cpu).
"""

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

    def upload(self, array: Array, values: np.ndarray) -> None:
        """Fill an array with values of its shape and dtype."""
        ...

    def download(self, array: Array) -> np.ndarray:
        """The values of an array, once all that was asked before is done."""
        ...

    def zero(self, array: Array) -> None:
        """Set every byte of an array to 0."""
        ...

    def launch(self, kernel: str, grid: tuple[int, ...], block: int, *arguments: Array | np.generic) -> None:
        """Run a kernel of gpu/kernels by its name: `grid` is up to three numbers of blocks, `block` threads in each.

        arguments: in the kernel's order; an Array stands for its address, a NumPy scalar for its value.
        """
        ...
