"""A node that does nothing: for every image of /camera it publishes an id map of that size, with the image's header.

Started by node_latency.py: what is left of an age when nothing is computed is the transport, there and back.
"""

import contextlib
import json
import os
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from instance_seg_node.ros.camera import output_qos
from instance_seg_node.ros.messages import KeptImage
from instance_seg_node.ros.transport import tune
from instance_seg_node.segmenter import STAGES


def main() -> None:
    tune()
    rclpy.init()
    node = rclpy.create_node("echo")
    publisher = node.create_publisher(Image, "/camera/instance_seg/instances", output_qos("instances"))
    ids = KeptImage("mono16", "uint16")
    with open(os.environ["TRACE"], "w") as trace:
        def echo(message: Image) -> None:
            started_ns = time.time_ns()
            ids.pixels(message.header, message.height, message.width)
            stamp = message.header.stamp
            note = {"stamp_ns": stamp.sec * 10**9 + stamp.nanosec, "started_ns": started_ns, "ended_ns": time.time_ns()}
            trace.write(json.dumps(note | dict.fromkeys(STAGES, 0.0)) + "\n")
            publisher.publish(ids.message)

        node.create_subscription(Image, "/camera/image_raw", echo, qos_profile_sensor_data)
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):  # node_latency.py ends it by a signal
            rclpy.spin(node)


if __name__ == "__main__":
    main()
