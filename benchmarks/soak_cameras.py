"""Cameras that run free of one another, in one process: small pictures on /camera<i>/image_raw, for soak.py.

    python -m benchmarks.soak_cameras OUT.npy CAMERAS RATE_HZ SECONDS HEIGHT WIDTH

A camera sends its first frame when all are subscribed to. OUT.npy: int64 (N, 2), camera and stamp (ns) of every frame.
"""

import sys
import time
from array import array
from pathlib import Path

import numpy as np
import rclpy
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from instance_seg_node.ros.transport import tune

sys.path.append(str(Path(__file__).parents[1] / "test"))

from tiny_model import blobs  # noqa: E402


def main(out: str, cameras: int, rate_hz: float, seconds: float, height: int, width: int) -> None:
    tune()
    rclpy.init()
    node = rclpy.create_node("soak_cameras")
    publishers = [node.create_publisher(Image, f"/camera{i}/image_raw", qos_profile_sensor_data)
                  for i in range(cameras)]
    while not all(publisher.get_subscription_count() for publisher in publishers):
        time.sleep(0.05)
    time.sleep(1.0)  # the subscriber must have found us, too
    np.save(out, send(publishers, picture(height, width), rate_hz, seconds))


def send(publishers: list[Publisher], message: Image, rate_hz: float, seconds: float) -> np.ndarray:
    """Publish for so long, evenly: the cameras share a period. Where that is too fast, as fast as possible."""
    sent, started_s = array("q"), time.monotonic()
    while (due_s := len(sent) // 2 / (rate_hz * len(publishers))) < seconds:
        now_s = time.monotonic() - started_s
        if now_s > seconds:
            break
        time.sleep(max(0.0, due_s - now_s))
        camera, stamp_ns = len(sent) // 2 % len(publishers), time.time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        publishers[camera].publish(message)
        sent.extend((camera, stamp_ns))
    return np.frombuffer(sent, np.int64).reshape(-1, 2)


def picture(height: int, width: int) -> Image:
    """Three instances of the tiny model."""
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.data.frombytes(blobs(height=height, width=width).tobytes())
    return message


if __name__ == "__main__":
    main(sys.argv[1], *(kind(text) for kind, text in zip((int, float, float, int, int), sys.argv[2:])))
