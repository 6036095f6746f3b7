"""Hidden names beside a place, each of one writer as long as it lives.

A name is created, never written through: what somebody has planted there, a link above all, is removed.
"""

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import InputError
from .write_errors import unusable_said

log = logging.getLogger(__name__)

NOT_OURS = (errno.ELOOP, errno.ENXIO, errno.ENODEV)
"""What the kernel says of a link, a socket or a device that is to be opened as here."""


@contextmanager
def claimed(path: Path, create: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    """`.NAME.partial` beside `path`, and the descriptor of what `create` makes there: `new_file` or `new_folder`.

    What a killed process has left there is removed first; a living one is waited for. At the end, what has not been
    given another name is removed. Raises InputError if nothing can be made there, OSError if the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
    with unusable_said(path):
        descriptor = _claim(partial, create)
    try:
        yield partial, descriptor
    finally:
        _give_up(partial, descriptor)


def check_own(partial: Path, descriptor: int) -> None:
    """Raises InputError if a claimed name stands for something else by now."""
    if not _names(partial, descriptor):
        raise InputError(f"{partial} was removed or replaced by another program while it was written. Find out by "
                         "which, and type the same again")


def wait_for_lock(path: Path, lock: int | IO) -> None:
    """Lock an open file, and say so if another process has it locked: then it makes `path`."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.warning("another process makes %s; waiting for it", path)
        fcntl.flock(lock, fcntl.LOCK_EX)


def new_file(partial: Path, rights: int = 0o666) -> int:
    return os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, rights)


def new_folder(partial: Path) -> int:
    """One for its owner alone, since what is put into it may follow links."""
    os.mkdir(partial, 0o700)
    try:
        return os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError as error:  # another process took it for abandoned
        raise FileExistsError from error


def _claim(partial: Path, create: Callable[[Path], int]) -> int:
    """Create the name and lock it. The kernel frees the lock of a process that is killed."""
    while True:
        try:
            descriptor = create(partial)
        except FileExistsError:
            _remove_abandoned(partial)
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            _give_up(partial, descriptor)
            raise
        if _names(partial, descriptor):
            return descriptor
        os.close(descriptor)  # another process took it for abandoned before it was locked


def _remove_abandoned(partial: Path) -> None:
    """Remove what has the name, once no living process has it locked."""
    try:
        descriptor = _open(partial)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in NOT_OURS:
            raise
        _remove(partial)
        return
    try:
        wait_for_lock(partial, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    _give_up(partial, descriptor)


def _open(partial: Path) -> int:
    flags = os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(partial, flags | os.O_RDWR)  # NFS locks nothing that is open to read alone
    except (IsADirectoryError, PermissionError):  # one of another user's who lets us read
        return os.open(partial, flags | os.O_RDONLY)


def _give_up(partial: Path, descriptor: int) -> None:
    """Close what is open, and remove the name if it stands for it."""
    try:
        if _names(partial, descriptor):
            _remove(partial)
    finally:
        os.close(descriptor)


def _names(path: Path, descriptor: int) -> bool:
    """Whether a name stands for what is open."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
