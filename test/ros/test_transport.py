"""When our settings for large images apply, and when the user's stand."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from instance_seg_node.ros import distribution
from instance_seg_node.ros.distribution import profile_variable
from instance_seg_node.ros.transport import reason_to_keep_fast_dds, tune
from instance_seg_node.share import fastdds_profile

OURS = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_BUILTIN_TRANSPORTS",
        "RMW_IMPLEMENTATION", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES",
        "ROS_DISTRO")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """A working folder and an environment without settings; what a test adds is gone after it."""
    monkeypatch.chdir(tmp_path)
    for name in OURS:
        monkeypatch.setenv(name, "")  # so that monkeypatch restores what tune() sets
        monkeypatch.delenv(name)


@pytest.mark.parametrize("environment", [{}, {"RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"},
                                         {"RMW_IMPLEMENTATION": "rmw_fastrtps_dynamic_cpp"},
                                         {"FASTDDS_BUILTIN_TRANSPORTS": ""}])
def test_our_profile_applies_where_nothing_else_is_said(environment, tmp_path):
    assert reason_to_keep_fast_dds(environment, tmp_path) == ""


@pytest.mark.parametrize(("name", "value"), [
    ("FASTDDS_DEFAULT_PROFILES_FILE", "/etc/mine.xml"),
    ("FASTRTPS_DEFAULT_PROFILES_FILE", "/etc/mine.xml"),
    ("FASTDDS_BUILTIN_TRANSPORTS", "LARGE_DATA"),
])
def test_a_fast_dds_setting_of_the_users_stands(name, value, tmp_path):
    assert reason_to_keep_fast_dds({name: value}, tmp_path) == f"{name}={value}"


@pytest.mark.parametrize("middleware", ["rmw_cyclonedds_cpp", "rmw_zenoh_cpp", "rmw_connextdds"])
def test_other_middleware_is_left_alone(middleware, tmp_path):
    assert reason_to_keep_fast_dds({"RMW_IMPLEMENTATION": middleware}, tmp_path) == f"the middleware is {middleware}"


@pytest.mark.parametrize("name", ["DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml"])
def test_a_profile_in_the_working_folder_stands(name, tmp_path):
    (tmp_path / name).write_text("<dds/>")
    assert reason_to_keep_fast_dds({}, tmp_path) == f"{tmp_path / name} is there"


def test_tune_sets_our_profile_and_says_so():
    said = tune()
    assert os.environ[profile_variable({})] == str(fastdds_profile())
    assert f"Fast DDS profile for large images: {fastdds_profile()}" in said


@pytest.mark.parametrize(("distribution", "variable", "other"), [
    ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"),
    ("lyrical", "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"),
])
def test_the_profile_has_the_name_that_the_distributions_fast_dds_reads(monkeypatch, distribution, variable, other):
    monkeypatch.setenv("ROS_DISTRO", distribution)
    tune()
    assert os.environ[variable] == str(fastdds_profile())
    assert other not in os.environ


@pytest.mark.parametrize(("wheel", "known"), [("7.1.6", "jazzy"), ("9.1.2", "kilted"), ("99.0", "")])
def test_where_nothing_is_sourced_the_wheel_of_rclpy_tells_the_distribution(monkeypatch, wheel, known):
    monkeypatch.setattr(distribution, "version", {"ros-rclpy": wheel}.__getitem__)
    assert distribution.name({}) == known
    assert distribution.name({"ROS_DISTRO": "humble"}) == "humble"


def test_without_wheels_and_without_a_sourced_distribution_none_is_known(monkeypatch):
    def missing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(distribution, "version", missing)
    assert distribution.name({}) == ""


def test_tune_keeps_the_users_profile_and_says_so(monkeypatch):
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "/etc/mine.xml")
    assert "Fast DDS left as it is: FASTDDS_DEFAULT_PROFILES_FILE=/etc/mine.xml" in tune()
    assert os.environ["FASTDDS_DEFAULT_PROFILES_FILE"] == "/etc/mine.xml"


def test_tune_keeps_the_users_malloc_settings_and_says_so(monkeypatch):
    monkeypatch.setenv("MALLOC_TOP_PAD_", "65536")
    assert "malloc left as it is: MALLOC_TOP_PAD_=65536" in tune()


FAULTS = """
import resource
import numpy as np
from instance_seg_node.ros import transport
{tuned}
np.ones(6_000_000, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(6_000_000, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_image_buffers_stay_in_the_process():
    """Without it each 6 MB array costs its 1465 pages anew."""
    root = str(fastdds_profile().parents[1])

    def faults(tuned):
        environment = {**os.environ, "PYTHONPATH": root, "MALLOC_TRIM_THRESHOLD_": "", "PYTHONMALLOC": "malloc"}
        return int(subprocess.run([sys.executable, "-c", FAULTS.format(tuned=tuned)], env=environment, check=True,
                                  capture_output=True, text=True).stdout)

    assert faults("transport.tune()") < faults("") / 5
