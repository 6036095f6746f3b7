"""`instance-seg demo`"""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where summary.json and the pictures go.")] = Path("demo"),
) -> None:
    """Simulated cameras -> the node -> files, over real ROS 2 topics, with a table of rates and latencies.

    \b
    Example: instance-seg demo --out demo
    """
    from ..ros.demo import run

    run(out)
