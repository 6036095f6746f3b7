"""Where NVRTC is, and which of several: the library that compiles kernels in memory, with neither nvcc nor a GPU."""

import ctypes
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..errors import InputError


@cache
def library() -> ctypes.CDLL:
    """NVRTC of the PyPI package or of an installed CUDA toolkit, no newer than the driver where there is one.

    A driver loads no code of a later major version. Raises InputError if there is no such NVRTC.
    """
    newest = driver_version()
    found = []
    for nvrtc in filter(None, map(_opened, _candidates())):
        found.append("{}.{}".format(*version(nvrtc)))
        if newest is None or version(nvrtc)[0] <= newest:
            return nvrtc
    have = f"the driver runs code of CUDA {newest} at most, and NVRTC is {', '.join(found)}" if found else \
        "NVRTC, which compiles the kernels, is not installed"
    raise InputError(f"{have}: pip install nvidia-cuda-nvrtc{'-cu12' * (newest == 12)}")


def version(nvrtc: ctypes.CDLL) -> tuple[int, int]:
    """That of CUDA, such as (13, 0)."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    check(nvrtc, nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return major.value, minor.value


def architectures(nvrtc: ctypes.CDLL) -> list[str]:
    """What it compiles for, such as sm_87."""
    count = ctypes.c_int()
    check(nvrtc, nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count)))
    numbers = (ctypes.c_int * count.value)()
    check(nvrtc, nvrtc.nvrtcGetSupportedArchs(numbers))
    return [f"sm_{number}" for number in numbers]


def driver_version() -> int | None:
    """The major version of CUDA that the driver is of; None without a driver."""
    try:
        driver, found = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
    except OSError:
        return None
    return found.value // 1000 if driver.cuDriverGetVersion(ctypes.byref(found)) == 0 else None


def check(nvrtc: ctypes.CDLL, status: int) -> None:
    """Raise RuntimeError with the name of a status that is not 0."""
    if status:
        nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise RuntimeError(nvrtc.nvrtcGetErrorString(status).decode())


def _candidates() -> Iterator[Path]:
    """Libraries to try: of PyPI (nvidia-cuda-nvrtc, nvidia-cuda-nvrtc-cu12), on the loader's path, of a toolkit."""
    nvidia = importlib.util.find_spec("nvidia")
    for root in nvidia.submodule_search_locations if nvidia else ():
        for pattern in ("cu[0-9]*/lib/libnvrtc.so.*", "cuda_nvrtc/lib/libnvrtc.so.*"):
            yield from sorted(Path(root).glob(pattern), reverse=True)
    yield Path("libnvrtc.so")
    yield from sorted(Path("/usr/local/cuda/lib64").glob("libnvrtc.so.*"))


def _opened(path: Path) -> ctypes.CDLL | None:
    try:
        for builtins in path.parent.glob("libnvrtc-builtins.so.*"):
            ctypes.CDLL(str(builtins))  # NVRTC opens it by its name alone, and would not look beside itself
        return ctypes.CDLL(str(path))
    except OSError:
        return None
