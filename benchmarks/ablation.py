"""What each part of the seed is worth: METHODS 1.7, table 2, on generated streets under equal budget.

    python benchmarks/ablation.py [--steps N] [--seeds N] [--start-from models/street] [--only NAME ...]

Every row is config/recipes/ablation.yaml with the changes of ROWS. It is trained, exported and evaluated on the test
streets in OUT/NAME; an ablation that was interrupted goes on where it stopped. Then all rows that are complete go into
the table of docs/ablation.md and the plot beside it; what is written around the table stays.

--start-from gives every row the encoder and the seed maps of a trained network. The branch of offsets and bandwidths,
which the rows differ in, begins anew in each.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import yaml
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.ablation_page import table, write_page  # noqa: E402
from instance_seg_node.atomic_files import write_atomically  # noqa: E402
from instance_seg_node.datasets.street import CLASSES  # noqa: E402
from instance_seg_node.datasets.streets import Streets  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.evaluation.report import evaluate  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402
from instance_seg_node.segmenter import open_segmenter  # noqa: E402
from instance_seg_node.training.batches import images_of  # noqa: E402
from instance_seg_node.training.checkpoint import load_network, network_of, save_checkpoint  # noqa: E402
from instance_seg_node.training.export import export  # noqa: E402
from instance_seg_node.training.learner import Learner  # noqa: E402
from instance_seg_node.training.origin import origin_of  # noqa: E402
from instance_seg_node.training.recipe import Recipe  # noqa: E402
from instance_seg_node.training.scenes import split_seeds  # noqa: E402
from instance_seg_node.training.start import load_weights  # noqa: E402
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
    """The recipe of a row, as its file has it. steps: of all stages together. repeat: 1, 2, ..., each with its seed."""
    changes, stages = ROWS[name], base["stages"]
    if steps:
        share = steps / sum(stage["steps"] for stage in stages)
        stages = [stage | {"steps": max(1, round(stage["steps"] * share))} for stage in stages]
    return base | changes | {"name": name, "loss": base.get("loss", {}) | changes["loss"], "stages": stages,
                             "seed": base.get("seed", 0) + repeat - 1}


def folder_of(out: Path, name: str, repeat: int) -> Path:
    return out / (name if repeat == 1 else f"{name}-{repeat}")


def file_of(recipe: dict, start: Path | None) -> str:
    """What is in the recipe.yaml of a row."""
    return f"# starts from {start or 'chance'}\n{yaml.safe_dump(recipe, sort_keys=False)}"


def measure(folder: Path, text: str, start: Path | None, scenes: Path) -> None:
    """Train and evaluate a row, as far as that is not done yet, into folder/scores.json: the report of `evaluate`.

    text: its recipe.yaml. Raises InputError if the folder holds another recipe's run.
    """
    path = folder / "recipe.yaml"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    elif path.read_text() != text:
        raise InputError(f"{folder} holds a run of another recipe, see {path}. Choose another --out")
    recipe, checkpoint, scores = Recipe.load(path), folder / "checkpoint.pt", folder / "scores.json"
    if not (folder / "scenes").exists():  # where `train` keeps them: the rows share theirs
        scenes.mkdir(parents=True, exist_ok=True)
        (folder / "scenes").symlink_to(scenes.resolve())
    if start is not None and not checkpoint.exists():
        begin(checkpoint, recipe, start)
    train(path, folder, resume=True)
    if not scores.exists() or scores.stat().st_mtime < checkpoint.stat().st_mtime:
        export(checkpoint, folder / "model")
        streets = streets_of(recipe, "test")
        evaluation = evaluate(open_segmenter(folder / "model"), streets, tqdm(range(len(streets)), desc="evaluating"))
        write_atomically(scores, json.dumps(evaluation.report, indent=2).encode())


def streets_of(recipe: Recipe, split: str) -> Streets:
    seeds = split_seeds(split, getattr(recipe.scenes, split), recipe.scenes.seed)
    return Streets(seeds, recipe.input_height, recipe.input_width)


def begin(checkpoint: Path, recipe: Recipe, start: Path) -> None:
    """A checkpoint of no step yet, with the encoder and the seed branch of another run or of a model folder."""
    bandwidths = ModelSpec.load(start).bandwidths if start.is_dir() else load_network(start).recipe.bandwidths
    theirs = network_of(recipe.model_copy(update={"bandwidths": bandwidths}))
    streets = streets_of(recipe, "validation")
    origin = load_weights(start, CLASSES, theirs, (images_of([streets[i]]) for i in range(len(streets))))
    torch.manual_seed(recipe.seed)
    learner = Learner(network_of(recipe), recipe)
    learner.network.encoder.load_state_dict(theirs.encoder.state_dict())
    learner.network.branches[1].load_state_dict(theirs.branches[1].state_dict())
    learner.restart()
    own = origin_of(recipe, f"python benchmarks/ablation.py --start-from {start} --only {recipe.name}")
    save_checkpoint(checkpoint, recipe, CLASSES, origin.followed_by(own), learner, 0)


def complete(out: Path, base: dict, start: Path | None, steps: int | None) -> Iterator[tuple[Recipe, list[dict]]]:
    """The recipe of each row that has been measured under this budget, and its report for each seed."""
    for name in ROWS:
        reports = []
        for repeat in itertools.count(1):
            folder, recipe = folder_of(out, name, repeat), row(base, name, steps=steps, repeat=repeat)
            if not (folder / "scores.json").exists() or (folder / "recipe.yaml").read_text() != file_of(recipe, start):
                break
            reports.append(json.loads((folder / "scores.json").read_text()))
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
    options = parser.parse_args(arguments)
    base, start = yaml.safe_load(options.recipe.read_text()), options.start_from
    for repeat, name in itertools.product(range(1, options.seeds + 1), options.only):
        text = file_of(row(base, name, steps=options.steps, repeat=repeat), start)
        measure(folder_of(options.out, name, repeat), text, start, options.scenes or options.out / "scenes")
    rows = list(complete(options.out, base, start, options.steps))
    write_page(options.docs, rows, str(start or "chance"))
    print(f"{table(rows)}\nwritten: {options.docs / 'ablation.md'}, {options.docs / 'ablation.png'}")


if __name__ == "__main__":
    main()
