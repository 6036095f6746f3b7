"""The package as colcon's ament_python and pip both build it. Everything else that pip wants is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "instance_seg_node"
HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / NAME / "__init__.py").read_text())[1]


def shared_files() -> list[tuple[str, list[str]]]:
    """What goes to share/: the package's marker and manifest, and launch, settings, models and messages."""
    files = [("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
             (f"share/{NAME}", ["package.xml"])]
    for top in ("launch", "config", "models", "interfaces/vision_msgs/msg"):
        for folder in sorted({path.parent for path in (HERE / top).rglob("*") if path.is_file()}):
            inside = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".pyc")
            if inside:
                relative = folder.relative_to(HERE)
                files.append((f"share/{NAME}/{relative}", [str(path.relative_to(HERE)) for path in inside]))
    return files


setup(
    name=NAME,
    version=VERSION,
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["gpu/kernels/*.cu", "gpu/kernels/*.cuh"]},
    data_files=shared_files(),
    license="Apache-2.0",
    python_requires=">=3.10",
    zip_safe=False,
    entry_points={"console_scripts": [
        f"instance-seg = {NAME}.cli:main",
        f"instance_seg_node = {NAME}.ros.node:main",
        f"camera_simulator = {NAME}.ros.camera_simulator:main",
    ]},
)
