"""Segment the cameras of a recorded bag as if they were live.

ros2 launch instance_seg_node replay.launch.py bag:=drive cameras:="['/front']" rviz:=true
"""

import os
from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    TimerAction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from instance_seg_node.ros.distribution import profile_variable

SHARE = Path(get_package_share_directory("instance_seg_node"))


def play(context) -> list[TimerAction]:
    """`ros2 bag play`, which publishes the images and the clock, once the node is ready."""
    def value(name):
        return LaunchConfiguration(name).perform(context)

    command = ["ros2", "bag", "play", value("bag"), "--clock", "100", "--rate", value("rate")]
    if yaml.safe_load(value("loop")):
        command.append("--loop")
    # Fast DDS loses large best-effort images unless their publisher has more shared memory.
    variable = profile_variable(os.environ)
    profile = os.environ.get(variable, str(SHARE / "config" / "fastdds_large_images.xml"))
    process = ExecuteProcess(cmd=command, output="screen", additional_env={variable: profile})
    return [TimerAction(period=float(value("delay")), actions=[process])]


def generate_launch_description() -> LaunchDescription:
    # Its other arguments are this file's too: cameras, model, rviz, ...
    segment = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "segment.launch.py")),
        launch_arguments={"use_sim_time": "true"}.items())
    return LaunchDescription([
        DeclareLaunchArgument("bag", description="the bag: a folder with metadata.yaml, or one .mcap or .db3 file"),
        DeclareLaunchArgument("rate", default_value="1.0", description="speed, 1.0 is as recorded"),
        DeclareLaunchArgument("loop", default_value="false", description="true: start again at the end"),
        DeclareLaunchArgument("delay", default_value="5.0", description="seconds for the node to load its model"),
        segment,
        OpaqueFunction(function=play),
    ])
