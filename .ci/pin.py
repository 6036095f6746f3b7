"""Write the versions of this environment as pip constraints: `make pin`; `make pin DISTRO=jazzy` for its ROS 2 alone.

constraints.txt holds what all distributions share, constraints-<distribution>.txt the wheels of its ROS 2.
"""

import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet

OLDEST = "3.10"  # of pyproject.toml's requires-python; pip picks for itself what does not run there
OURS = ("pip", "setuptools", "wheel", "instance-seg-node", "instance_seg_node")
SHARED = "# What is known to work together, seen on Python 3.11. Written by `make pin`."
ROS = "# The wheels of ROS 2 {0}, beside constraints.txt. Written by `make pin DISTRO={0}`."


def constraint(dist) -> str:
    """One line of a constraints file. A local build such as 2.13.0+cpu stands for its public version."""
    line = f"{dist.name}=={dist.version.split('+')[0]}"
    needs = dist.metadata.get("Requires-Python")
    if needs and OLDEST not in SpecifierSet(needs):
        newest = max(s.version.rstrip(".*") for s in SpecifierSet(needs) if s.operator in (">=", ">"))
        line += f'; python_version >= "{newest}"'
    return line


def write(path: str, heading: str, names: list[str]) -> None:
    Path(path).write_text("\n".join([heading, *(constraint(found[name]) for name in names)]) + "\n")


# Only what pip installed: the ROS wheels and CMake leave metadata of their own, which no index knows.
found = {d.name.lower(): d for d in distributions() if (d.read_text("INSTALLER") or "").strip() == "pip"}
names = sorted(found.keys() - set(OURS))
distribution = sys.argv[1]
write(f"constraints-{distribution}.txt", ROS.format(distribution), [n for n in names if n.startswith("ros-")])
if distribution == "kilted":  # the default, whose environment has everything
    write("constraints.txt", SHARED, [n for n in names if not n.startswith("ros-")])
