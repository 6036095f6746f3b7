"""Print the versions of this environment as pip constraints: `make pin`."""

from importlib.metadata import distributions

from packaging.specifiers import SpecifierSet

OLDEST = "3.10"  # of pyproject.toml's requires-python; pip picks for itself what does not run there


def constraint(dist) -> str:
    """One line of a constraints file. A local build such as 2.13.0+cpu stands for its public version."""
    line = f"{dist.name}=={dist.version.split('+')[0]}"
    needs = dist.metadata["Requires-Python"]
    if needs and OLDEST not in SpecifierSet(needs):
        newest = max(s.version.rstrip(".*") for s in SpecifierSet(needs) if s.operator in (">=", ">"))
        line += f'; python_version >= "{newest}"'
    return line


# Only what pip installed: the ROS wheels and CMake leave metadata of their own, which no index knows.
found = {d.name.lower(): d for d in distributions() if (d.read_text("INSTALLER") or "").strip() == "pip"}
for name in ("pip", "setuptools", "wheel", "instance-seg-node", "instance_seg_node"):
    found.pop(name, None)
print("# What is known to work together, seen on Python 3.11. Written by `make pin`.")
print("\n".join(constraint(found[name]) for name in sorted(found)))
