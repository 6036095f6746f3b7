"""The versions that are known to work together: constraints of each distribution, hashes of what the node needs."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from instance_seg_node.ros.distribution import WHEELS

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = sorted(WHEELS.values())


def pinned(path: str) -> dict[str, list[Requirement]]:
    """Name -> its lines: one, or one for each range of Python versions."""
    lines = (ROOT / path).read_text().replace("\\\n", "").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            requirement = Requirement(line.split("--hash")[0])
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def version(requirement: Requirement) -> str:
    specifier, = requirement.specifier
    assert specifier.operator == "==", requirement
    return specifier.version


def required(*extras: str) -> set[str]:
    """What pyproject.toml asks for, by name."""
    text = (ROOT / "pyproject.toml").read_text()
    lists = [re.search(rf"^{name} = \[\n(.*?)^\]", text, re.M | re.S)[1] for name in ("dependencies", *extras)]
    return {canonicalize_name(Requirement(text).name) for text in re.findall(r'^ *"(.+?)"', "".join(lists), re.M)}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_distributions_constraints_hold_its_wheels_of_ros_and_nothing_else(distribution):
    wheels, shared = pinned(f"constraints-{distribution}.txt"), pinned("constraints.txt")
    assert all(name.startswith("ros-") for name in wheels)
    assert not any(name.startswith("ros-") for name in shared)
    assert WHEELS[version(wheels["ros-rclpy"][0]).split(".")[0]] == distribution
    assert required("ros") - wheels.keys() - shared.keys() == set()


def test_every_line_of_the_lock_has_a_hash():
    requirements = re.split(r"\n(?=[\w-]+==)", (ROOT / "requirements.lock").read_text())[1:]
    assert len(requirements) > 100
    assert [text for text in requirements if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", text)] == []


def test_the_lock_holds_all_that_the_node_needs_in_the_versions_of_the_constraints():
    locked = pinned("requirements.lock")
    known = pinned("constraints.txt") | pinned("constraints-kilted.txt")
    assert required("ros") - locked.keys() == set()
    for name in locked.keys() & known.keys():
        assert version(known[name][0]) in {version(requirement) for requirement in locked[name]}, name


def make(*arguments: str) -> subprocess.CompletedProcess:
    """make without what a make that runs this test has been told."""
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "DISTRO")}
    return subprocess.run(["make", *arguments, "AMENT_PREFIX_PATH="], cwd=ROOT, capture_output=True, text=True,
                          check=False, env=environment)


def test_each_distribution_is_tested_in_an_environment_of_its_own():
    done = make("-n", "-W", "pyproject.toml", "test", "DISTRO=jazzy")
    assert done.returncode == 0, done.stderr
    assert "-c constraints.txt -c constraints-jazzy.txt -e '.[ros,train,evaluate,dev]'" in done.stdout
    assert ".venv-jazzy/bin/python -m pytest" in done.stdout
    assert ".venv/" not in done.stdout


def test_what_the_node_needs_is_installed_by_hash_before_anything_else():
    done = make("-n", "-W", "requirements.lock", "test")
    installed = [line.partition(" install ")[2] for line in done.stdout.splitlines() if " pip install " in line]
    assert installed[0].endswith("--require-hashes -r requirements.lock")


def test_make_names_the_distributions_that_it_has_wheels_of():
    done = make("test", "DISTRO=lyrical")
    assert done.returncode != 0
    assert "No wheels of ROS 2 lyrical are known. Type DISTRO=kilted or DISTRO=jazzy" in done.stderr
