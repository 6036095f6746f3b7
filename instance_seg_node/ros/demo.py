"""The whole node on a machine without cameras: simulated cameras, the node and a recorder, over real topics.

Each camera and the node is a process of its own; this one records. Called by `instance-seg demo`.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

from ..models import DEFAULT_MODEL, find_model
from .demo_recorder import Recorder
from .demo_report import DemoFailed, report
from .transport import tune

SIMULATOR, NODE = "instance_seg_node.ros.camera_simulator", "instance_seg_node.ros.node"
PATIENCE_S = 300.0
"""Rendering the streets takes 20 s on two cores that are free."""
STREET_FRAMES = 24
"""Rendered ahead and shown over and over: a street of this size takes up to a second a frame."""
END_S = 5.0


@dataclass(frozen=True)
class RigCamera:
    """One camera of the simulated vehicle."""

    name: str
    width: int
    height: int
    rate_hz: float

    def frame_count(self, seconds: float) -> int:
        """Frames that it sends in this time."""
        return round(seconds * self.rate_hz)


RIG = (RigCamera("front", 2048, 1024, 10.0), RigCamera("left", 1280, 720, 10.0))


def run(out: Path, seconds: float = 20.0, model: str = DEFAULT_MODEL, *, rig: tuple[RigCamera, ...] = RIG,
        source: str = "street") -> None:
    """Run the rig for so many seconds of camera time; write summary.json, pictures, videos and logs into `out`.

    source: what the cameras see, as for camera_simulator. Prints a table of rates, ages and stages.
    Raises InputError for an unusable model, and SystemExit(1), after a line that says why, if a camera's masks do not
    arrive or are empty, or something ends early. No process is left behind.
    """
    folder = find_model(model)
    out.mkdir(parents=True, exist_ok=True)
    _isolate(os.environ)
    tune()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    processes = Processes(out / "logs")
    try:
        recorder = Recorder([camera.name for camera in rig], picture_every_s=seconds / 4)
        _start(processes, recorder, rig, folder, seconds, source)
        _record(processes, recorder, rig, seconds)
        report(recorder, {camera.name: camera.frame_count(seconds) for camera in rig}, out)
    except DemoFailed as error:
        print(f"demo failed: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    finally:
        processes.end()
        rclpy.try_shutdown()


class Processes:
    """Programs of this package by name, each with a log file in `logs`."""

    def __init__(self, logs: Path):
        self._logs = logs
        self._processes: dict[str, subprocess.Popen] = {}

    def start(self, name: str, module: str, **parameters) -> None:
        """`python -m module` with these ROS parameters."""
        self._logs.mkdir(parents=True, exist_ok=True)
        settings = [part for key, value in parameters.items() for part in ("-p", f"{key}:={value}")]
        with (self._logs / f"{name}.log").open("w") as log:
            self._processes[name] = subprocess.Popen([sys.executable, "-m", module, "--ros-args", *settings],
                                                   stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def ended(self, name: str) -> bool:
        """Whether it has done its work. Raises DemoFailed if it broke down."""
        status = self._processes[name].poll()
        if status:
            raise DemoFailed(f"{name} ended with status {status}: {self.last_line(name)}")
        return status is not None

    def started(self, name: str) -> bool:
        """Whether it was started, be it running or not."""
        return name in self._processes

    def last_words(self) -> str:
        """The last line of each."""
        return "; ".join(f"{name} said last: {self.last_line(name)}" for name in self._processes)

    def last_line(self, name: str) -> str:
        """What it said last, and the file that has the rest."""
        log = self._logs / f"{name}.log"
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return f"{lines[-1] if lines else 'it said nothing'} (all of it: {log})"

    def end(self) -> None:
        """SIGTERM to all, SIGKILL to those that do not heed it."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + END_S
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _isolate(environment: dict[str, str]) -> None:
    """A ROS domain of the demo's own on this machine, unless the user has chosen one: real cameras stay out of it."""
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    environment.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 101)))
    print(f"ROS_DOMAIN_ID={environment['ROS_DOMAIN_ID']} (set it elsewhere to look on, for example with rviz2)")


def _start(processes: Processes, recorder: Recorder, rig: tuple[RigCamera, ...], model: Path, seconds: float,
           source: str) -> None:
    """The cameras, which announce their topics when they are ready and wait for a subscriber; then the node."""
    print(f"preparing {len(rig)} cameras that see {source} ...")
    for number, camera in enumerate(rig):
        processes.start(camera.name, SIMULATOR, cameras=f"[/{camera.name}]", rates_hz=f"[{camera.rate_hz}]",
                        source=source, width=camera.width, height=camera.height, first_camera=number,
                        reliability="best_effort", street_frames=STREET_FRAMES, count=camera.frame_count(seconds),
                        wait_for_subscribers="true")
    _wait(processes, recorder, rig, lambda: all(recorder.count_publishers(f"/{c.name}/image_raw") for c in rig),
          "the cameras were not ready")
    print("starting the node ...")
    processes.start("node", NODE, cameras=f"[{', '.join(f'/{camera.name}' for camera in rig)}]", model=model)


def _record(processes: Processes, recorder: Recorder, rig: tuple[RigCamera, ...], seconds: float) -> None:
    """Until every camera has sent its last frame and the node has reported on it."""
    _wait(processes, recorder, rig, lambda: all(camera.frames for camera in recorder.cameras.values()),
          "no masks arrived")
    print(f"recording {seconds:.0f} s ...")
    _wait(processes, recorder, rig, lambda: all([processes.ended(camera.name) for camera in rig]),
          "the cameras did not end", seconds + PATIENCE_S)
    recorder.spin(2.5)  # frames under way, and a last /diagnostics, which comes every second
    if set(recorder.diagnostics) < {"segmentation", *recorder.cameras}:
        raise DemoFailed(f"/diagnostics has reported only on {', '.join(recorder.diagnostics) or 'nothing'}. "
                         f"The node said last: {processes.last_line('node')}")


def _wait(processes: Processes, recorder: Recorder, rig: tuple[RigCamera, ...], done: Callable[[], bool], what: str,
          longest_s: float = PATIENCE_S) -> None:
    """Receive until `done`. Raises DemoFailed if it takes too long, or what must run does not."""
    deadline = time.monotonic() + longest_s
    while not done():
        cameras_ended = all([processes.ended(camera.name) for camera in rig])
        if processes.started("node") and processes.ended("node"):
            raise DemoFailed(f"the node ended: {processes.last_line('node')}")
        if recorder.node_error:
            raise DemoFailed(f"the node says: {recorder.node_error}. {processes.last_line('node')}")
        if time.monotonic() > deadline or cameras_ended and not done():
            raise DemoFailed(f"{what}. {processes.last_words()}")
        recorder.spin(0.2)
