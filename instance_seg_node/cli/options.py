"""Options that several commands share, and progress."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError

Model = Annotated[str, typer.Option(metavar="NAME|DIR", help="A shipped model (see: instance-seg models) or a folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Precision = Annotated[str, typer.Option(help="fp32; fp16 and int8 where the device has them.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def progress(items: Iterable, *, total: int | None = None, unit: str) -> Iterable:
    """The items, with a bar on stderr while it is a terminal. total: how many there will be, if known."""
    from tqdm import tqdm

    return tqdm(items, total=total or None, unit=f" {unit}", file=sys.stderr, disable=None, leave=False)


def height_and_width(text: str, option: str) -> tuple[int, int]:
    """The pixels that an option gives as HEIGHTxWIDTH. Raises InputError if it is spelled otherwise."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found:
        raise InputError(f"{option} {text} is not HEIGHTxWIDTH, such as 512x1024")
    return int(found[1]), int(found[2])


def require_folder_of_sheet(path: Path) -> None:
    """Raise InputError, before anything is read, if the picture that --sheet names could not be written."""
    if not path.parent.is_dir():
        raise InputError(f"--sheet {path} needs the folder {path.parent}, which does not exist. Make it: "
                         f"mkdir -p {path.parent}")


def warn(text: str) -> None:
    """One line on stderr, clear of a progress bar."""
    from tqdm import tqdm

    tqdm.write(f"instance-seg: {text}", file=sys.stderr)
