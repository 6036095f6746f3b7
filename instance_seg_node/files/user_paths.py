"""Paths as a user types them, or a ROS parameter holds them."""

import os
from pathlib import Path

from ..errors import InputError


def user_path(text: str | Path) -> Path:
    """The path, ~ being a home folder; nothing needs to be there. Raises InputError if nothing can be."""
    try:
        path = Path(text).expanduser()
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (RuntimeError, OSError, ValueError) as error:  # no such home; too long or not to be looked at; a NUL
        reason = getattr(error, "strerror", error)
        raise InputError(f"{str(text)!r:.200} is no path that can be used: {reason}") from error
    return path
