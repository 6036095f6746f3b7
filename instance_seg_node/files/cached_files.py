"""Files that can be made again, plans of engines and code of kernels: each with the key that it was made for.

A file is one line, `instance_seg_node 1 {"key": {...}, "bytes": ..., "sha256": ...}`, and then its content. What was
cut short, altered, made for something else or by another program is found when it is read.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import InputError
from .atomic_files import atomic_file
from .cache_folder import ELSEWHERE, cache_folder, make_private
from .claimed_names import wait_for_lock

Key = dict[str, object]
"""All that decides the content, as JSON knows it."""

MARK = b"instance_seg_node 1 "

log = logging.getLogger(__name__)

_unwritable: set[Path] = set()
"""Folders of which this process has said so."""


class Unfit(InputError):
    """A file is not what the key asks for. The text says in what it differs, without full stop."""


def cached(name: str, key: Key, make: Callable[[], bytes]) -> tuple[bytes, Path, bool]:
    """Content for a key: from the cache folder, or made and kept there. Returns it, its file, and whether it was made.

    Of several processes that want the same at once one makes it and the others wait. A file that does not fit is
    replaced. Where nothing can be kept (a full disk, no rights) a warning says so, and the content is used all the
    same. `name` is for people, such as street.plan. Raises InputError as `cache_folder` does.
    """
    path = place(name, key)
    try:
        return read(path, key), path, False  # without the lock, for a folder that is read-only
    except Unfit:
        pass
    with _locked(path):
        try:
            return read(path, key), path, False
        except Unfit as problem:
            if path.exists():
                log.warning("%s. It is made again", problem)
        content = make()
        try:
            write(path, key, content)
        except (OSError, InputError) as error:
            _warn_once(path.parent, error)
        return content, path, True


def place(name: str, key: Key) -> Path:
    """The file in which `cached` keeps it. Raises InputError as `cache_folder` does."""
    stem, suffix = os.path.splitext(name)
    return cache_folder() / f"{stem}-{digest(key)[:16]}{suffix}"


def digest(key: Key) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def write(path: Path, key: Key, content: bytes) -> None:
    """A file of this form, whole or not at all, that only its owner may read and write."""
    head = {"key": key, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with atomic_file(path, rights=0o600) as file:
        file.write(MARK + json.dumps(head).encode() + b"\n" + content)


def read(path: Path, key: Key) -> bytes:
    """The content of a file that was made for `key`. Raises Unfit."""
    try:
        with open(path, "rb") as file:
            first, content = file.readline(1 << 16), file.read()
    except OSError as error:
        raise Unfit(f"{path} cannot be read ({error.strerror})") from error
    head, key = _head(path, first), json.loads(json.dumps(key))  # tuples become lists
    if len(content) != head["bytes"]:
        raise Unfit(f"{path} is damaged: {len(content)} of {head['bytes']} bytes are there")
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise Unfit(f"{path} is damaged: its SHA-256 differs")
    if head["key"] != key:
        differences = [f"{name} {head['key'].get(name)!r:.40} and not {value!r:.40}" for name, value in key.items()
                       if head["key"].get(name) != value]
        raise Unfit(f"{path} was made for {', '.join(differences) or 'more than is asked'}")
    return content


def fits(path: Path, key: Key) -> bool:
    """Whether a whole file that was made for `key` is there."""
    try:
        read(path, key)
    except Unfit:
        return False
    return True


def _head(path: Path, line: bytes) -> dict:
    try:
        if not line.startswith(MARK):
            raise ValueError
        head = json.loads(line[len(MARK):])
        return {"key": dict(head["key"]), "bytes": head["bytes"], "sha256": head["sha256"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Unfit(f"{path} was not made by this version of this program") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process, and one thread of it, at a time. The kernel frees the lock of one that is killed.

    Where the folder cannot be written, there is no lock, and a warning.
    """
    with ExitStack() as stack:
        try:
            make_private(path.parent)
            lock = open(path.with_name(f".{path.name}.lock"), "w", opener=_private)
            wait_for_lock(path, stack.enter_context(lock))
        except OSError as error:
            _warn_once(path.parent, error)
        yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _warn_once(folder: Path, error: OSError | InputError) -> None:
    if folder not in _unwritable:
        _unwritable.add(folder)
        log.warning("%s cannot be written (%s). What would be kept there is used, and made again at the next start. To "
                    "keep it, make room there, or name another place: %s", folder,
                    getattr(error.__cause__ or error, "strerror", error), ELSEWHERE)
