"""`instance-seg train`"""

from pathlib import Path
from typing import Annotated

import typer


def train(recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file of config/recipes.")],
          out: Annotated[Path | None, typer.Option(
              metavar="DIR", help="Where checkpoint.pt and progress.csv go; else runs/ and the recipe's name.")] = None,
          resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR.")] = False,
          start_from: Annotated[Path | None, typer.Option(
              metavar="CHECKPOINT", help="Start with another run's weights, to train it further.")] = None) -> None:
    """Train a network, with progress: loss terms, and average precision on held-out images.

    \b
    Example: instance-seg train config/recipes/street.yaml --out runs/street
             instance-seg train my_recipe.yaml --start-from runs/street/checkpoint.pt
    """
    from ..training.train import train as run

    checkpoint = run(recipe, out or Path("runs") / recipe.stem, resume=resume, start_from=start_from)
    print(f"trained: {checkpoint}. Make it a model: instance-seg export {checkpoint} FOLDER")
