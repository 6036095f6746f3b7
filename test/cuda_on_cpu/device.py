"""A Device whose kernels run on this machine's processor, one step at a time."""

import copy
import ctypes
import functools
import re
import subprocess
import threading
import time
import weakref
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np

from .compiled import compiled

GAP = 1 << 16  # bytes on both sides of an array that belong to none, so that what runs over its end is seen


class CudaOnCpuError(Exception):
    """A kernel broke a rule of cuda_on_cpu.h, or was launched with arguments that do not fit."""


class Argument(ctypes.Structure):
    """One argument of a kernel: NumPy's kind and item size, of what it points to if it is a pointer."""

    _fields_ = [("kind", ctypes.c_char), ("size", ctypes.c_int), ("pointer", ctypes.c_int)]

    def __str__(self):
        return ("pointer to " if self.pointer else "") + (
            "anything" if self.kind == b"V" else f"{np.dtype(self.kind.decode() + str(self.size)).name}")


class Kernel(ctypes.Structure):
    """A row of the module's table."""

    _fields_ = [("name", ctypes.c_char_p), ("count", ctypes.c_int), ("arguments", ctypes.POINTER(Argument)),
                ("call", ctypes.c_void_p)]


class Module:
    """The compiled kernels of a folder. One launch at a time."""

    def __init__(self, path: Path):
        self.path = path
        self.lock = threading.RLock()
        self.library = ctypes.CDLL(str(path))
        self.library.on_cpu_device.restype = ctypes.c_void_p
        self.library.on_cpu_launch.restype = ctypes.c_char_p
        table = ctypes.cast(self.library.on_cpu_kernels, ctypes.POINTER(Kernel))
        self.kernels = {}
        while table[len(self.kernels)].name:
            row = table[len(self.kernels)]
            self.kernels[row.name.decode()] = row

    def free(self, device: ctypes.c_void_p, pointer: ctypes.c_void_p) -> None:
        with self.lock:
            self.library.on_cpu_array_free(device, pointer)

    def placed(self, text: str) -> str:
        """An error's text with file and line where it names an address."""
        def line(match):
            command = ["addr2line", "-e", str(self.path), match[1]]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            return Path(run.stdout.split(" (")[0].strip() or match[1]).name
        return re.sub(r"pc:([0-9a-f]+)", line, text)


@functools.cache
def module(path: Path) -> Module:
    return Module(path)


class CpuArray:
    """Memory of a CpuDevice."""

    def __init__(self, shape, dtype, rng):
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.nbytes = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        memory = np.empty(self.nbytes + 2 * GAP + 256, np.uint8)
        start = GAP + -(memory.ctypes.data + GAP) % 256  # cudaMalloc aligns to 256 bytes
        self.bytes = memory[start:start + self.nbytes]
        self.bytes[:] = rng.integers(0, 256, self.nbytes, np.uint8)
        self.values = self.bytes.view(self.dtype).reshape(self.shape)
        self.pointer = self.bytes.ctypes.data if self.nbytes else memory.ctypes.data + start

    def __getitem__(self, index):
        part = copy.copy(self)
        part._whole = self  # whose memory it is
        part.values = self.values[index]
        part.bytes = part.values.reshape(-1).view(np.uint8)
        part.shape, part.nbytes, part.pointer = part.values.shape, part.values.nbytes, part.values.ctypes.data
        return part

    def __str__(self):
        return f"{self.dtype.name} {self.shape}"


class CpuDevice:
    """A Device (instance_seg_node/gpu/device.py) that checks what a GPU would let pass.

    shuffle: the seed of the order in which blocks and threads take turns. kernels: the folder of the .cu files, by
    default the package's. limit: the most memory accesses of one launch. late: what is asked is done at moments drawn
    by the seed, at the latest when it is waited for, so that a host that reads too early or writes too early is seen.
    Every fault is a CudaOnCpuError; after one the device can be used again.
    """

    def __init__(self, shuffle: int = 0, kernels: Path | str | None = None, limit: int = 200_000_000,
                 late: bool = False):
        folder = Path(kernels or str(resources.files("instance_seg_node.gpu") / "kernels"))
        self.module = module(compiled(folder.resolve()))
        self.limit, self.late = limit, late
        self._asked: list[Callable[[], None]] = []
        self._captured: list[Callable[[], None]] | None = None
        self.rng = np.random.default_rng(shuffle)
        self.handle = ctypes.c_void_p(self.module.library.on_cpu_device())

    def array(self, shape, dtype) -> CpuArray:
        self._check_no_capture("memory is made")
        array = CpuArray(shape, dtype, self.rng)
        library, lock, pointer = self.module.library, self.module.lock, ctypes.c_void_p(array.pointer)
        with lock:
            library.on_cpu_array(self.handle, pointer, ctypes.c_size_t(array.nbytes), str(array).encode())
        weakref.finalize(array, self.module.free, self.handle, pointer)
        return array

    def host(self, shape, dtype) -> np.ndarray:
        self._check_no_capture("page-locked memory is made")
        return self.rng.integers(0, 256, int(np.prod(shape)) * np.dtype(dtype).itemsize,
                                 np.uint8).view(dtype).reshape(shape)

    def upload(self, array: CpuArray, values: np.ndarray) -> None:
        self._check_no_capture("memory is copied that the host may change")
        self.send(array, values.copy())

    def download(self, array: CpuArray) -> np.ndarray:
        self.wait()
        return array.values.copy()

    def send(self, array: CpuArray, values: np.ndarray) -> None:
        check_copy("to", array, values)
        self.ask(used(array, lambda target: np.copyto(target, values)))

    def fetch(self, array: CpuArray, values: np.ndarray) -> None:
        check_copy("from", array, values)
        self.ask(used(array, lambda source: np.copyto(values, source)))

    def zero(self, array: CpuArray) -> None:
        self.ask(used(array, lambda _, bytes=array.bytes: bytes.fill(0)))

    def wait(self) -> None:
        self._check_no_capture("the host waits")
        self._do(len(self._asked))

    def capture(self, work) -> Callable[[], None]:
        self._captured, captured = [], []
        try:
            work()
            captured = self._captured
        finally:
            self._captured = None
        return lambda: [self.ask(step) for step in captured]

    def mark(self) -> list[float]:
        """What holds the host's time when all that was asked before is done, once it is."""
        self._check_no_capture("a time is marked")
        moment = []
        self.ask(lambda: moment.append(time.perf_counter()))
        return moment

    def elapsed_ms(self, first: list[float], last: list[float]) -> float:
        self.wait()
        return 1e3 * (last[0] - first[0])

    def ask(self, step: Callable[[], None]) -> None:
        """Do `step` in its turn. A GPU calls it a host function."""
        if self._captured is not None:
            self._captured.append(step)
            return
        self._asked.append(step)
        self._do(int(self.rng.integers(len(self._asked) + 1)) if self.late else 1)

    def _do(self, steps: int) -> None:
        for _ in range(steps):
            self._asked.pop(0)()

    def _check_no_capture(self, what: str) -> None:
        if self._captured is not None:
            raise CudaOnCpuError(f"{what} while a graph is captured")

    def launch(self, kernel: str, grid: tuple[int, ...], block: int, *arguments) -> None:
        row = self.module.kernels.get(kernel)
        if row is None:
            raise CudaOnCpuError(f"no kernel {kernel!r}; there are: {', '.join(self.module.kernels)}")
        check_size(kernel, grid, block)
        check_arguments(kernel, row, arguments)
        values = [np.uint64(a.pointer) if isinstance(a, CpuArray) else a for a in arguments]
        values = [np.frombuffer(value.tobytes(), np.uint8) for value in values]
        addresses = (ctypes.c_void_p * (len(values) + 1))(*[value.ctypes.data for value in values])
        sizes = (ctypes.c_uint32 * 3)(*grid, *[1] * (3 - len(grid)))
        self.ask(lambda: self._run(kernel, row, values, addresses, sizes, block))

    def _run(self, kernel: str, row: Kernel, values: list, addresses, sizes, block: int) -> None:
        """values: what the addresses point to."""
        with self.module.lock:
            error = self.module.library.on_cpu_launch(
                self.handle, ctypes.c_void_p(row.call), addresses, sizes, ctypes.c_uint32(block),
                ctypes.c_uint64(int(self.rng.integers(1 << 63))), ctypes.c_uint64(self.limit)).decode()
        if error:
            raise CudaOnCpuError(f"kernel {kernel!r}: {self.module.placed(error)}")


def used(array: CpuArray, step: Callable[[np.ndarray], object]) -> Callable[[], object]:
    """A step with an array's values, which does not keep its memory: a graph knows addresses alone."""
    whole, values, name = array, array.values, str(array)
    while hasattr(whole, "_whole"):
        whole = whole._whole
    kept = weakref.ref(whole)

    def checked():
        if kept() is None:
            raise CudaOnCpuError(f"an array of {name} was freed before it was used")
        step(values)
    return checked


def check_copy(direction: str, array: CpuArray, values: np.ndarray) -> None:
    if values.shape != array.shape or values.dtype != array.dtype:
        raise CudaOnCpuError(f"copy of {values.dtype.name} {values.shape} {direction} an array of {array}")


def check_size(kernel: str, grid: tuple[int, ...], block: int) -> None:
    """CUDA's limits: up to three positive numbers of blocks, at most 65535 beyond the first; 1 to 1024 threads."""
    fits = 1 <= len(grid) <= 3 and all(1 <= n for n in grid) and all(n <= 65535 for n in grid[1:])
    if not fits or not 1 <= block <= 1024:
        raise CudaOnCpuError(f"kernel {kernel!r} cannot be launched with grid {grid} and blocks of {block} threads")


def check_arguments(kernel: str, row: Kernel, arguments: tuple) -> None:
    """As many as declared; arrays for pointers, of the dtype pointed to (or bytes); scalars of the very type."""
    if len(arguments) != row.count:
        raise CudaOnCpuError(f"kernel {kernel!r} takes {row.count} arguments, got {len(arguments)}")
    for index, (value, declared) in enumerate(zip(arguments, row.arguments[:row.count])):
        dtype = getattr(value, "dtype", None)
        fits = isinstance(value, CpuArray if declared.pointer else np.generic)
        if fits and not (declared.pointer and (declared.kind == b"V" or declared.size == 1)):
            fits = dtype.itemsize == declared.size and declared.kind in (dtype.kind.encode(), b"V")
        if not fits:
            kind = "array of " if isinstance(value, CpuArray) else ""
            raise CudaOnCpuError(f"argument {index} of kernel {kernel!r} is a {declared}, "
                                 f"got {kind}{dtype if dtype is not None else type(value).__name__}")
