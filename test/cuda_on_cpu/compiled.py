"""Kernels compiled for the host, once per content of their sources, this folder and the flags."""

import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / "build" / "cuda_on_cpu"
COMPILER = os.environ.get("CXX", "g++")
FLAGS = ["-std=c++17", "-O1", "-g", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-exceptions",
         "-fvisibility=hidden", f"-I{HERE}"]
# Only the calls before each access and index; what they do is in accesses.cpp and undefined.cpp.
INSTRUMENTED = ["-fsanitize=thread", "--param=tsan-instrument-func-entry-exit=0", "--param=tsan-distinguish-volatile=1",
                "-fsanitize=bounds,integer-divide-by-zero,float-cast-overflow,shift-exponent"]
# A declaration once the header has replaced __global__.
KERNEL = re.compile(r"__attribute__\(\(noinline, used\)\)\s*(?:void\s+)?(\w+)\s*\(")


def run(arguments: list[str], text: str | None = None) -> str:
    if shutil.which(COMPILER) is None:
        raise FileNotFoundError(f"No {COMPILER} was found, and the kernels' tests compile them for this machine. "
                                "On Debian and Ubuntu: sudo apt install g++")
    result = subprocess.run([COMPILER, *arguments], input=text, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{COMPILER} does not compile the kernels:\n{result.stderr}")
    return result.stdout


@functools.cache
def version(compiler: str) -> str:
    return run(["--version"])


def key(sources: list[Path]) -> str:
    """The hash of all that a result depends on."""
    digest = hashlib.sha256(repr([FLAGS, INSTRUMENTED, platform.machine(), version(COMPILER)]).encode())
    for path in [*sources, *sorted(HERE.glob("*.h")), HERE / "compiled.py"]:
        digest.update(f"{path} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def built_once(name: str, sources: list[Path], build) -> Path:
    """The file that `build(path)` makes of sources. It appears at once, so that processes do not disturb each other."""
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / f"{key(sources)}.{name}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            build(Path(folder) / name)
            os.replace(Path(folder) / name, target)
    return target


def runtime() -> Path:
    """What runs the kernels, as one object file."""
    sources = sorted(HERE.glob("*.cpp"))
    return built_once("runtime.o", sources,
                      lambda path: run([*FLAGS, "-O2", "-r", "-nostdlib", "-o", str(path), *map(str, sources)]))


def compiled(folder: Path) -> Path:
    """The kernels of a folder as one module, as on a GPU: a shared library with a table of them."""
    sources = [*sorted(folder.glob("*.cu")), *sorted(folder.glob("*.cuh")), *sorted(HERE.glob("*.cpp"))]
    return built_once("module.so", sources, lambda path: build(folder, path))


def build(folder: Path, target: Path) -> None:
    """Compile a module."""
    module = "".join(f'#include "{path}"\n' for path in sorted(folder.glob("*.cu")))
    header = ["-include", "cuda_on_cpu.h", "-x", "c++", "-"]
    names = dict.fromkeys(KERNEL.findall(run([*FLAGS, "-E", "-P", *header], module)))
    rows = "".join(f"    ON_CPU_KERNEL({name}),\n" for name in names)
    module += '#include "kernel_table.h"\nextern "C" __attribute__((visibility("default")))\n' \
              f"const OnCpuKernel on_cpu_kernels[] = {{\n{rows}    {{}}}};\n"
    run([*FLAGS, *INSTRUMENTED, "-c", "-o", f"{target}.o", *header], module)
    run(["-shared", "-o", str(target), f"{target}.o", str(runtime())])
