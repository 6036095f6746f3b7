"""One run of soak.py: the node, its cameras and its readers, each a process, and what the node held meanwhile."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
NODE = "instance_seg_node.ros.node"
PATIENCE_S = 60.0
LAST_REPORT_S = 2.5
"""/diagnostics comes every second."""
MB = 2**20


@dataclass(frozen=True)
class Load:
    """What the node is given. stalled: a reliable subscriber stops reading after a quarter of the time."""

    cameras: int
    rate_hz: float
    seconds: float
    height: int
    width: int
    stalled: bool = False


@dataclass(frozen=True)
class Recording:
    """What was seen. Times are ns of the wall clock; of sent and masks see soak_cameras.py and soak_reader.py.

    held: by name, one value a second: time_ns, rss_mb, threads, fds, shm_files, shm_mb (PSS), cpu_s.
    """

    load: Load
    sent: np.ndarray
    masks: np.ndarray
    diagnostics: list
    held: dict[str, np.ndarray]

    def totals(self) -> list[dict[str, str]]:
        """The last status of each camera."""
        return [self.diagnostics[-1][1][f"instance_seg: /camera{i}"] for i in range(self.load.cameras)]


def record(load: Load, model: Path) -> Recording:
    """Start everything, wait until the cameras have sent their last frame, and end it.

    Raises RuntimeError, with what it printed, for a process that breaks down.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        cameras = ", ".join(f"/camera{i}" for i in range(load.cameras))
        with process(folder / "node", NODE, "--ros-args", "-p", f"model:={model}",
                     "-p", f"cameras:=[{cameras}]") as node, reader(folder / "reader", load):
            if load.stalled:
                with reader(folder / "stalled", load) as stalled:
                    held = drive(folder, load, node, stalled)
            else:
                held = drive(folder, load, node)
            time.sleep(LAST_REPORT_S)
        return Recording(load, np.load(folder / "sent.npy"), np.load(folder / "reader" / "masks.npy"),
                         json.loads((folder / "reader" / "diagnostics.json").read_text()), held)


def drive(folder: Path, load: Load, node: subprocess.Popen,
          stalled: subprocess.Popen | None = None) -> dict[str, np.ndarray]:
    """Let the cameras send all they have, and sample the node every second. Returns what Recording.held is."""
    samples, stopped_s = [], time.monotonic() + load.seconds / 4
    sizes = (load.rate_hz, load.seconds, load.height, load.width)
    with process(folder / "cameras", "benchmarks.soak_cameras", folder / "sent.npy", load.cameras, *sizes) as driver:
        try:
            while driver.poll() is None:
                if node.poll() is not None:
                    raise RuntimeError("the node has ended")
                if stalled and time.monotonic() > stopped_s:
                    stalled.send_signal(signal.SIGSTOP)
                samples.append(sample(psutil.Process(node.pid)))
                time.sleep(1.0)
        finally:
            if stalled:
                stalled.send_signal(signal.SIGCONT)
    return {key: np.array([one[key] for one in samples]) for key in samples[0]}


def sample(node: psutil.Process) -> dict[str, float]:
    """What a process holds now."""
    maps = Path(f"/proc/{node.pid}/maps").read_text().splitlines()
    rollup = dict(line.split()[:2] for line in Path(f"/proc/{node.pid}/smaps_rollup").read_text().splitlines()[1:])
    times = node.cpu_times()
    return {"time_ns": time.time_ns(), "rss_mb": node.memory_info().rss / MB, "threads": node.num_threads(),
            "fds": node.num_fds(), "shm_files": len({line.split()[5] for line in maps if "/dev/shm/" in line}),
            "shm_mb": int(rollup["Pss_Shmem:"]) / 1024, "cpu_s": times.user + times.system}


@contextmanager
def reader(folder: Path, load: Load) -> Iterator[subprocess.Popen]:
    """soak_reader.py, ready."""
    with process(folder, "benchmarks.soak_reader", folder, load.cameras) as started:
        deadline_s = time.monotonic() + PATIENCE_S
        while not (folder / "ready").exists():
            if started.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"the node's topics did not appear in {PATIENCE_S:g} s")
            time.sleep(0.1)
        yield started


@contextmanager
def process(folder: Path, module: str, *arguments: object) -> Iterator[subprocess.Popen]:
    """`python -m module` until the end of the block, and by SIGTERM its end: that must be a good one."""
    folder.mkdir()
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with (folder / "log").open("w") as log, \
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as started:
        try:
            yield started
        except RuntimeError as error:
            raise RuntimeError(f"{error}. {module} said: {(folder / 'log').read_text()}") from error
        finally:
            started.terminate()
            try:
                started.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                started.kill()
    if started.returncode:
        raise RuntimeError(f"{module} ended with status {started.returncode}: {(folder / 'log').read_text()}")
