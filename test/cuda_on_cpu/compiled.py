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
COMPILER = os.environ.get("CXX", "g++")
FLAGS = ["-std=c++17", "-O1", "-g", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-exceptions",
         "-fvisibility=hidden", "-Wall", "-Wno-unused-function", f"-I{HERE}"]
# Only the calls before each access; what they do is in accesses.cpp.
INSTRUMENTED = ["-fsanitize=thread", "--param=tsan-instrument-func-entry-exit=0", "--param=tsan-distinguish-volatile=1"]
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
def version() -> str:
    return run(["--version"])


def key(folder: Path) -> str:
    """The hash of all that the result depends on."""
    digest = hashlib.sha256(repr([FLAGS, INSTRUMENTED, platform.machine(), version()]).encode())
    for path in sorted([*folder.glob("*.cu*"), *HERE.glob("*.h"), *HERE.glob("*.cpp"), HERE / "compiled.py"]):
        digest.update(f"{path} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def build(folder: Path, target: Path) -> None:
    """Compile all kernels of a folder as one module, as on a GPU, and put it in place at once."""
    module = "".join(f'#include "{path}"\n' for path in sorted(folder.glob("*.cu")))
    header = ["-include", "cuda_on_cpu.h", "-x", "c++", "-"]
    names = dict.fromkeys(KERNEL.findall(run([*FLAGS, "-E", "-P", *header], module)))
    rows = "".join(f"    ON_CPU_KERNEL({name}),\n" for name in names)
    module += '#include "kernel_table.h"\nextern "C" __attribute__((visibility("default")))\n' \
              f"const OnCpuKernel on_cpu_kernels[] = {{\n{rows}    {{}}}};\n"
    with tempfile.TemporaryDirectory(dir=target.parent) as made:
        run([*FLAGS, *INSTRUMENTED, "-c", "-o", f"{made}/kernels.o", *header], module)
        runtime = map(str, sorted(HERE.glob("*.cpp")))
        run([*FLAGS, "-O2", "-shared", "-o", f"{made}/module.so", f"{made}/kernels.o", *runtime])
        os.replace(f"{made}/module.so", target)


def compiled(folder: Path) -> Path:
    """The module of a folder of kernels."""
    cache = Path(tempfile.gettempdir()) / f"cuda_on_cpu-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    target = cache / f"{key(folder)}.so"
    if not target.exists():
        build(folder, target)
    return target
