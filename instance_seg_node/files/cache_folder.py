"""The folder of what can be made again. Machine code of it is run, so nobody but its owner may write there."""

import os
import stat
from pathlib import Path

from ..errors import InputError

ELSEWHERE = "export XDG_CACHE_HOME=/path"


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/instance_seg_node, or ~/.cache/instance_seg_node, which may be missing.

    Raises InputError if it is a link, another user's, or others can write there, or if there is no home.
    """
    try:
        home = os.environ.get("XDG_CACHE_HOME", "")
        folder = (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "instance_seg_node"
    except RuntimeError as error:
        raise InputError(f"this user has no home folder to keep engines in. Name one: {ELSEWHERE}") from error
    if os.path.lexists(folder):
        _check_is_own(folder)
    return folder


def make_private(folder: Path) -> None:
    """Make a cache folder if it is missing, and hide from others what lies there. Raises OSError, and as above."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_is_own(folder)
    if folder.stat().st_mode & 0o077:  # made by hand
        folder.chmod(0o700)


def _check_is_own(folder: Path) -> None:
    found = folder.lstat()
    remedy = f"and what lies there is run. Use a folder of your own: {ELSEWHERE}"
    if not stat.S_ISDIR(found.st_mode):
        raise InputError(f"{folder} is a {'link' if folder.is_symlink() else 'file'} and no folder, {remedy}")
    if found.st_uid != os.geteuid():
        raise InputError(f"{folder} belongs to another user ({found.st_uid}), {remedy}")
    if found.st_mode & 0o022:
        raise InputError(f"{folder} can be written by others (its mode is {stat.S_IMODE(found.st_mode):o}), {remedy}; "
                         f"or have it made anew: rm -r {folder}")
