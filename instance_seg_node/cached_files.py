"""Files that can be made again, plans of engines and code of kernels: each with the key that it was made for.

A file is one line, `instance_seg_node 1 {"key": {...}, "bytes": ..., "sha256": ...}`, and then its content. What was
cut short, altered, made for something else or by another program is found when it is read.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .atomic_files import atomic_file
from .errors import InputError

Key = dict[str, object]
"""All that decides the content, as JSON knows it."""

MARK = b"instance_seg_node 1 "

log = logging.getLogger(__name__)


class Unfit(InputError):
    """A file is not what the key asks for. The text says in what it differs, without full stop."""


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/instance_seg_node, or ~/.cache/instance_seg_node; made if missing, and the owner's alone.

    Raises InputError if it is another user's (who could put machine code there), or there is no home.
    """
    try:
        home = os.environ.get("XDG_CACHE_HOME", "")
        folder = (Path(home) if os.path.isabs(home) else Path.home() / ".cache") / "instance_seg_node"
    except RuntimeError as error:
        raise InputError("this user has no home folder to keep engines in. Name one: export XDG_CACHE_HOME=/path") \
            from error
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise InputError(f"{folder} belongs to another user ({found.st_uid}), and what lies there is run. Use "
                         "a folder of your own: export XDG_CACHE_HOME=/path")
    if found.st_mode & 0o077:  # else it may be on a file system that is read-only, where chmod is an error
        folder.chmod(0o700)
    return folder


def cached(name: str, key: Key, make: Callable[[], bytes]) -> tuple[bytes, Path, bool]:
    """Content for a key: from the cache folder, or made and kept there. Returns it, its file, and whether it was made.

    Of several processes that want the same at once one makes it and the others wait. A file that does not fit is
    replaced. `name` is for people, such as street.plan.
    """
    stem, suffix = os.path.splitext(name)
    path = cache_folder() / f"{stem}-{digest(key)[:16]}{suffix}"
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
        write(path, key, content)
        return content, path, True


def digest(key: Key) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def write(path: Path, key: Key, content: bytes) -> None:
    """A file of this form, whole or not at all, that only its owner may read and write."""
    head = {"key": key, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with atomic_file(path) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(MARK + json.dumps(head).encode() + b"\n" + content)
        file.flush()
        os.fsync(file.fileno())  # or a loss of power could leave the name with nothing in it


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
    """One process, and one thread of it, at a time. The kernel frees the lock of one that is killed."""
    with open(path.with_name(f".{path.name}.lock"), "w", opener=_private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("another process makes %s; waiting for it", path)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
