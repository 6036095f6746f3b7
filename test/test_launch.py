"""The launch files, the parameter file and the RViz view name nothing that does not exist.

launch_ros is in no package index, so where it is not installed the files run against the stand-ins below, which
record what would be started.
"""

import ast
import importlib.util
import re
import runpy
import sys
import types
import xml.etree.ElementTree as ElementTree
from collections import defaultdict, deque
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
RVIZ = ROOT / "config" / "instance_seg.rviz"
PARAMETERS = ROOT / "config" / "instance_seg.yaml"
REAL_LAUNCH = importlib.util.find_spec("launch_ros") is not None


class Recorded:
    """Stands for any action of launch; keeps what it was given."""

    def __init__(self, *args, **named):
        self.args, self.named = args, named

    def perform(self, context: dict[str, str]) -> str:
        return context[self.args[0]]


STAND_INS = {
    "launch": ("LaunchDescription",),
    "launch.actions": ("DeclareLaunchArgument", "ExecuteProcess", "IncludeLaunchDescription", "OpaqueFunction",
                       "TimerAction"),
    "launch.substitutions": ("LaunchConfiguration",),
    "launch.launch_description_sources": ("PythonLaunchDescriptionSource",),
    "launch_ros": (),
    "launch_ros.actions": ("Node",),
    "ament_index_python": (),
    "ament_index_python.packages": (),
}


@pytest.fixture
def launched(monkeypatch):
    """launched(file, **arguments): the recorded actions of a launch file, by the name of their class."""
    for module, names in STAND_INS.items():
        stand_in = types.ModuleType(module)
        for name in names:
            setattr(stand_in, name, type(name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, module, stand_in)
    shares = {"instance_seg_node": str(ROOT)}
    sys.modules["ament_index_python.packages"].get_package_share_directory = shares.__getitem__

    def launch(file: str, **arguments: str) -> dict[str, list[Recorded]]:
        recorded = recording(ROOT / "launch" / file, arguments)
        names = {action.args[0] for action in recorded["DeclareLaunchArgument"]}
        assert arguments.keys() <= names
        return recorded

    return launch


def recording(path: Path, configurations: dict[str, str]) -> dict[str, list[Recorded]]:
    """What a file declares, starts and includes. As in launch, an included file sees its parent's configurations."""
    recorded = defaultdict(list)
    actions = deque(runpy.run_path(str(path))["generate_launch_description"]().args[0])
    configurations = dict(configurations)
    while actions:
        action = actions.popleft()
        kind = type(action).__name__
        recorded[kind].append(action)
        if kind == "DeclareLaunchArgument" and "default_value" in action.named:
            configurations.setdefault(action.args[0], action.named["default_value"])
        elif kind == "OpaqueFunction":
            actions.extendleft(reversed(action.named["function"](configurations)))
        elif kind == "TimerAction":
            actions.extendleft(reversed(action.named["actions"]))
        elif kind == "IncludeLaunchDescription":
            configurations.update(action.named["launch_arguments"])
            for name, included in recording(Path(action.args[0].args[0]), configurations).items():
                recorded[name] += included
    return recorded


def published_topics() -> set[str]:
    """Every string in the source of the node, among them the names of its topics."""
    return {node.value for path in (ROOT / "instance_seg_node" / "ros").glob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def dependencies() -> set[str]:
    return {element.text for element in ElementTree.parse(ROOT / "package.xml").getroot().iter("exec_depend")}


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_launch_file_imports_only_what_ros_and_this_package_have(path):
    known = sys.stdlib_module_names | {"yaml", "launch", "launch_ros", "ament_index_python", "instance_seg_node"}
    modules = {alias.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import)
               for alias in node.names}
    modules |= {node.module for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} - known == set()


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_every_argument_is_described(launched, path):
    arguments = launched(path.name, **({"bag": "drive"} if "replay" in path.name else {}))["DeclareLaunchArgument"]
    assert len(arguments) >= 4
    assert all(len(argument.named["description"]) > 10 for argument in arguments)


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_example_at_the_top_names_existing_arguments(launched, path):
    example = re.search(r"^ros2 launch instance_seg_node (\S+) (.+)$", path.read_text(), re.M)
    arguments = {name: value.strip('"') for name, value in re.findall(r'(\w+):=("[^"]*"|\S+)', example[2])}
    assert example[1] == path.name
    node, *_ = launched(path.name, **arguments)["Node"]
    assert node.named["parameters"][1]["cameras"][0] == "/front"


def test_nothing_but_the_node_is_started_by_default(launched):
    node, = launched("segment.launch.py")["Node"]
    assert (node.named["package"], node.named["executable"]) == ("instance_seg_node", "instance_seg_node")
    file, overrides = node.named["parameters"]
    assert Path(file) == PARAMETERS
    assert overrides == {}


def test_every_started_executable_exists(launched):
    ours = set(re.findall(r'f"([\w-]+) = \{NAME\}', (ROOT / "setup.py").read_text()))
    for node in launched("segment.launch.py", rviz="true")["Node"]:
        package, executable = node.named["package"], node.named["executable"]
        assert executable in (ours if package == "instance_seg_node" else {"rviz2"})
        assert package in dependencies() | {"instance_seg_node"}
    assert {"launch", "launch_ros", "ros2launch", "rosbag2"} <= dependencies()


def test_arguments_become_parameters_of_the_right_type(launched):
    node, = launched("segment.launch.py", cameras="['/front', '/left']", model="street", device="cpu",
                     transport="compressed", use_sim_time="true", namespace="car")["Node"]
    assert node.named["parameters"][1] == {"cameras": ["/front", "/left"], "model": "street", "device": "cpu",
                                           "transport": "compressed", "use_sim_time": True}
    assert node.named["namespace"] == "car"


def test_rviz_shows_the_first_camera(launched):
    _, rviz = launched("segment.launch.py", cameras="['/front', '/left']", rviz="true")["Node"]
    assert Path(rviz.named["arguments"][1]) == RVIZ
    shown = {display["Topic"]["Value"] for display in view()["Displays"]}
    assert {old for old, _ in rviz.named["remappings"]} == shown
    assert {new for _, new in rviz.named["remappings"]} == {topic.replace("/camera/", "/front/") for topic in shown}


def test_replay_plays_the_bag_with_its_clock(launched):
    actions = launched("replay.launch.py", bag="drive", rate="0.5", delay="2")
    assert actions["TimerAction"][0].named["period"] == 2.0
    played, = actions["ExecuteProcess"]
    assert " ".join(played.named["cmd"]) == "ros2 bag play drive --clock 100 --rate 0.5"
    looped, = launched("replay.launch.py", bag="drive", loop="true")["ExecuteProcess"]
    assert looped.named["cmd"][-1] == "--loop"


@pytest.mark.parametrize(("distribution", "variable"), [
    ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE"), ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE")])
def test_replay_gives_fast_dds_our_profile_unless_the_user_has_one(launched, monkeypatch, distribution, variable):
    monkeypatch.setenv("ROS_DISTRO", distribution)
    monkeypatch.delenv(variable, raising=False)
    played, = launched("replay.launch.py", bag="drive")["ExecuteProcess"]
    (name, profile), = played.named["additional_env"].items()
    assert (name, Path(profile)) == (variable, ROOT / "config" / "fastdds_large_images.xml")
    assert Path(profile).is_file()
    monkeypatch.setenv(variable, "/mine.xml")
    played, = launched("replay.launch.py", bag="drive")["ExecuteProcess"]
    assert played.named["additional_env"] == {variable: "/mine.xml"}


def test_replay_starts_the_node_on_the_bags_time_with_the_arguments_of_segment(launched):
    node, = launched("replay.launch.py", bag="drive", cameras="['/front']", use_sim_time="false")["Node"]
    assert node.named["executable"] == "instance_seg_node"
    assert node.named["parameters"][1] == {"cameras": ["/front"], "use_sim_time": True}


def view() -> dict:
    return yaml.safe_load(RVIZ.read_text())["Visualization Manager"]


def test_rviz_subscribes_best_effort_to_topics_that_the_node_has():
    assert view()["Global Options"]["Fixed Frame"]
    displays = view()["Displays"]
    assert len(displays) == 2
    for display in displays:
        assert display["Class"] == "rviz_default_plugins/Image"
        assert display["Topic"]["Reliability Policy"] == "Best Effort"
        camera, topic = display["Topic"]["Value"].split("/instance_seg/")
        assert camera == "/camera"
        assert topic in published_topics()


def declared() -> dict[str, object]:
    """Name -> default of every parameter that the node declares for its user."""
    import rclpy
    from rclpy.node import Node

    from instance_seg_node.ros import parameters

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=86)
    node = Node("parameters", context=context, start_parameter_services=False, enable_rosout=False)
    try:
        ready_made = set(node.list_parameters([], 0).names)
        parameters.declare(node)
        names = set(node.list_parameters([], 0).names) - ready_made
        return {name: node.get_parameter(name).value for name in names}
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.ros
@pytest.mark.skipif(not importlib.util.find_spec("rclpy"), reason="rclpy is not importable")
def test_parameter_file_holds_every_parameter_with_its_default():
    assert yaml.safe_load(PARAMETERS.read_text()) == {"/**": {"ros__parameters": declared()}}


@pytest.mark.ros
@pytest.mark.skipif(not importlib.util.find_spec("rclpy"), reason="rclpy is not importable")
def test_launch_arguments_are_parameters_of_the_node(launched):
    node, = launched("segment.launch.py", cameras="['/front']", model="m", device="cpu", transport="raw")["Node"]
    assert node.named["parameters"][1].keys() <= declared().keys()


@pytest.mark.skipif(not REAL_LAUNCH, reason="launch_ros is not importable; it comes with a ROS 2 distribution only")
@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_real_launch_reads_the_file(path):
    from launch import LaunchContext
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    description = PythonLaunchDescriptionSource(str(path)).get_launch_description(LaunchContext())
    assert description.get_launch_arguments()
