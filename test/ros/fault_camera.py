"""A camera in a process of its own, 20 frames a second, until it is ended.

python fault_camera.py TOPIC HEIGHT WIDTH
"""

import sys
import time

import rclpy
from node_fixtures import BEST_EFFORT, image, scene
from sensor_msgs.msg import Image

from instance_seg_node.ros.transport import tune

if __name__ == "__main__":
    topic, height, width = sys.argv[1:]
    tune()
    rclpy.init()
    camera = rclpy.create_node("camera")
    publisher = camera.create_publisher(Image, topic, BEST_EFFORT)
    frame = image(scene(2, int(height), int(width)), 0)
    while rclpy.ok():
        frame.header.stamp = camera.get_clock().now().to_msg()
        publisher.publish(frame)
        time.sleep(0.05)
