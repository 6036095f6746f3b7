"""Where a number was measured: what stands beside every published one."""

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..files.atomic_files import write_atomically


def machine(*packages: str) -> dict:
    """Processor, cores, load, Python, versions of `packages`, and the working folder's commit (with + if changed)."""
    return {"processor": _processor(), "cores": len(os.sched_getaffinity(0)),
            "load_average": round(os.getloadavg()[0], 2), "python": platform.python_version(),
            "versions": {name: _version(name) for name in packages}, "commit": _commit()}


def write_results(path: Path, results: dict | list, *packages: str) -> None:
    """Write measured `results` as JSON with the machine beside them."""
    content = json.dumps({"machine": machine(*packages), "results": results}, indent=2)
    write_atomically(path, f"{content}\n".encode())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--abbrev=10"]
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:  # no git on this machine
        return None
    return done.stdout.strip() or None
