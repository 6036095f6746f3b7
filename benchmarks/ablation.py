"""What each part of the seed is worth: METHODS 1.7, table 2, on generated streets under equal budget.

    python benchmarks/ablation.py [--steps N] [--seeds N] [--start-from models/street] [--only NAME ...]

Every row is config/recipes/ablation.yaml with the changes of ROWS. It is trained, exported and evaluated on the test
streets in OUT/NAME; an ablation that was interrupted goes on where it stopped. Then all rows that are complete go into
the table of docs/ablation.md and the plot beside it, and benchmarks/results/ablation.json; what is written around the
table stays.

--start-from gives every row the encoder and the seed maps of a trained network. The branch of offsets and bandwidths,
which the rows differ in, begins anew in each.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.ablation_page import table, write_page  # noqa: E402
from benchmarks.rows import (  # noqa: E402
    claim,
    file_of,
    folder_of,
    network_at,
    reports_of,
    save_beginning,
    score,
    variant,
)
from instance_seg_node.datasets.street import CLASSES  # noqa: E402
from instance_seg_node.datasets.streets import Streets  # noqa: E402
from instance_seg_node.training.batches import images_of  # noqa: E402
from instance_seg_node.training.checkpoint import network_of  # noqa: E402
from instance_seg_node.training.recipe import Recipe  # noqa: E402
from instance_seg_node.training.scenes import split_seeds  # noqa: E402
from instance_seg_node.training.train import train  # noqa: E402

RECIPE = HERE.parent / "config" / "recipes" / "ablation.yaml"

ROWS = {
    # 5 px of 256 x 512 are METHODS 1.3's 20 px of a Cityscapes image; twice that, so that no one choice decides.
    "fixed-5": {"bandwidths": 1, "loss": {"fixed_margin_px": 5.0}},
    "fixed-10": {"bandwidths": 1, "loss": {"fixed_margin_px": 10.0}},
    "circle-centroid": {"bandwidths": 1, "loss": {"centre": "centroid"}},
    "circle-learnable": {"bandwidths": 1, "loss": {"centre": "learnable"}},
    "ellipse-centroid": {"bandwidths": 2, "loss": {"centre": "centroid"}},
    "ellipse-learnable": {"bandwidths": 2, "loss": {"centre": "learnable"}},
    "ellipse-learnable-rough": {"bandwidths": 2, "loss": {"centre": "learnable", "weights": [1.0, 0.0, 1.0]}},
}


def row(base: dict, name: str, *, steps: int | None = None, repeat: int = 1) -> dict:
    """The recipe of a row, as its file has it. steps, repeat: see `variant`."""
    changes = ROWS[name]
    return variant(base | changes | {"loss": base.get("loss", {}) | changes["loss"]}, name, steps=steps, repeat=repeat)


def measure(folder: Path, text: str, start: Path | None, scenes: Path) -> None:
    """Train and evaluate a row, as far as that is not done yet, into folder/scores.json: the report of `evaluate`.

    text: its recipe.yaml. Raises InputError if the folder holds another recipe's run.
    """
    path, checkpoint = claim(folder, text), folder / "checkpoint.pt"
    recipe = Recipe.load(path)
    if not (folder / "scenes").exists():  # where `train` keeps them: the rows share theirs
        scenes.mkdir(parents=True, exist_ok=True)
        (folder / "scenes").symlink_to(scenes.resolve())
    if start is not None and not checkpoint.exists():
        begin(checkpoint, recipe, start)
    train(path, folder, resume=True)
    score(folder, streets_of(recipe, "test"))


def streets_of(recipe: Recipe, split: str) -> Streets:
    seeds = split_seeds(split, getattr(recipe.scenes, split), recipe.scenes.seed)
    return Streets(seeds, recipe.input_height, recipe.input_width)


def begin(checkpoint: Path, recipe: Recipe, start: Path) -> None:
    """A checkpoint of no step yet, with the encoder and the seed branch of another run or of a model folder."""
    streets = streets_of(recipe, "validation")
    theirs, origin = network_at(start, recipe, CLASSES, (images_of([streets[i]]) for i in range(len(streets))))
    torch.manual_seed(recipe.seed)
    network = network_of(recipe)
    network.encoder.load_state_dict(theirs.encoder.state_dict())
    network.branches[1].load_state_dict(theirs.branches[1].state_dict())
    save_beginning(checkpoint, recipe, CLASSES, network, origin,
                   f"python benchmarks/ablation.py --start-from {start} --only {recipe.name}")


def complete(out: Path, base: dict, start: Path | None, steps: int | None) -> Iterator[tuple[Recipe, list[dict]]]:
    """The recipe of each row that has been measured under this budget, and its report for each seed."""
    for name in ROWS:
        reports = reports_of(out, name, lambda k, name=name: file_of(row(base, name, steps=steps, repeat=k), start))
        if reports:
            yield Recipe.model_validate(row(base, name, steps=steps)), reports


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="of all rows")
    parser.add_argument("--steps", type=int, help="of a row; else the recipe's")
    parser.add_argument("--seeds", type=int, default=1, help="how often a row is trained")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--scenes", type=Path, help="where rendered scenes are kept; else OUT/scenes")
    parser.add_argument("--start-from", type=Path, metavar="CHECKPOINT_OR_MODEL")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs", help="where the table and the plot go")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "ablation.json")
    options = parser.parse_args(arguments)
    base, start = yaml.safe_load(options.recipe.read_text()), options.start_from
    for repeat, name in itertools.product(range(1, options.seeds + 1), options.only):
        text = file_of(row(base, name, steps=options.steps, repeat=repeat), start)
        measure(folder_of(options.out, name, repeat), text, start, options.scenes or options.out / "scenes")
    rows = list(complete(options.out, base, start, options.steps))
    write_page(options.docs, options.results, rows, str(start or "chance"))
    print(f"{table(rows)}\nwritten: {options.docs / 'ablation.md'}, {options.docs / 'ablation.png'}, {options.results}")


if __name__ == "__main__":
    main()
