"""YAML files of a user's or a stranger's, read within limits: model.yaml, recipes, classes.yaml, a bag's metadata.

A safe loader makes plain values alone, but a page of aliases stands for gigabytes once something walks or prints them,
and nesting ends in a RecursionError. So both are counted, with aliases written out, before a value is made.
"""

import stat
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError

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
        _check_structure(text, most)
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


def _check_structure(text: str, most: int) -> None:
    """Raises YAMLError if there are more than `most` values, or they are nested deeper than MAX_DEPTH."""
    parents: list[list] = [["", 0, 0]]  # anchor, values and depth below of each collection that is open
    anchored: dict[str | None, tuple[int, int]] = {}
    for event in yaml.parse(text, Loader):
        depth = 0
        if isinstance(event, yaml.CollectionStartEvent):
            parents.append([event.anchor, 1, 0])
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            anchor, values, depth = _node(event, parents, anchored)
            anchored[anchor] = values, depth
            parents[-1][1:] = parents[-1][1] + values, max(parents[-1][2], depth)
        where = f"in line {event.start_mark.line + 1}, its aliases written out"
        if parents[-1][1] > most:
            raise yaml.YAMLError(f"it has more than {most} values {where}")
        if len(parents) - 1 + depth > MAX_DEPTH:
            raise yaml.YAMLError(f"it is nested more than {MAX_DEPTH} deep {where}")


def _node(event: yaml.Event, parents: list[list], anchored: dict) -> tuple[str | None, int, int]:
    """Anchor, number of values and depth of the node that ends with an event."""
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchored:
            raise yaml.YAMLError(f"the alias *{event.anchor} stands for nothing that ends before it")
        return event.anchor, *anchored[event.anchor]
    if isinstance(event, yaml.CollectionEndEvent):
        anchor, values, below = parents.pop()
        return anchor, values, below + 1
    return event.anchor, 1, 0


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, yaml.YAMLError):
        return text
    return f"a value is not what it looks like or its tag says ({text:.80})"
