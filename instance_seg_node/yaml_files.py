"""YAML files of a user's or a stranger's, read within limits: model.yaml, recipes, classes.yaml, a bag's metadata.

safe_load makes plain values alone, but a page of aliases stands for gigabytes once something walks or prints them, and
nesting ends in a RecursionError. No file of ours has either, so both are refused before a value is made.
"""

import stat
from pathlib import Path
from typing import Any

import yaml

from .errors import InputError

MAX_BYTES = 2**18
MAX_DEPTH = 32

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may be built without libyaml


def read_yaml(path: Path, *, remedy: str = "", most: int = MAX_BYTES) -> Any:
    """The values in a YAML file. Raises InputError of one line. remedy: what to do, in a sentence; most: bytes."""
    path = Path(path)
    try:
        text = read_limited(path, most).decode()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}). {remedy}".rstrip()) from error
    try:
        _check_structure(text)
        return yaml.load(text, Loader)
    except Exception as error:  # PyYAML lets through whatever its making of numbers and dates stumbles over
        raise InputError(f"{path} is not YAML: {_one_line(error)}. {remedy}".rstrip()) from error


def read_limited(path: Path, most: int) -> bytes:
    """The content of a regular file. Raises OSError, or ValueError if it is no file or has more than `most` bytes."""
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block, a device never end
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most} bytes")
    return content


def _check_structure(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"it has the alias *{event.anchor}. Write out what it stands for")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.YAMLError(f"it is nested more than {MAX_DEPTH} deep in line {event.start_mark.line + 1}")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, yaml.YAMLError):
        return text
    return f"a value is not what it looks like or its tag says ({text:.80})"
