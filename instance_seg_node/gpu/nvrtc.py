"""Kernels compiled to machine code, once for each GPU."""

import ctypes
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from ..files.cached_files import cached
from .nvrtc_library import architectures, check, library, version

KERNELS = Path(__file__).parent / "kernels"

OPTIONS = ("--std=c++17", "--fmad=false", "--ptxas-options=--verbose")
"""A product and a sum are rounded each, as NumPy's and numba's are: ids are equal bit for bit."""


class CompileError(Exception):
    """A kernel does not compile, a fault of ours: the text is the compiler's, with file and line."""


class Cubin(NamedTuple):
    """Machine code of all kernels for one architecture, and what the compiler said."""

    code: bytes
    log: str


class KernelResources(NamedTuple):
    """What one thread of a kernel needs: registers; bytes of stack; bytes of registers spilt to memory."""

    kernel: str
    registers: int
    stack: int
    spills: int


def cubin(architecture: str, folder: Path = KERNELS) -> bytes:
    """Machine code of all kernels for an architecture such as sm_87, from the cache or compiled now (seconds).

    Raises InputError if NVRTC is missing, CompileError if a kernel is wrong.
    """
    sources = read_sources(folder)
    key = {"sources": hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest(), "options": list(OPTIONS),
           "nvrtc": "{}.{}".format(*version(library())), "architecture": architecture}
    return cached(f"kernels-{architecture}.cubin", key, lambda: compile_module(sources, architecture).code)[0]


def read_sources(folder: Path = KERNELS) -> dict[str, str]:
    """Text by name of the kernels (.cu) and of the headers that they share (.cuh)."""
    return {path.name: path.read_text() for path in sorted(folder.glob("*.cu*"))}


def compile_module(sources: dict[str, str], architecture: str) -> Cubin:
    """All .cu files of `sources` as one module. Raises CompileError, InputError if NVRTC does not know such a GPU."""
    nvrtc, program = library(), ctypes.c_void_p()
    _check_known(nvrtc, architecture)
    module = "".join(f'#include "{name}"\n' for name in sources if name.endswith(".cu"))
    check(nvrtc, nvrtc.nvrtcCreateProgram(ctypes.byref(program), module.encode(), b"kernels.cu", len(sources),
                                          _strings(sources.values()), _strings(sources.keys())))
    try:
        options = [*OPTIONS, f"--gpu-architecture={architecture}"]
        status = nvrtc.nvrtcCompileProgram(program, len(options), _strings(options))
        log = _read(nvrtc, program, "ProgramLog").rstrip(b"\0").decode()
        if status:
            raise CompileError(f"the kernels do not compile for {architecture}:\n{log}")
        return Cubin(_read(nvrtc, program, "CUBIN"), log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def resources(log: str) -> list[KernelResources]:
    """Of each kernel, from the log of its compilation."""
    found = []
    for kernel, text in re.findall(r"Compiling entry function '(\w+)'(.*?Used \d+ registers)", log, re.DOTALL):
        stack, registers = (int(re.search(what, text)[1]) for what in (r"(\d+) bytes stack", r"Used (\d+)"))
        found.append(KernelResources(kernel, registers, stack, sum(map(int, re.findall(r"(\d+) bytes spill", text)))))
    return found


def _check_known(nvrtc: ctypes.CDLL, architecture: str) -> None:
    known = architectures(nvrtc)
    if architecture not in known:
        raise InputError("NVRTC {}.{} has no {}, only {}. For an older GPU: pip install nvidia-cuda-nvrtc-cu12; for a "
                         "newer one: pip install --upgrade nvidia-cuda-nvrtc".format(*version(nvrtc), architecture,
                                                                                     ", ".join(known)))


def _strings(values: Iterable[str]) -> ctypes.Array:
    encoded = [value.encode() for value in values]
    return (ctypes.c_char_p * len(encoded))(*encoded)


def _read(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    content = ctypes.create_string_buffer(size.value)
    check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}")(program, content))
    return content.raw
