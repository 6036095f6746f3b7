"""A GPU through pycuda: its primary context, and the kernels in it."""

from __future__ import annotations

import atexit
import importlib
from contextlib import ExitStack
from types import ModuleType

from ..errors import InputError
from .cuda_driver import reset_primary_context
from .lane import Lane
from .nvrtc import cubin


class Gpu:
    """A GPU's primary context, with the kernels in it. It belongs to the thread that made it.

    A thread that ends before the process closes its own first: pycuda aborts the process of one that does not.
    Raises InputError if pycuda, NVRTC or a GPU is missing, pycuda.driver.Error for what CUDA refuses.
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
        self._context = device.retain_primary_context()
        self._context.push()
        atexit.register(self._leave)
        self._kernels = self._driver.module_from_buffer(code)

    def lane(self) -> Lane:
        """A Device of its own order; what is asked of two lanes may happen at the same time."""
        return Lane(self._driver, self._kernels, self.description)

    def close(self, lost: bool = False) -> None:
        """Wait for all that was asked, and leave the context. Lanes and arrays are of no use after that.

        lost: the context has failed, so nothing is waited for and whoever comes next gets a new one.
        """
        with ExitStack() as leaving:  # from the last to the first, whatever fails
            if lost:
                leaving.callback(reset_primary_context, self._ordinal)
            leaving.callback(self._leave)
            if not lost:
                self._context.synchronize()

    def _leave(self) -> None:
        atexit.unregister(self._leave)
        self._context.pop()
        self._context.detach()


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
