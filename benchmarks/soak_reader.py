"""A subscriber of all id maps and of /diagnostics, for soak.py. Reliable, so that what is missing is the node's doing.

    python -m benchmarks.soak_reader FOLDER CAMERAS

Makes FOLDER/ready when the node's topics are there. On SIGTERM it writes FOLDER/masks.npy, int64 (N, 3), of every id
map the camera, the stamp and the time of arrival (ns); and FOLDER/diagnostics.json, a list of
[time of arrival (ns), {status: {key: value}}].
"""

import json
import sys
import time
from array import array
from functools import partial
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from instance_seg_node.ros.spin import spin, stop_on_signals
from instance_seg_node.ros.transport import tune


class Reader(Node):
    """masks: camera, stamp, arrival; camera, stamp, arrival; ..."""

    def __init__(self, cameras: int):
        super().__init__("soak_reader")
        self.masks = array("q")
        self.diagnostics: list[tuple[int, dict[str, dict[str, str]]]] = []
        self.maps = [self.create_subscription(Image, f"/camera{i}/instance_seg/instances", partial(self._mask, i),
                                              QoSProfile(depth=50)) for i in range(cameras)]
        self.create_subscription(DiagnosticArray, "/diagnostics", self._report, QoSProfile(depth=50))

    def connected(self) -> bool:
        """Whether the node publishes all of it."""
        return all(self.count_publishers(subscription.topic_name) for subscription in self.maps)

    def write(self, folder: Path) -> None:
        np.save(folder / "masks.npy", np.frombuffer(self.masks, np.int64).reshape(-1, 3))
        (folder / "diagnostics.json").write_text(json.dumps(self.diagnostics))

    def _mask(self, camera: int, message: Image) -> None:
        now_ns, stamp = time.time_ns(), message.header.stamp
        self.masks.extend((camera, stamp.sec * 10**9 + stamp.nanosec, now_ns))

    def _report(self, message: DiagnosticArray) -> None:
        self.diagnostics.append((time.time_ns(), {status.name: {pair.key: pair.value for pair in status.values}
                                                  for status in message.status}))


def main(folder: Path, cameras: int) -> None:
    stopped = stop_on_signals()
    tune()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    reader = Reader(cameras)
    while not reader.connected() and not stopped.is_set():
        rclpy.spin_once(reader, timeout_sec=0.1)
    time.sleep(1.0)  # the publishers must have found us, too
    (folder / "ready").touch()
    spin(reader, stopped)
    reader.write(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
