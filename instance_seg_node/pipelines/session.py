"""All that a node has on a GPU: lost together when the GPU fails, and made anew together."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import clear_frames

from ..engines.plans import find_or_build, is_kept
from ..engines.runtimes import Runtime
from ..engines.trt import TrtNetwork, TrtPlan
from ..errors import InputError
from ..gpu.context import Gpu
from ..gpu.frame_path import FramePath
from ..model_spec import ModelSpec

LANES = 2
"""Batches that may be under way at once: one is copied while the other is computed."""
POLL_S = 0.1


class Cancelled(Exception):
    """Whoever asked does not want it any more."""


@dataclass
class Session:
    """Open frame paths, each in a lane of its own. description: of the GPU and what runs the network."""

    paths: list[FramePath]
    description: str
    gpu: Gpu

    def close(self, lost: bool = False) -> None:
        """Give back all memory of the GPU. lost: it has failed."""
        try:
            if not lost:
                self._wait()
        except BaseException as error:
            lost = True
            clear_frames(error.__traceback__)
            raise
        finally:
            self.paths.clear()
            self.gpu.close(lost)

    def _wait(self) -> None:
        """For what is under way, and uses memory that is given back."""
        for path in self.paths:
            path.wait()


def open_session(folder: Path, spec: ModelSpec, runtime: Runtime, *, precision: str, cameras: int,
                 cancelled: Callable[[], bool]) -> Session:
    """Build the plan if there is none, load it and run it once for each size of a batch.

    Raises InputError for what a user must change, Cancelled, and whatever CUDA refuses.
    """
    if not is_kept(folder, precision=precision, runtime=runtime.name, cameras=cameras):
        build_in_a_child(folder, runtime, precision=precision, cameras=cameras, cancelled=cancelled)
    plan = find_or_build(folder, precision=precision, runtime=runtime.name, cameras=cameras)
    gpu = Gpu()
    try:
        return _session(gpu, plan.content, spec, runtime, precision=precision, cancelled=cancelled)
    except BaseException as error:
        clear_frames(error.__traceback__)  # they hold what lies in the context that is left now
        gpu.close(lost=True)
        raise


def _session(gpu: Gpu, plan: bytes, spec: ModelSpec, runtime: Runtime, *, precision: str,
             cancelled: Callable[[], bool]) -> Session:
    opened = TrtPlan(runtime, plan)
    paths = [FramePath(lane, TrtNetwork(opened, lane), spec) for lane in (gpu.lane() for _ in range(LANES))]
    for path in paths:
        for count in path.counts:
            if cancelled():
                raise Cancelled
            path.warm_up(count)
    return Session(paths, f"{opened.description}, {gpu.description}, {precision}, {LANES} batches at once", gpu)


def build_in_a_child(folder: Path, runtime: Runtime, *, precision: str, cameras: int,
                     cancelled: Callable[[], bool]) -> None:
    """Put the plan into the cache by a process of its own: one that can be stopped, that leaves no memory behind on
    the GPU, and whose crash is not ours. Raises InputError with its reason, Cancelled."""
    command = [sys.executable, "-c", "import sys; from instance_seg_node.cli import main; sys.exit(main())", "build",
               str(folder), "--precision", precision, "--runtime", runtime.name, "--cameras", str(cameras)]
    with tempfile.TemporaryFile() as said:
        builder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        try:
            while builder.poll() is None:
                if cancelled():
                    raise Cancelled
                time.sleep(POLL_S)
        finally:
            if builder.poll() is None:
                builder.kill()
                builder.wait()
        if builder.returncode < 0:
            raise RuntimeError(f"the process that builds the engine was ended by signal {-builder.returncode}")
        if builder.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines() or [f"exit status {builder.returncode}"]
            raise InputError(f"the engine cannot be built: {lines[-1].removeprefix('instance-seg: ')}")
