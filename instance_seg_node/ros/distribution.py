"""What is not the same in every ROS 2 distribution, and nowhere else: docs/distributions.md."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

WHEELS = {"7": "jazzy", "9": "kilted"}
"""Major version of the wheel ros-rclpy -> its distribution. Wheels set no ROS_DISTRO."""
PROFILE, OLD_PROFILE = "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"
FAST_DDS_2 = ("humble", "iron", "jazzy")
"""Those whose Fast DDS knows the old name alone; Fast DDS 3 warns of it."""


def name(environment: Mapping[str, str]) -> str:
    """The distribution that is sourced, else that of the wheels; empty where neither is known."""
    if environment.get("ROS_DISTRO"):
        return environment["ROS_DISTRO"]
    try:
        return WHEELS.get(version("ros-rclpy").split(".")[0], "")
    except PackageNotFoundError:
        return ""


def profile_variable(environment: Mapping[str, str]) -> str:
    """The variable that names Fast DDS's profile."""
    return OLD_PROFILE if name(environment) in FAST_DDS_2 else PROFILE


def executor():
    """An executor for one thread, to be used by `spin_once` alone.

    Events cost a third of what a wait set does, and come sooner. Never EventsExecutor.spin(): in rclpy 9.1 it hangs.
    """
    try:
        from rclpy.experimental.events_executor import EventsExecutor as Executor
    except ImportError:  # before rclpy 7.1.4 of Jazzy
        from rclpy.executors import SingleThreadedExecutor as Executor
    return Executor()
