"""Rows of a table that compares trainings: each a recipe, trained, exported and evaluated in a folder of its own.

What is complete is not done again; a training that was interrupted goes on from its last checkpoint.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml
from torch import Tensor
from tqdm import tqdm

from instance_seg_node.datasets.dataset import Dataset
from instance_seg_node.errors import InputError
from instance_seg_node.evaluation.report import evaluate
from instance_seg_node.files.atomic_files import write_atomically
from instance_seg_node.methods.spatial_embedding.networks import Branched
from instance_seg_node.model_spec import ModelSpec, ObjectClass
from instance_seg_node.segmenter import open_segmenter
from instance_seg_node.training.checkpoint import load_network, network_of, save_checkpoint
from instance_seg_node.training.export import export
from instance_seg_node.training.learner import Learner
from instance_seg_node.training.origin import Origin, origin_of
from instance_seg_node.training.recipe import Recipe
from instance_seg_node.training.start import load_weights


def variant(base: dict, name: str, *, steps: int | None = None, repeat: int = 1) -> dict:
    """A recipe, as its file has it, for a row.

    steps: of all stages together, at least one of each; None: as they are. repeat: 1, 2, ..., each with its seed.
    """
    stages = base["stages"]
    if steps:
        share = steps / sum(stage["steps"] for stage in stages)
        stages = [stage | {"steps": max(1, round(stage["steps"] * share))} for stage in stages]
    return base | {"name": name, "stages": stages, "seed": base.get("seed", 0) + repeat - 1}


def folder_of(out: Path, name: str, repeat: int) -> Path:
    return out / (name if repeat == 1 else f"{name}-{repeat}")


def file_of(recipe: dict, start: Path | None) -> str:
    """What is in the recipe.yaml of a row. start: a checkpoint or a model folder; None: chance.

    Other weights in the same place make another file. Raises InputError if `start` is not there.
    """
    origin = "chance"
    if start is not None:
        weights = start / "model.onnx" if start.is_dir() else start
        if not weights.exists():
            raise InputError(f"{weights} does not exist. Give --start-from a checkpoint.pt or a model folder")
        origin = f"{start}, sha256 {hashlib.sha256(weights.read_bytes()).hexdigest()[:12]}"
    return f"# starts from {origin}\n{yaml.safe_dump(recipe, sort_keys=False)}"


def claim(folder: Path, text: str) -> Path:
    """A row's recipe.yaml, written if it is not there. Raises InputError if the folder holds another recipe's run."""
    path = folder / "recipe.yaml"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    elif path.read_text() != text:
        raise InputError(f"{folder} holds a run of another recipe, see {path}. Choose another --out")
    return path


def network_at(start: Path, recipe: Recipe, classes: Sequence[ObjectClass],
               batches: Iterable[Tensor]) -> tuple[Branched, Origin]:
    """The recipe's network, but for its bandwidths, with the weights of a checkpoint or a model folder, and whence.

    classes, batches: see `load_weights`. Raises InputError if the weights are of another network.
    """
    bandwidths = ModelSpec.load(start).bandwidths if start.is_dir() else load_network(start).recipe.bandwidths
    network = network_of(recipe.model_copy(update={"bandwidths": bandwidths}), classes)
    return network, load_weights(start, classes, network, batches)


def save_beginning(checkpoint: Path, recipe: Recipe, classes: Sequence[ObjectClass], network: Branched,
                   before: Origin | None, command: str) -> None:
    """A checkpoint of no step yet. before: where the weights come from; None: chance. command: what trains them on."""
    own = origin_of(recipe, command)
    origin = before.followed_by(own) if before else own
    save_checkpoint(checkpoint, recipe, classes, origin, Learner(network, recipe), 0)


def score(folder: Path, images: Dataset) -> None:
    """Export and evaluate a row's checkpoint, unless that is done, into folder/scores.json: `evaluate`'s report."""
    checkpoint, scores = folder / "checkpoint.pt", folder / "scores.json"
    if scores.exists() and scores.stat().st_mtime >= checkpoint.stat().st_mtime:
        return
    export(checkpoint, folder / "model")
    evaluation = evaluate(open_segmenter(folder / "model"), images, tqdm(range(len(images)), desc="evaluating"))
    write_atomically(scores, json.dumps(evaluation.report, indent=2).encode())


def reports_of(out: Path, name: str, text: Callable[[int], str]) -> list[dict]:
    """A row's reports, one for each seed from the first on that is complete. text: the recipe.yaml of a repeat."""
    def complete(repeat: int) -> bool:
        folder = folder_of(out, name, repeat)
        return (folder / "scores.json").exists() and (folder / "recipe.yaml").read_text() == text(repeat)

    return [json.loads((folder_of(out, name, repeat) / "scores.json").read_text())
            for repeat in itertools.takewhile(complete, itertools.count(1))]
