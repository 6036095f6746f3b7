"""How soon faults are seen in /diagnostics: of the real node, over real ROS 2.

    python benchmarks/fault_times.py [--times 5]

Kills the segmenting thread, hangs the network and unplugs a camera, each so many times, and takes the time until
diagnostics say so with the right level. Writes benchmarks/results/fault_times.json and the last section of
docs/faults.md; exits with 1 if one took more than 2 s.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "test"), str(HERE.parent / "test" / "ros")]

from faulty_node import ENDS_ITS_THREAD, HANGS  # noqa: E402
from node_fixtures import Desk, desk_in, image, new_domain, node_in, scene  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

from instance_seg_node.bench.machine import write_results  # noqa: E402

SIZE, HZ, LIMIT_S = (64, 128), 30.0, 2.0
PAGE, HEADING = HERE.parent / "docs" / "faults.md", "## How soon faults are seen"


class Stream:
    """A camera of 30 Hz, and the moments of what diagnostics say."""

    def __init__(self, desk: Desk):
        self.desk, self.camera = desk, desk.publisher("/camera/image_raw")

    def send(self, grey: int | None = None) -> None:
        rgb = scene(1, *SIZE) if grey is None else np.full((*SIZE, 3), grey, np.uint8)
        self.camera.publish(image(rgb, self.desk.node.get_clock().now().nanoseconds))

    def until(self, true: Callable[[], bool], *, sending: bool) -> float:
        """Seconds until `true()`, with good frames meanwhile if `sending`."""
        begin = time.monotonic()
        while not true():
            assert time.monotonic() < begin + 60, self.desk.states()
            if sending:
                self.send()
            self.desk.spend(1 / HZ)
        return time.monotonic() - begin

    def says(self, task: str, state: str, level: int) -> Callable[[], bool]:
        return lambda: (self.desk.value(task, "state") == state
                        and self.desk.status(task).level[0] == level)

    def well(self) -> None:
        """Good frames until all is well, and a little longer."""
        self.until(lambda: self.says("segmentation", "active", 0)() and self.says("/camera", "ok", 0)(), sending=True)
        end = time.monotonic() + 0.5
        self.until(lambda: time.monotonic() > end, sending=True)


def killed_thread(stream: Stream) -> float:
    stream.send(ENDS_ITS_THREAD)
    return stream.until(stream.says("segmentation", "worker dead", 2), sending=True)


def hanging_network(stream: Stream) -> float:
    hanging = Path(os.environ["HANGING"])
    hanging.touch()
    stream.send(HANGS)
    seconds = stream.until(stream.says("segmentation", "stuck", 2), sending=True)
    hanging.unlink()
    return seconds


def unplugged_camera(stream: Stream) -> float:
    return stream.until(stream.says("/camera", "stale", 2), sending=False)


FAULTS = {"the segmenting thread is killed": killed_thread, "the network hangs": hanging_network,
          "a camera is unplugged": unplugged_camera}


def measured(times: int) -> dict[str, list[float]]:
    """Seconds of each fault until it is seen."""
    with tempfile.TemporaryDirectory() as name:
        folder, domain = Path(name), new_domain()
        os.environ["HANGING"] = str(folder / "hanging")
        write_tiny_model(folder / "tiny")
        with desk_in(domain) as desk, node_in(domain, folder / "log", {"model": folder / "tiny"}, "faulty_node",
                                              tracebacks=times):
            desk.until_active()
            stream, seconds = Stream(desk), {fault: [] for fault in FAULTS}
            for _ in range(times):
                for fault, bring_about in FAULTS.items():
                    stream.well()
                    seconds[fault].append(bring_about(stream))
            stream.well()
    return seconds


def section(seconds: dict[str, list[float]]) -> str:
    rows = [f"| {fault} | {np.median(taken):.2f} s | {max(taken):.2f} s |" for fault, taken in seconds.items()]
    times = len(next(iter(seconds.values())))
    return "\n".join([HEADING, "", f"From the fault to the message in which it is said, {times} times each, at {HZ:g} "
                      "frames a second (`benchmarks/fault_times.py`, `benchmarks/results/fault_times.json`):", "",
                      "| fault | median | longest |", "|---|---|---|", *rows, ""])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args(arguments)
    seconds = measured(options.times)
    print(section(seconds))
    write_results(HERE / "results" / "fault_times.json", {"hz": HZ, "seconds": seconds}, "ros-rclpy", "numpy")
    PAGE.write_text(PAGE.read_text().split(HEADING)[0] + section(seconds))
    return int(max(map(max, seconds.values())) > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
