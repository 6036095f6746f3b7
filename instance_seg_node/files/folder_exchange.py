"""A folder in the place of another."""

import ctypes
import errno
import os
import shutil
from pathlib import Path

AT_FDCWD, RENAME_EXCHANGE = -100, 2


def put_in_place(new: Path, place: Path) -> None:
    """Name a folder `place`. What was there is called `new` afterwards, or removed. At any time one of both is there.

    Not so where the file system cannot exchange two names (NFS): there a process that is killed between two steps
    leaves what was there as `.NAME.replaced`, and `recover` puts it back. Raises OSError, and nothing has changed.
    """
    try:
        os.rename(new, place)  # which is free, or an empty folder
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    try:
        _exchange(new, place)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        _one_after_the_other(new, place)


def recover(place: Path) -> None:
    """Put back, or remove, what a process that was killed in `put_in_place` has left."""
    replaced = _replaced(place)
    if os.path.isdir(replaced) and not os.path.islink(replaced):  # pathlib raises where the name is too long
        shutil.rmtree(replaced) if place.exists() else os.rename(replaced, place)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two names in one step (renameat2 of Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(one), None, str(other))


def _one_after_the_other(new: Path, place: Path) -> None:
    replaced = _replaced(place)
    os.rename(place, replaced)
    try:
        os.rename(new, place)
    except BaseException:
        os.rename(replaced, place)
        raise
    shutil.rmtree(replaced)


def _replaced(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")
