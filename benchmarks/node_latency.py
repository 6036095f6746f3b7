"""How old is a mask when it reaches another process, and what made it so old? Over real topics, on this machine.

    python benchmarks/node_latency.py [--bag ../shared/data/bags/kitti_compressed_mcap] [--seconds 30]

Three processes in turn for each case: the camera simulator, the node, and this one, which subscribes to the id maps
alone. Age is this process's clock minus the stamp, which the simulator gives a frame when it sends it. What of it is
network and clustering is taken away frame by frame (see traced_node.py); the stages' percentiles are the node's own,
from /diagnostics. How much of an age is transport shows a node that computes nothing (echo_node.py).
Writes benchmarks/results/node_latency.json.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from instance_seg_node.bench.machine import write_results
from instance_seg_node.models import find_model
from instance_seg_node.ros.demo import SIMULATOR, Processes
from instance_seg_node.ros.demo_report import stages
from instance_seg_node.ros.transport import tune

TRACED_NODE, ECHO_NODE = "benchmarks.traced_node", "benchmarks.echo_node"
RESULTS = Path(__file__).parent / "results" / "node_latency.json"
WARM_UP_FRAMES = 10


class MaskListener(Node):
    """When the id maps of /camera arrived, in ns by their stamp in ns, and the last diagnostics."""

    def __init__(self):
        super().__init__("mask_listener")
        self.arrived_ns: dict[int, int] = {}
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.create_subscription(Image, "/camera/instance_seg/instances", self._mask, QoSProfile(depth=5))
        self.create_subscription(DiagnosticArray, "/diagnostics", self._report, QoSProfile(depth=5))

    def _mask(self, message: Image) -> None:
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        self.arrived_ns[stamp_ns] = self.get_clock().now().nanoseconds

    def _report(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.diagnostics[status.name] = {pair.key: pair.value for pair in status.values}


def measured(model: Path | None, seconds: float, rate_hz: float, **camera) -> dict:
    """Run one camera for so many seconds. Further arguments are parameters of the camera simulator.

    model: None for the node that computes nothing.
    """
    count = round(seconds * rate_hz)
    transport = camera.get("transport", "raw")
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.jsonl"
        os.environ["TRACE"] = str(trace)
        processes = Processes(Path(folder))
        listener = MaskListener()
        try:
            if model is None:
                processes.start("node", ECHO_NODE)
            else:
                processes.start("node", TRACED_NODE, cameras="[/camera]", model=model, transport=transport)
                until(listener, lambda: listener.diagnostics.get("instance_seg: segmentation", {}).get("engine"))
            processes.start("camera", SIMULATOR, rates_hz=f"[{rate_hz}]", count=count, wait_for_subscribers="true",
                            **camera)
            until(listener, lambda: processes.ended("camera"))
            for _ in range(30):
                rclpy.spin_once(listener, timeout_sec=0.1)
        finally:
            processes.end()
            listener.destroy_node()
        frames = [json.loads(line) for line in trace.read_text().splitlines()]
    settings = {key: Path(value).name if key == "source" else value for key, value in camera.items()}
    return summary(listener, frames, count) | {"rate_hz": rate_hz} | settings


def until(listener: MaskListener, done) -> None:
    while not done():
        rclpy.spin_once(listener, timeout_sec=0.1)


def summary(listener: MaskListener, frames: list[dict], sent: int) -> dict:
    """frames: the lines of traced_node.py."""
    parts = [parts_ms(frame, listener.arrived_ns[frame["stamp_ns"]]) for frame in frames
             if frame["stamp_ns"] in listener.arrived_ns][WARM_UP_FRAMES:]
    percentiles = {part: {f"p{share}": round(float(np.percentile([one[part] for one in parts], share)), 2)
                          for share in (50, 95, 99)} for part in parts[0]}
    report = {"sent": sent, "masks": len(listener.arrived_ns), "parts_ms": percentiles}
    if "instance_seg: /camera" not in listener.diagnostics:  # the node that computes nothing
        return report
    camera = listener.diagnostics["instance_seg: /camera"]
    return report | {"received": int(camera["received"]),
                     "dropped": {key: int(value) for key, value in camera.items() if key.startswith("dropped")},
                     "stages_ms": stages(listener.diagnostics["instance_seg: segmentation"])}


def parts_ms(frame: dict, arrived_ns: int) -> dict[str, float]:
    """Of one frame: its age here, the parts that add up to it, and what of it is neither network nor clustering."""
    age_ms = (arrived_ns - frame["stamp_ns"]) / 1e6
    return {"age": age_ms, "stamp to segmenter": (frame["started_ns"] - frame["stamp_ns"]) / 1e6,
            "resize": frame["resize"], "network": frame["network"], "cluster": frame["cluster"],
            "enlarge": frame["enlarge"], "segmenter to listener": (arrived_ns - frame["ended_ns"]) / 1e6,
            "age without network and cluster": age_ms - frame["network"] - frame["cluster"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="street")
    parser.add_argument("--bag", type=Path, help="play this bag's jpeg frames at 10 Hz as well")
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", "77")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # for traced_node, in a process of its own
    tune()
    rclpy.init()
    model = find_model(arguments.model)
    size = {"width": 2048, "height": 1024}
    cases = {"2048x1024 rgb8 at 5 Hz": measured(model, arguments.seconds, 5.0, **size),
             "2048x1024 rgb8 at 5 Hz, nothing computed": measured(None, arguments.seconds, 5.0, **size)}
    if arguments.bag:
        cases[f"{arguments.bag.name} at 10 Hz"] = measured(model, arguments.seconds, 10.0, source=str(arguments.bag),
                                                           transport="compressed")
    rclpy.try_shutdown()
    write_results(RESULTS, cases, "ros-rclpy", "onnxruntime", "numba", "numpy")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
