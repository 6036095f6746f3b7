"""Our recipe against the published one (METHODS 1.5) on the people of Penn-Fudan, from chance and from streets.

    python benchmarks/pennfudan.py [--seeds 3] [--start-from models/street] [--only NAME ...] [--steps N]
    python benchmarks/pennfudan.py --network erfnet --only ours --out OUT --docs OUT --results FILE

Each row of ROWS is trained on train.txt, exported and evaluated on test.txt in OUT/NAME, once for each seed: the same
network, and as many pixels of crops seen. Twelve trainings of two minutes on two CPU cores; a benchmark that was
interrupted goes on with the training that it stopped in. Then all rows that are complete go into the table of
docs/pennfudan.md and the plot beside it, benchmarks/results/pennfudan.json, and OUT/sheet.jpg: test photos, with what
the best row found. The photos are not for redistribution, so docs/pennfudan-masks.png has only what was found.

The second command trains rows with another network than that of the recipes, into a page of its own.

A start's weights are all taken; a circular margin gets the mean of an elliptic one's bandwidths. From chance the
published recipe's seeds start at one half, as published, not near zero: squared errors hardly teach them there.
"""

import argparse
import itertools
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
import yaml
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.pennfudan_page import table, write_page  # noqa: E402
from benchmarks.row_page import values  # noqa: E402
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
from instance_seg_node.datasets.contact_sheet import sheet, spread  # noqa: E402
from instance_seg_node.drawing import overlay  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.evaluation.report import evaluate  # noqa: E402
from instance_seg_node.evaluation.sheet import draw_sheet, titled  # noqa: E402
from instance_seg_node.files.atomic_files import write_atomically  # noqa: E402
from instance_seg_node.methods.spatial_embedding.networks import NETWORKS, Branched  # noqa: E402
from instance_seg_node.segmenter import open_segmenter  # noqa: E402
from instance_seg_node.training.batches import first_images  # noqa: E402
from instance_seg_node.training.checkpoint import network_of  # noqa: E402
from instance_seg_node.training.images import open_data  # noqa: E402
from instance_seg_node.training.recipe import Recipe  # noqa: E402
from instance_seg_node.training.train import train  # noqa: E402


class Row(NamedTuple):
    """recipe: its file in config/recipes. from_streets: with the weights of --start-from, else from chance."""

    recipe: str
    from_streets: bool


ROWS = {"reference": Row("pennfudan-reference.yaml", False), "ours": Row("pennfudan.yaml", False),
        "reference-streets": Row("pennfudan-reference.yaml", True), "ours-streets": Row("pennfudan.yaml", True)}
SHEET_IMAGES, GREY = 12, 70


def pixels(recipe: Recipe) -> int:
    """What a training costs: the pixels of all its crops."""
    return sum(stage.steps * stage.batch * stage.crop_height * stage.crop_width for stage in recipe.stages)


def check_fair(recipes: dict[str, Recipe]) -> None:
    """Raises InputError if the rows differ in network, data or budget, or a photo is for training and test."""
    for what, of in (("network", lambda recipe: recipe.network), ("data", lambda recipe: recipe.data),
                     ("pixels seen", pixels)):
        found = {name: of(recipe) for name, recipe in recipes.items()}
        if len(set(found.values())) > 1:
            each = "; ".join(f"{name}: {value}" for name, value in found.items())
            raise InputError(f"the rows differ in {what}: {each}. Correct the recipes, or make --steps a multiple of 7")
    training, test = open_data(next(iter(recipes.values())))
    both = {training.title(i) for i in range(len(training))} & {test.title(i) for i in range(len(test))}
    if both:
        raise InputError(f"{', '.join(sorted(both)[:5])} would be for training and for test. Correct the lists of both")


def prepare(folder: Path, text: str, start: Path | None) -> None:
    """A run's recipe.yaml and a checkpoint of no step.

    Raises InputError if the folder holds another recipe's run, or the start does not fit.
    """
    path, checkpoint = claim(folder, text), folder / "checkpoint.pt"
    if not checkpoint.exists():
        begin(checkpoint, Recipe.load(path), start)


def begin(checkpoint: Path, recipe: Recipe, start: Path | None) -> None:
    images, _ = open_data(recipe)
    torch.manual_seed(recipe.seed)
    network, origin = network_of(recipe, images.classes), None
    if start is not None:
        theirs, origin = network_at(start, recipe, images.classes, first_images(images, recipe))
        network.load_state_dict(fitted(theirs, recipe.bandwidths))
    elif recipe.loss.seed_error == "squared":
        nn.init.zeros_(network.branches[1][-1].bias)
    command = f"python benchmarks/pennfudan.py --only {recipe.name}" + (f" --start-from {start}" if start else "")
    save_beginning(checkpoint, recipe, images.classes, network, origin, command)


def fitted(network: Branched, bandwidths: int) -> dict[str, Tensor]:
    """A network's weights; if it has another number of bandwidths, each of the new ones is the mean of its own."""
    weights = network.state_dict()
    last = f"branches.0.{len(network.branches[0]) - 1}"
    for name, axis in ((f"{last}.weight", 1), (f"{last}.bias", 0)):  # (32, 2 + D, 4, 4), (2 + D,)
        offsets, r = weights[name].split([2, weights[name].shape[axis] - 2], dim=axis)
        if r.shape[axis] != bandwidths:
            r = r.mean(axis, keepdim=True).repeat_interleave(bandwidths, axis)
        weights[name] = torch.cat([offsets, r], axis)
    return weights


def measure(folder: Path) -> None:
    """Train and evaluate a run that is prepared, as far as that is not done yet."""
    train(folder / "recipe.yaml", folder, resume=True)
    _, test = open_data(Recipe.load(folder / "recipe.yaml"))
    score(folder, test)


def draw(folder: Path, photos: Path, masks: Path) -> None:
    """Test photos from the worst to the best, with what a run's model found in them; and the same without photos."""
    _, test = open_data(Recipe.load(folder / "recipe.yaml"))
    segmenter = open_segmenter(folder / "model")
    judged = evaluate(segmenter, test, range(len(test)), worst=len(test)).worst
    shown = [judged[i] for i in spread(SHEET_IMAGES, len(judged))]
    blank = [titled(overlay(np.full((*one.found.id_map.shape, 3), GREY, np.uint8), one.found, segmenter.spec),
                    f"{one.quality:.3f}  {one.title}") for one in shown]
    for file, rgb in ((photos, draw_sheet(shown, test, segmenter.spec)), (masks, sheet(blank))):
        write_atomically(file, cv2.imencode(file.suffix, rgb[..., ::-1])[1].tobytes())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how often a row is trained")
    parser.add_argument("--start-from", type=Path, metavar="CHECKPOINT_OR_MODEL", default=Path("models/street"))
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--steps", type=int, help="of a row, a multiple of 7; else the recipe's")
    parser.add_argument("--out", type=Path, default=Path("runs/pennfudan"))
    parser.add_argument("--network", choices=NETWORKS, help="of all rows; else the recipes'")
    parser.add_argument("--recipes", type=Path, default=HERE.parent / "config" / "recipes", help="folder of both")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs", help="where the table and the plot go")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "pennfudan.json")
    options = parser.parse_args(arguments)

    network = {"network": options.network} if options.network else {}
    bases = {name: yaml.safe_load((options.recipes / row.recipe).read_text()) | network for name, row in ROWS.items()}
    starts = {name: options.start_from if row.from_streets else None for name, row in ROWS.items()}
    recipes = {name: Recipe.model_validate(variant(base, name, steps=options.steps)) for name, base in bases.items()}
    check_fair(recipes)

    def text(name: str, repeat: int) -> str:
        return file_of(variant(bases[name], name, steps=options.steps, repeat=repeat), starts[name])

    runs = list(itertools.product(range(1, options.seeds + 1), options.only))
    for repeat, name in runs:  # all of them first, so that what does not fit is said at once
        prepare(folder_of(options.out, name, repeat), text(name, repeat), starts[name])
    for place, (repeat, name) in enumerate(runs, start=1):
        folder = folder_of(options.out, name, repeat)
        print(f"{place} of {len(runs)}: {folder}", flush=True)
        measure(folder)
    found = {name: reports_of(options.out, name, partial(text, name)) for name in ROWS}
    rows = [(recipes[name], starts[name], reports) for name, reports in found.items() if reports]
    best = max(rows, key=lambda row: np.mean(values(row[2], "AP")))[0].name
    write_page(options.docs, options.results, rows, pixels(recipes[best]))
    draw(folder_of(options.out, best, 1), options.out / "sheet.jpg", options.docs / "pennfudan-masks.png")
    print(f"{table(rows)}\nwritten: {options.docs / 'pennfudan.md'}, {options.results}, {options.out / 'sheet.jpg'}")


if __name__ == "__main__":
    main()
