"""GPUs by the architecture that code is compiled for."""

import ctypes
from typing import NamedTuple

from ..errors import InputError

ARCHITECTURES = {
    "sm_75": "RTX 20, T4", "sm_80": "A100", "sm_86": "RTX 30, A10", "sm_87": "Jetson Orin", "sm_89": "RTX 40, L4",
    "sm_90": "H100, H200", "sm_100": "B200", "sm_110": "Jetson and DRIVE Thor", "sm_120": "RTX 50",
    "sm_121": "DGX Spark",
}
"""Architecture -> products. Thor was sm_101 before CUDA 13."""

MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR


class Gpu(NamedTuple):
    """A GPU of this machine."""

    product: str
    architecture: str


def architectures(names: str) -> tuple[str, ...]:
    """The architectures of a list such as "sm_86,sm_89", sorted. Raises InputError naming the known ones."""
    found = {name.strip() for name in names.split(",")}
    for name in sorted(found - set(ARCHITECTURES)):
        known = ", ".join(f"{sm} ({products})" for sm, products in ARCHITECTURES.items())
        raise InputError(f"GPU {name!r} is not known. Known are: this (the one of this machine), {known}")
    return tuple(sorted(found, key=list(ARCHITECTURES).index))


REMEDY = ". Name the GPU that it is for, such as --gpu sm_86, or run this on the machine with the GPU"


def this_gpu(ordinal: int = 0, remedy: str = REMEDY) -> Gpu:
    """The GPU of this machine, asked of its driver; makes no context. Raises InputError if there is none, which ends
    with `remedy`."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise InputError(f"there is no GPU here: no NVIDIA driver is installed (libcuda.so.1){remedy}") from error
    name, device, values = ctypes.create_string_buffer(256), ctypes.c_int(), (ctypes.c_int(), ctypes.c_int())
    _check(driver.cuInit(0), remedy)
    _check(driver.cuDeviceGet(ctypes.byref(device), ordinal), remedy)
    _check(driver.cuDeviceGetName(name, len(name), device), remedy)
    for value, attribute in zip(values, (MAJOR, MINOR), strict=True):
        _check(driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device), remedy)
    return Gpu(name.value.decode(), f"sm_{values[0].value}{values[1].value}")


def _check(status: int, remedy: str) -> None:
    if status:
        raise InputError(f"there is no GPU here that can be used: the NVIDIA driver says CUDA error {status} "
                         f"(see what nvidia-smi says){remedy}")
