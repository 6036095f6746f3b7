"""Segment cameras that are already running.

ros2 launch instance_seg_node segment.launch.py cameras:="['/front', '/left']" rviz:=true
"""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

CONFIG = Path(get_package_share_directory("instance_seg_node")) / "config"

PARAMETERS = {
    "cameras": "namespaces of the cameras, as a YAML list such as \"['/front', '/left']\"",
    "model": "a shipped model's name, or a model folder",
    "device": "auto, cpu or cuda",
    "precision": "of the network: fp32, and on a GPU fp16 or int8",
    "transport": "raw (image_raw) or compressed (image_raw/compressed)",
    "use_sim_time": "true: time comes from /clock, as with a bag",
}
OTHERS = {
    "params_file": (str(CONFIG / "instance_seg.yaml"), "node parameters; the arguments above count more than it"),
    "namespace": ("", "namespace of the node, and of cameras whose name does not begin with /"),
    "rviz": ("false", "true: also show the first camera in RViz"),
}


def actions(context) -> list[Node]:
    """The node and, if wanted, RViz. A parameter whose argument was left empty is as params_file says."""
    def value(name):
        return LaunchConfiguration(name).perform(context)

    overrides = {name: yaml.safe_load(value(name)) for name in PARAMETERS if value(name)}
    started = [Node(package="instance_seg_node", executable="instance_seg_node", name="instance_seg",
                    namespace=value("namespace"), parameters=[value("params_file"), overrides],
                    output="screen", emulate_tty=True)]
    if yaml.safe_load(value("rviz")):
        camera = overrides.get("cameras", ["/camera"])[0]
        started.append(Node(package="rviz2", executable="rviz2", name="rviz", namespace=value("namespace"),
                            arguments=["-d", str(CONFIG / "instance_seg.rviz")],
                            parameters=[{"use_sim_time": overrides.get("use_sim_time", False)}],
                            remappings=[(f"/camera/instance_seg/{topic}", f"{camera}/instance_seg/{topic}")
                                        for topic in ("overlay", "instances")]))
    return started


def generate_launch_description() -> LaunchDescription:
    arguments = [DeclareLaunchArgument(name, default_value="", description=f"{text} (empty: as in params_file)")
                 for name, text in PARAMETERS.items()]
    arguments += [DeclareLaunchArgument(name, default_value=default, description=text)
                  for name, (default, text) in OTHERS.items()]
    return LaunchDescription([*arguments, OpaqueFunction(function=actions)])
