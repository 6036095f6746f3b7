"""Hidden names beside a place, each of one writer as long as it lives.

A name is created, never opened: what somebody has planted there, a link above all, is removed and not followed.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .write_errors import unusable_said

log = logging.getLogger(__name__)


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
        if _names(partial, descriptor):
            _remove(partial)
        os.close(descriptor)


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
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _names(partial, descriptor):
            return descriptor
        os.close(descriptor)  # another process took it for abandoned before it was locked


def _remove_abandoned(partial: Path) -> None:
    """Remove what has the name, once no living process has it locked."""
    try:
        descriptor = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError:  # a link or another thing that we do not make
        _remove(partial)
        return
    try:
        _wait_for_lock(partial, descriptor)
        if _names(partial, descriptor):
            _remove(partial)
    finally:
        os.close(descriptor)


def _wait_for_lock(partial: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.warning("another process is writing %s; waiting for it", partial)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


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
