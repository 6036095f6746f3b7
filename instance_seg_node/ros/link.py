"""What the middleware knows of a camera's topic."""

import os

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, ReliabilityPolicy, qos_check_compatible, qos_policy_name_from_kind
from rclpy.subscription import Subscription

from ..share import fastdds_profile
from .camera_state import Link
from .distribution import profile_variable


def link_of(node: Node, subscription: Subscription, incompatible: str) -> Link:
    """incompatible: the QoS policy for which the last publisher was refused, if one was."""
    publishers = node.get_publishers_info_by_topic(subscription.topic_name)
    best_effort = any(p.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT for p in publishers)
    refused = any(qos_check_compatible(p.qos_profile, subscription.qos_profile)[0] == QoSCompatibility.ERROR
                  for p in publishers)
    return Link(subscription.topic_name, len(publishers), best_effort, incompatible if refused else "", loss_hint())


def incompatible_policy(event) -> str:
    """Name of the policy in an incompatible-QoS event, such as RELIABILITY."""
    return qos_policy_name_from_kind(event.last_policy_kind)


def loss_hint() -> str:
    """What to do if large best-effort images do not arrive."""
    middleware = rclpy.get_rmw_implementation_identifier()
    if "fastrtps" in middleware:
        return ("Fast DDS loses best-effort images above 512 KB unless their publisher has more shared memory: start "
                f"the camera driver with {profile_variable(os.environ)}={fastdds_profile()}")
    return (f"{middleware} loses best-effort images that do not fit the kernel's socket buffers: raise "
            "net.core.rmem_max, as `DDS tuning` of the ROS 2 documentation says")
