"""All kernels as machine code for every GPU, on a machine that has none."""

import re

import pytest

from instance_seg_node.engines.gpus import ARCHITECTURES
from instance_seg_node.errors import InputError
from instance_seg_node.gpu import nvrtc, nvrtc_library
from instance_seg_node.gpu.nvrtc import CompileError, KernelResources, compile_module, cubin, read_sources, resources

KERNEL = r'^extern "C" __global__ void(?:\s+__launch_bounds__\([^)]*\))?\s+(\w+)'
"""A kernel that is written out. Those that a macro makes are not looked for."""

DOUBLE = """#include "types.cuh"
extern "C" __global__ void doubled(int32* values) { values[threadIdx.x] *= 2; }
"""
TYPES = "typedef int int32;\n"


def nvrtc_is_missing() -> bool:
    try:
        return not nvrtc_library.library()
    except InputError:
        return True


needs_nvrtc = pytest.mark.skipif(nvrtc_is_missing(), reason="NVRTC is not installed; the extra build has it")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "doubled.cu").write_text(DOUBLE)
    (tmp_path / "types.cuh").write_text(TYPES)
    return tmp_path


@pytest.fixture
def library_without_cache():
    """The function library(), which looks anew before and after the test."""
    nvrtc_library.library.cache_clear()
    yield nvrtc_library.library
    nvrtc_library.library.cache_clear()


@needs_nvrtc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles_for_every_gpu_and_spills_no_register(architecture, record_property):
    sources = read_sources()
    code, log = compile_module(sources, architecture)
    assert code.startswith(b"\x7fELF")
    found = resources(log)
    record_property(architecture, [tuple(kernel) for kernel in found])
    print("\n".join(f"{architecture:7} {x.kernel:24} {x.registers:4} registers {x.stack:4} bytes stack" for x in found))
    written = {name for text in sources.values() for name in re.findall(KERNEL, text, re.MULTILINE)}
    assert written - {kernel.kernel for kernel in found} == set()
    assert [kernel for kernel in found if kernel.spills] == []


def test_registers_stack_and_spills_are_read_from_the_compilers_log():
    log = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'grow' for 'sm_87'
ptxas info    : Function properties for grow
ptxas         .     56 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 64 registers, used 1 barriers, 128 bytes smem
ptxas info    : Compiling entry function 'write' for 'sm_87'
ptxas info    : Function properties for write
ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 16 registers"""
    assert resources(log) == [KernelResources("grow", 64, 56, 20), KernelResources("write", 16, 0, 0)]


@needs_nvrtc
def test_an_error_in_a_kernel_names_file_and_line(folder):
    (folder / "wrong.cu").write_text(f"{DOUBLE.replace('doubled', 'wrong')}\nint32 f() {{ return nothing; }}\n")
    with pytest.raises(CompileError, match=r'wrong\.cu\(4\): error: identifier "nothing" is undefined'):
        compile_module(read_sources(folder), "sm_75")


@needs_nvrtc
def test_an_error_in_a_header_names_file_and_line(folder):
    (folder / "types.cuh").write_text("\ntypedef nothing int32;\n")
    with pytest.raises(CompileError, match=r"types\.cuh\(2\): error"):
        compile_module(read_sources(folder), "sm_75")


@needs_nvrtc
def test_products_and_sums_are_rounded_apart(folder):
    (folder / "fused.cu").write_text('extern "C" __global__ void fused(float* x) { x[0] = x[1] * x[2] + x[3]; }')
    apart = compile_module(read_sources(folder), "sm_86").code
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nvrtc, "OPTIONS", [option for option in nvrtc.OPTIONS if option != "--fmad=false"])
        assert compile_module(read_sources(folder), "sm_86").code != apart


@needs_nvrtc
def test_kernels_are_compiled_once_and_again_after_a_change(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled = []

    def counted(sources, architecture):
        compiled.append(architecture)
        return compile_module(sources, architecture)

    monkeypatch.setattr(nvrtc, "compile_module", counted)
    first = cubin("sm_75", folder)
    assert (cubin("sm_75", folder), compiled) == (first, ["sm_75"])
    cubin("sm_80", folder)
    (folder / "types.cuh").write_text(TYPES + "#define NEW\n")
    cubin("sm_75", folder)
    assert compiled == ["sm_75", "sm_80", "sm_75"]


def test_a_missing_nvrtc_is_an_error_with_its_remedy(library_without_cache, monkeypatch):
    monkeypatch.setattr(nvrtc_library, "_candidates", lambda: iter(()))
    with pytest.raises(InputError, match="not installed: pip install nvidia-cuda-nvrtc$"):
        library_without_cache()


@needs_nvrtc
@pytest.mark.parametrize("architecture", ["sm_30", "sm_999", "sm_8"])
def test_a_gpu_that_nvrtc_does_not_know_is_an_error_that_names_those_it_knows(folder, architecture):
    with pytest.raises(InputError, match=rf"NVRTC \d+\.\d+ has no {architecture}, only .*sm_87.*pip install"):
        compile_module(read_sources(folder), architecture)


@needs_nvrtc
def test_an_nvrtc_newer_than_the_driver_is_refused(library_without_cache, monkeypatch):
    monkeypatch.setattr(nvrtc_library, "driver_version", lambda: 12)
    monkeypatch.setattr(nvrtc_library, "version", lambda nvrtc: (13, 0))
    with pytest.raises(InputError, match="CUDA 12 at most, and NVRTC is 13.0.*: pip install nvidia-cuda-nvrtc-cu12"):
        library_without_cache()
