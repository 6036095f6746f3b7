"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def atomic_file(path: Path, mode: str = "wb") -> Iterator[IO]:
    """A file to write, which takes the name `path` (and the place of a file there) when the block ends without error.

    After an error nothing is left of it; a killed process leaves `.<name>.partial`, which the next one writes over.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, mode) as file:
            yield file
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with atomic_file(path) as file:
        file.write(content)
