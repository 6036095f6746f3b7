"""A GPU through pycuda: its primary context, and the kernels in it."""

from __future__ import annotations

import atexit
import importlib
import threading
from types import ModuleType

from ..errors import InputError
from .cuda_driver import pop_context, reset_primary_context
from .lane import Lane
from .nvrtc import cubin

_open_in: list[int] = []
"""The thread of each Gpu that is open. They share one primary context, and who resets it takes all memory with it."""


class Gpu:
    """A GPU's primary context, with the kernels in it. It belongs to the thread that made it.

    A thread that ends before the process closes its own first: pycuda aborts the process of one that does not.
    Raises InputError if pycuda, NVRTC or a GPU is missing, or if another thread has not closed its own;
    pycuda.driver.Error for what CUDA refuses.
    """

    def __init__(self, ordinal: int = 0):
        self._driver, self._ordinal = driver(), ordinal
        try:
            self._driver.init()
            device = self._driver.Device(ordinal)
        except self._driver.Error as error:
            raise InputError(f"there is no GPU {ordinal} that can be used: {error}. See what nvidia-smi says, or "
                             "choose device cpu") from error
        self.architecture = "sm_{}{}".format(*device.compute_capability())
        self.description = f"{device.name()} ({self.architecture})"
        code = cubin(self.architecture)
        _check_no_other_thread()
        self._kernels = None
        self._context = device.retain_primary_context()
        self._enter()
        try:
            self._kernels = self._driver.module_from_buffer(code)
        except BaseException:
            self._leave(lost=True)  # or pycuda would abort the process with this thread
            raise

    def lane(self) -> Lane:
        """A Device of its own order; what is asked of two lanes may happen at the same time."""
        return Lane(self._driver, self._kernels, self.description)

    def close(self, lost: bool = False) -> None:
        """Wait for all that was asked, and leave the context. Lanes and arrays are of no use after that.

        lost: the context has failed, so nothing is waited for and whoever comes next gets a new one.
        """
        try:
            if not lost:
                self._context.synchronize()
        except self._driver.Error:
            lost = True
            raise
        finally:
            self._leave(lost)

    def _enter(self) -> None:
        self._context.push()
        _open_in.append(threading.get_ident())
        atexit.register(self._leave)

    def _leave(self, lost: bool = False) -> None:
        atexit.unregister(self._leave)
        self._kernels = None  # while its context is there to unload it
        if threading.get_ident() in _open_in:
            _open_in.remove(threading.get_ident())
        try:
            self._context.pop()
        finally:
            self._context.detach()
            pop_context()  # pycuda has pushed it once more to detach it
            if lost:
                reset_primary_context(self._ordinal)


def _check_no_other_thread() -> None:
    if set(_open_in) - {threading.get_ident()}:
        raise InputError("the GPU is held by a thread of this process that hangs, and what it holds cannot be taken "
                         "from it. Restart the process")


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
