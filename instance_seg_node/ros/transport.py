"""What must be set before `rclpy.init` for camera images to travel fast, or at all.

Measured with 6 MB images between two processes: Fast DDS loses all best-effort images above its 512 KB of shared
memory, and our profile (32 MB) none.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from ..memory import keep_freed_memory
from ..share import fastdds_profile
from .distribution import OLD_PROFILE, PROFILE, profile_variable

FAST_DDS_VARIABLES = (PROFILE, OLD_PROFILE, "FASTDDS_BUILTIN_TRANSPORTS")
FAST_DDS_FILES = ("DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml")
"""Fast DDS reads one of these files of the working folder by itself, version 2 the second."""


def tune() -> list[str]:
    """Prepare this process for large images; call it before `rclpy.init`. Settings of the user's own are kept.

    Returns a sentence on each thing done or left, for the log. Raises InputError if the profile is not installed.
    """
    return [keep_freed_memory(), _tune_fast_dds(os.environ, Path.cwd())]


def _tune_fast_dds(environment: dict[str, str], working_folder: Path) -> str:
    kept = reason_to_keep_fast_dds(environment, working_folder)
    if kept:
        return f"Fast DDS left as it is: {kept}"
    profile = fastdds_profile()
    environment[profile_variable(environment)] = str(profile)
    return f"Fast DDS profile for large images: {profile}"


def reason_to_keep_fast_dds(environment: Mapping[str, str], working_folder: Path) -> str:
    """Why our profile must not be set; empty if it must."""
    middleware = environment.get("RMW_IMPLEMENTATION", "")
    if middleware and "fastrtps" not in middleware:
        return f"the middleware is {middleware}"
    for name in FAST_DDS_VARIABLES:
        if environment.get(name):
            return f"{name}={environment[name]}"
    for name in FAST_DDS_FILES:
        if (working_folder / name).is_file():
            return f"{working_folder / name} is there"
    return ""
