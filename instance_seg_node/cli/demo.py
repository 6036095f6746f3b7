"""`instance-seg demo`"""

from pathlib import Path
from typing import Annotated

import typer

from ..models import DEFAULT_MODEL
from .options import Model


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where summary.json and the pictures go.")] = Path("demo"),
    seconds: Annotated[float, typer.Option(min=1, help="How long the cameras run.")] = 20.0,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Simulated cameras -> the node -> files, over real ROS 2 topics, with a table of rates and latencies.

    \b
    Example: instance-seg demo --out demo
    """
    from ..ros.demo import run

    run(out, seconds, model)
