"""What CUDA's driver does and pycuda has no name for: graphs, and a context made anew. Through libcuda itself."""

import ctypes
from collections.abc import Callable
from functools import cache

THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may go on making memory


class CudaError(RuntimeError):
    """What CUDA refuses, by its own name for it."""


@cache
def library() -> ctypes.CDLL:
    """The driver's library. Raises OSError if there is none."""
    return ctypes.CDLL("libcuda.so.1")


class Graph:
    """What was asked of a stream while it was captured, as one launch.

    It knows addresses, so all memory that it uses must outlive its last launch. Raises CudaError.
    """

    def __init__(self, stream: int, work: Callable[[], None]):
        """stream: CUDA's handle of the stream that `work` uses."""
        self._stream, self._executable = ctypes.c_void_p(stream), ctypes.c_void_p()
        graph = _captured(self._stream, work)
        try:
            _call("cuGraphInstantiateWithFlags", ctypes.byref(self._executable), graph, ctypes.c_ulonglong(0))
        finally:
            _call("cuGraphDestroy", graph)

    def __call__(self) -> None:
        """Ask for all of it, without waiting."""
        _call("cuGraphLaunch", self._executable, self._stream)

    def __del__(self):
        if self._executable:  # CUDA keeps it until its last launch is done; what it refuses here helps nobody
            library().cuGraphExecDestroy(self._executable)


def reset_primary_context(ordinal: int) -> None:
    """Destroy what a GPU's primary context has become after a fault, with all that is in it. Raises CudaError."""
    device = ctypes.c_int()
    _call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(ordinal))
    _call("cuDevicePrimaryCtxReset_v2", device)


def pop_context() -> None:
    """Take the context from the top of this thread's stack, whichever it is. Nothing happens if there is none."""
    library().cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


def _captured(stream: ctypes.c_void_p, work: Callable[[], None]) -> ctypes.c_void_p:
    graph = ctypes.c_void_p()
    _call("cuStreamBeginCapture_v2", stream, ctypes.c_int(THREAD_LOCAL))
    try:
        work()
    except BaseException:
        library().cuStreamEndCapture(stream, ctypes.byref(graph))  # or the stream would stay captured
        raise
    _call("cuStreamEndCapture", stream, ctypes.byref(graph))
    return graph


def _call(function: str, *arguments: object) -> None:
    status = getattr(library(), function)(*arguments)
    if status:
        name = ctypes.c_char_p()
        library().cuGetErrorName(ctypes.c_int(status), ctypes.byref(name))
        raise CudaError(f"{function}: {name.value.decode() if name.value else f'CUDA error {status}'}")
