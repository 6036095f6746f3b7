"""Does the node hold for hours what it holds for a minute? Cameras on real topics, at half and twice what it can do.

    python benchmarks/soak.py [--minutes 10] [--cameras 8] [--quick]

First it raises the cameras' rate until masks fall behind: the most id maps per second are the machine's capacity, with
cameras, node and reader sharing it. Then three runs: at half of capacity (30 Hz a camera at most) for ten minutes, or
until 100 000 frames are sent if that takes longer; at twice capacity; and at half with a reliable subscriber that stops
reading. The last two take three tenths of the first. Pictures and model are small, so that frames are many.

Prints what must hold, as passed or failed, and exits with 1 if anything failed. Writes benchmarks/results/soak.json and
from it the figures of docs/soak.md and its plots. --quick takes three minutes and writes nothing.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "test")]

from tiny_model import write_tiny_model  # noqa: E402

from benchmarks.soak_checks import Check, age, checks, goes_on  # noqa: E402
from benchmarks.soak_figures import figures, rates, rounded  # noqa: E402
from benchmarks.soak_page import write_page  # noqa: E402
from benchmarks.soak_run import Load, record  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.ros.transport import tune  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "soak.json"
DOCS = Path(__file__).parents[1] / "docs"
FRAMES = 100_000
HEIGHT, WIDTH = 64, 128
FIRST_HZ, FASTER = 20.0, 1.3
KEPT_UP = 0.8
HIGHEST_HZ = 30.0
WARM_UP_S = 120.0


def ramp(model: Path, cameras: int, seconds: float) -> list[dict]:
    """Rates (Hz), frames sent and id maps per second, from FIRST_HZ on until id maps fall behind."""
    steps, rate_hz = [], FIRST_HZ
    while not steps or steps[-1]["masks_per_s"] > KEPT_UP * steps[-1]["sent_per_s"]:
        run = rates(record(Load(cameras, rate_hz, seconds, HEIGHT, WIDTH), model))
        print(f"{cameras} x {rate_hz:.1f} Hz: {run['sent_per_s']:.0f} frames, {run['masks_per_s']:.0f} id maps / s")
        steps.append({"rate_hz": rate_hz} | run)
        rate_hz *= FASTER
    return steps


def soak(model: Path, cameras: int, seconds: float, frames: int, ramp_s: float) -> dict:
    """All runs and their checks, for JSON. seconds: of the longest, unless it needs more for so many frames."""
    steps = ramp(model, cameras, ramp_s)
    capacity = max(step["masks_per_s"] for step in steps)
    half_hz = min(HIGHEST_HZ, capacity / 2 / cameras)
    half = Load(cameras, half_hz, max(seconds, frames / (half_hz * cameras)), HEIGHT, WIDTH)
    short = replace(half, seconds=0.3 * seconds)
    runs, found = {}, {}
    for name, load in {"half": half, "twice": replace(short, rate_hz=2 * capacity / cameras),
                       "stalled": replace(short, stalled=True)}.items():
        runs[name] = figures(record(load, model), min(WARM_UP_S, load.seconds / 3))
        found[name] = checks(runs[name])
        found[name] += {"half": [age(runs[name])], "twice": [], "stalled": [goes_on(runs[name], runs["half"])]}[name]
        show(name, runs[name], found[name])
    return {"capacity_per_s": round(capacity, 1), "ramp": rounded(steps), "runs": runs,
            "checks": {name: [vars(check) for check in some] for name, some in found.items()}}


def show(name: str, run: dict, found: list[Check]) -> None:
    print(f"\n{name}: {run['cameras']} x {run['rate_hz']:.1f} Hz for {run['seconds']:.0f} s")
    for check in found:
        print(f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.text}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="of the run at half of capacity, however few frames")
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="half a minute, and write nothing")
    parser.add_argument("--page", action="store_true", help="only write docs/ again from the results that are there")
    arguments = parser.parse_args()
    if arguments.page:
        write_page(DOCS, RESULTS)
        return 0
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", "101")
    tune()  # for the processes that are started
    with tempfile.TemporaryDirectory() as folder:
        write_tiny_model(Path(folder), height=HEIGHT, width=WIDTH)
        seconds = 60 * (arguments.minutes or (0.5 if arguments.quick else 10))
        frames = 0 if arguments.minutes or arguments.quick else FRAMES
        results = soak(Path(folder), arguments.cameras, seconds, frames, ramp_s=3.0 if arguments.quick else 8.0)
    if not arguments.quick:
        write_results(RESULTS, results, "ros-rclpy", "ros-rmw-fastrtps-cpp", "onnxruntime", "numba", "numpy")
        write_page(DOCS, RESULTS)
    return 0 if all(check["passed"] for some in results["checks"].values() for check in some) else 1


if __name__ == "__main__":
    sys.exit(main())
