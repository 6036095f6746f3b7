"""`instance-seg train`"""

from pathlib import Path
from typing import Annotated

import typer


def train(recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file, like those of config/recipes.")],
          out: Annotated[Path | None, typer.Option(
              metavar="DIR", help="Where checkpoint.pt and progress.csv go; else runs/ and the recipe's name.")] = None,
          resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR, if it has begun.")] = False,
          start_from: Annotated[Path | None, typer.Option(
              metavar="CHECKPOINT|MODEL", help="Start with the weights of another run, or of a model (its folder, or a "
                                               "shipped one's name), to train them further. Classes are matched by "
                                               "name; new ones start from chance.")] = None) -> None:
    """Train a network, with progress: loss terms, and average precision on held-out images.

    A recipe names generated streets (scenes), or labelled images of your own (data), in any layout that instance-seg
    datasets reads; paths in it are relative to the folder you start this in. The model then has the classes of those
    images, and the licence that the recipe gives. A broken image ends the run when it comes to it: look at your labels
    first, with instance-seg datasets check. Once it is repaired, go on with --resume.

    Several processes share every batch, each on a GPU of its own if there are any. Watch runs in a browser with
    tensorboard --logdir runs.

    \b
    Example: instance-seg train config/recipes/street.yaml --out runs/street
             instance-seg train config/recipes/pennfudan.yaml --start-from models/street
             torchrun --nproc-per-node 4 --no-python instance-seg train config/recipes/street.yaml
    """
    from ..training.train import train as run

    checkpoint = run(recipe, out or Path("runs") / recipe.stem, resume=resume, start_from=start_from)
    print(f"trained: {checkpoint}. Make it a model: instance-seg export {checkpoint} FOLDER")
