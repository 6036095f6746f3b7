"""What the kernel says against writing a file, in words."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError, NoRoom

REMEDIES = {errno.ENOSPC: "Free some space",
            errno.EDQUOT: "Free some of your quota",
            errno.EFBIG: "Raise the limit of a file's size (ulimit -f)"}
"""What to do about each error that says that there is no room."""

UNUSABLE = {errno.ENAMETOOLONG: "Choose a shorter name: of 246 bytes at most",
            errno.ENOLCK: "Name a folder of a file system that has locks",
            errno.EMFILE: "Raise the limit of open files (ulimit -n)"}
"""What to do about errors that another folder does not mend."""


@contextmanager
def no_room_said(path: Path) -> Iterator[None]:
    """What goes wrong for want of room while `path` is written, as NoRoom."""
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        folder = next(parent for parent in path.absolute().parents if parent.is_dir())
        free_mb = shutil.disk_usage(folder).free / 1e6
        raise NoRoom(f"{path} cannot be written: {error.strerror} ({free_mb:.0f} MB are free in {folder}). "
                     f"{REMEDIES[error.errno]}, or name another folder, and type the same again") from error


@contextmanager
def unusable_said(path: Path) -> Iterator[None]:
    """What goes wrong because `path` cannot be made at all, as InputError."""
    try:
        yield
    except OSError as error:
        if error.errno in REMEDIES:
            raise
        where = f" ({error.filename})" if error.filename else ""
        remedy = UNUSABLE.get(error.errno, "Name a folder that is there and that you may write to")
        raise InputError(f"{path} cannot be written: {error.strerror}{where}. {remedy}") from error
