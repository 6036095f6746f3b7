"""Where a network runs: on the GPU of this machine, or on its CPU."""

import importlib.util

from ..errors import InputError
from ..gpu import nvrtc_library
from . import DEVICES
from .gpus import this_gpu
from .runtimes import find_runtime


def chosen_device(device: str) -> tuple[str, str]:
    """"cuda" or "cpu" for a device of DEVICES, and a sentence on why. `auto` takes a GPU that can be used.

    Raises InputError if there is no such device, or if it is cuda and cannot be used here.
    """
    if device not in DEVICES:
        raise InputError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cpu":
        return "cpu", "device cpu was asked for"
    try:
        found = usable_gpu()
    except InputError as error:
        if device == "cuda":
            raise InputError(f"device cuda cannot be used: {error}. Mend that, or choose device cpu") from error
        return "cpu", f"device auto takes the CPU, for no GPU can be used: {error}"
    return "cuda", f"device {device} {'takes' if device == 'auto' else 'is'} {found}"


def usable_gpu() -> str:
    """The GPU of this machine and what runs networks on it. Raises InputError with what is missing."""
    gpu = this_gpu(remedy="")
    if importlib.util.find_spec("pycuda") is None:
        raise InputError("pycuda is not installed: pip install 'instance_seg_node[gpu]'")
    nvrtc_library.library()
    return f"{gpu.product} ({gpu.architecture}) by {find_runtime().title}"
