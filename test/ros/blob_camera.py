"""A camera in a process of its own: scenes of the tiny model, stamped with the time, numbered in frame_id.

python blob_camera.py TOPIC HEIGHT WIDTH RATE_HZ {best_effort,reliable} {tuned,untuned} [FRAMES]
"""

import sys
import time

import rclpy
from node_fixtures import BEST_EFFORT, RELIABLE, image, scene
from sensor_msgs.msg import Image

from instance_seg_node.ros.transport import tune


def main(topic: str, height: str, width: str, rate_hz: str, reliability: str, tuning: str, frames: str = "0") -> None:
    if tuning == "tuned":
        tune()
    rclpy.init()
    node = rclpy.create_node("blob_camera")
    publisher = node.create_publisher(Image, topic, {"best_effort": BEST_EFFORT, "reliable": RELIABLE}[reliability])
    while rclpy.ok() and not publisher.get_subscription_count():
        time.sleep(0.05)
    time.sleep(0.5)  # the subscriber must have found us, too
    scenes = [image(scene(n, int(height), int(width)), 0) for n in range(3)]
    started_s, number = time.monotonic(), 0
    while rclpy.ok() and (number < int(frames) or not int(frames)):
        message = scenes[number % 3]
        message.header.stamp = node.get_clock().now().to_msg()
        message.header.frame_id = str(number)
        publisher.publish(message)
        number += 1
        time.sleep(max(0.0, started_s + number / float(rate_hz) - time.monotonic()))
    while rclpy.ok():  # a reliable frame is resent only while its publisher lives
        time.sleep(0.1)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
