"""A subscriber in a process of its own that hears everything: a line for each message, its stamp in ns.

python fault_reader.py TOPIC
"""

import sys

import rclpy
from node_fixtures import RELIABLE, stamp_ns
from sensor_msgs.msg import Image

if __name__ == "__main__":
    rclpy.init()
    reader = rclpy.create_node("reader")
    reader.create_subscription(Image, sys.argv[1], lambda message: print(stamp_ns(message)), RELIABLE)
    try:
        rclpy.spin(reader)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass
