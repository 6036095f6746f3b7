"""What a bag must be before rosbags opens it: its own files, and a metadata.yaml that cannot be a trap."""

from collections.abc import Iterable
from pathlib import Path, PurePath

from .errors import InputError
from .files.yaml_files import read_yaml

SUFFIXES = (".mcap", ".db3", ".bag")
WHAT_IT_IS = "a bag is a folder with metadata.yaml, or a .mcap, .db3 or .bag file"
MAX_METADATA = 2**22
"""Bytes of metadata.yaml, which lists each file of a recording: some 10 000 of them."""
URI_CHARACTERS = "?#%"


def check_is_bag(path: Path) -> None:
    """Raises InputError if a path is no bag, or its metadata names files that are not in its folder."""
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_dir():
        _check_folder(path)
    elif not path.is_file() or path.suffix not in SUFFIXES:
        raise InputError(f"{path} is not a bag: {WHAT_IT_IS}")
    elif path.suffix == ".db3":
        _check_uri(path)


def _check_folder(path: Path) -> None:
    if not (path / "metadata.yaml").is_file():
        inside = sorted(p.name for suffix in SUFFIXES for p in path.glob(f"*{suffix}"))
        raise InputError(f"{path} is not a bag, it has no metadata.yaml. "
                         + (f"Give the file itself, {path / inside[0]}, or make one: ros2 bag reindex {path}" if inside
                            else WHAT_IT_IS.capitalize()))
    content = read_yaml(path / "metadata.yaml", remedy=f"Make it anew: ros2 bag reindex {path}", most=MAX_METADATA)
    for name in _listed_files(content):
        if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            raise InputError(f"{path}/metadata.yaml lists the file {name!r:.200}, which is not in the bag's folder. If "
                             f"this bag is to be trusted, make its metadata anew: ros2 bag reindex {path}")
        file = path / PurePath(name).name  # early versions put the folder's name in front
        if file.exists() and not file.is_file():
            raise InputError(f"{file} is part of a bag by its metadata.yaml, but is not a file")
        if content["rosbag2_bagfile_information"].get("storage_identifier") == "sqlite3":
            _check_uri(file)


def _listed_files(content: object) -> Iterable[str]:
    """The names in `relative_file_paths`; none if metadata.yaml is otherwise, which rosbags says better."""
    try:
        files = content["rosbag2_bagfile_information"]["relative_file_paths"]
    except (TypeError, KeyError, IndexError):
        return ()
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else ()


def _check_uri(file: Path) -> None:
    """SQLite is given the path as a URI, in which %2f is a slash: it would open another file than is seen."""
    if set(URI_CHARACTERS) & set(str(file)):
        raise InputError(f"{file} has one of {' '.join(URI_CHARACTERS)} in its path, which SQLite reads otherwise. "
                         "Rename it")
