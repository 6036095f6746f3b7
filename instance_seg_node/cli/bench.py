"""`instance-seg bench`"""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def bench() -> None:
    """Measure a step on this machine.

    \b
    Example: instance-seg bench clustering --instances 100
    """


@app.command()
def clustering(
    heads: Annotated[Path | None, typer.Option(
        metavar="FILE.npz", help="Arrays embedding, bandwidth, seed, float32 (channels, h, w); else drawn.")] = None,
    height: Annotated[int, typer.Option(min=1, help="Of drawn heads, in pixels.")] = 1024,
    width: Annotated[int, typer.Option(min=1)] = 2048,
    instances: Annotated[int, typer.Option(min=1)] = 30,
    ids: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Write the 16-bit id map there.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Medians are over so many runs.")] = 11,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """The clustering, against the literal loop of the method in PyTorch on two threads.

    \b
    Example: instance-seg bench clustering --height 1024 --width 2048 --instances 30 --json
    """
    from ..bench.clustering import run

    report = run(heads=heads, height=height, width=width, instances=instances, ids=ids, repeats=repeats)
    print(json.dumps(report, indent=2) if as_json else "\n".join(f"{name:26}{value}" for name, value in report.items()))
