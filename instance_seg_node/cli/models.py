"""`instance-seg models`"""

import json
from pathlib import Path
from typing import Annotated

import typer

SHOWN = 2
"""Figures of a card in the table, the overall ones; --json has those of each class too."""
COLUMNS = ("name", "method", "input", "classes", "measured", "licence", "path")


def models(as_json: Annotated[bool, typer.Option("--json", help="All of it, for programs.")] = False) -> None:
    """The models that are shipped: classes, input size, measured precision, licence, path.

    \b
    Example: instance-seg models --json
    """
    from ..model_spec import ModelSpec
    from ..models import shipped

    found = {folder: ModelSpec.load(folder) for folder in shipped()}
    if as_json:
        print(json.dumps([spec.model_dump(mode="json") | {"path": str(folder)} for folder, spec in found.items()],
                         indent=2))
        return
    print("\n".join(_table([COLUMNS, *(_row(folder, spec) for folder, spec in found.items())])))
    if not found:
        print("no model is shipped with this installation. Make one: instance-seg train --help")


def _row(folder: Path, spec) -> tuple[str, ...]:
    measured = ", ".join(f"{name} {value:g}" for name, value in list(spec.measured.items())[:SHOWN]) or "-"
    return (folder.name, spec.method, f"{spec.input_width}x{spec.input_height}",
            " ".join(c.name for c in spec.classes), measured, spec.provenance.licence, str(folder))


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
