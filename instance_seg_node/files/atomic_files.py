"""Files and folders that are there whole or not at all: the one way in which this package writes.

What is written lies under a hidden name beside its place (claimed_names.py). It takes the place when the disk has all
of it, so that a killed process or a loss of power leaves what was there before, or what is new. A link in the place is
replaced, never written through.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from ..errors import InputError
from .claimed_names import check_own, claimed, new_file, new_folder
from .folder_exchange import put_in_place, recover
from .write_errors import no_room_said, unusable_said


@contextmanager
def atomic_file(path: Path, mode: str = "wb", *, rights: int | None = None) -> Iterator[IO]:
    """A file to write, which takes the name `path` (and the place of a file there) when the block ends without error.

    After an error nothing is left of it. rights: who may read and write it; without, those of the file that it
    replaces, or what the umask leaves. Raises NoRoom if the disk is full, InputError if the folder cannot be written
    or something else than a file has the name.
    """
    path = Path(path)
    if os.path.exists(path) and not path.is_file() and not path.is_symlink():
        raise InputError(f"{path} is there, and is no file. Choose another name")
    rights = _rights(path) if rights is None else rights
    create = partial(new_file, rights=0o666 if rights is None else rights)
    with no_room_said(path), claimed(path, create) as (unfinished, descriptor):
        if rights not in (None, _rights(unfinished)):
            os.fchmod(descriptor, rights)
        with open(descriptor, mode, closefd=False) as file:
            yield file
        os.fsync(descriptor)
        check_own(unfinished, descriptor)
        os.replace(unfinished, path)
        _sync(path.parent)


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a whole file."""
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_folder(path: Path, name: str = "new") -> Iterator[Path]:
    """A folder to make and fill, which takes the name `path` (and the place of a folder there) when the block ends.

    name: of the folder until then. Its parents are made. Raises as atomic_file does.
    """
    path = Path(path)
    if path.name in ("", ".."):
        raise InputError(f"{path} is no name for a new folder. Type its name, as it is seen from outside")
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        raise InputError(f"{path} is there, and is no folder. Choose another name")
    with no_room_said(path), unusable_said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with no_room_said(path), claimed(path, new_folder) as (work, descriptor):
        recover(path)
        yield work / name
        if (rights := _rights(path)) is not None:
            (work / name).chmod(rights)
        for folder, _, files in os.walk(work / name):
            for part in (*files, "."):
                _sync(Path(folder, part))
        check_own(work, descriptor)
        put_in_place(work / name, path)
        _sync(path.parent)


def _rights(path: Path) -> int | None:
    """Who may read and write what has a name, None if nothing or a link has it."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    return None if stat.S_ISLNK(mode) else mode & 0o777


def _sync(path: Path) -> None:
    """Have the disk hold a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do so of themselves
            raise
    finally:
        os.close(descriptor)
