"""Where the files that come with the package lie: models, launch files, settings."""

from pathlib import Path

from .errors import InputError

NAME = "instance_seg_node"


def share_folder(package: Path = Path(__file__).parent) -> Path:
    """The folder that holds `config/`, `launch/`, `models/` and `package.xml`.

    In a source checkout (also an editable or symlinked install) that is its root; where pip, colcon or a distribution
    has installed the package it is `<prefix>/share/instance_seg_node`, the nearest one above `package`.
    Raises InputError if the package was copied without its files.
    """
    package = package.resolve()
    checkout = package.parent
    if (checkout / "package.xml").is_file() and (checkout / "setup.py").is_file():
        return checkout
    for prefix in package.parents:
        if (prefix / "share" / NAME / "package.xml").is_file():
            return prefix / "share" / NAME
    raise InputError(f"the models and settings of {NAME} lie neither beside {package} nor in a share/{NAME} above it, "
                     "so it is not completely installed. In a checkout of the project type: pip install .")


def fastdds_profile() -> Path:
    """The Fast DDS profile for large images, the value for FASTDDS_DEFAULT_PROFILES_FILE."""
    return share_folder() / "config" / "fastdds_large_images.xml"
