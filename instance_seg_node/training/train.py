"""Train a network by a recipe: `instance-seg train config/recipes/street.yaml`.

Every step draws its crops, and the network its dropout, from (seed, step) alone: a run that was interrupted
and resumed ends with the same weights as one that was not. On a broken image of the user's a run ends when it comes to
it, see images.py.
"""

import csv
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from ..datasets.street import CLASSES
from ..errors import InputError
from ..memory import keep_freed_memory
from ..methods.spatial_embedding.loss import LossTerms, spatial_embedding_loss
from .augment import Crop, random_crop
from .checkpoint import load_checkpoint, network_of, save_checkpoint
from .guidance import background_repulsion, guidance, warm_up_loss
from .images import Images, open_data, streets
from .learner import Learner
from .origin import origin_of
from .recipe import Recipe, Stage, stage_of
from .start import load_weights
from .validate import validate

LOOKED_AT = 16
"""Batches over which the norms of a model are found again that its export has folded away."""


def train(recipe_path: Path, out: Path, *, resume: bool = False, start_from: Path | None = None) -> Path:
    """Train to the end of the recipe. Returns the checkpoint's path, out/checkpoint.pt; out/progress.csv is the log.

    start_from: the checkpoint of another run, or a model folder, whose weights this one starts with (start.py).
    Raises InputError if `out` already holds a run and `resume` is false, its run has another recipe or other classes,
    `start_from` is no checkpoint or of another network, or the recipe's data cannot be opened; and, when a step or a
    validation comes to it, if an image of that is broken.
    """
    recipe = Recipe.load(recipe_path)
    out = Path(out)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise InputError(f"{checkpoint} is there already. Go on with it: --resume; or choose another --out")
    if checkpoint.exists() and start_from is not None:
        raise InputError(f"{checkpoint} has begun already, so it cannot start from {start_from}. To go on with it, "
                         "leave --start-from out; or choose another --out")
    data = open_data(recipe)
    classes = data[0].classes if data else CLASSES
    out.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    torch.set_flush_denormal(True)
    torch.manual_seed(recipe.seed)
    images, held_out = data or streets(recipe, out / "scenes")
    learner = Learner(network_of(recipe, classes), recipe)
    first, origin = 0, origin_of(recipe, f"instance-seg train {recipe_path}")
    if checkpoint.exists():
        first, origin = load_checkpoint(checkpoint, recipe, classes, learner)
    elif start_from is not None:
        own = origin_of(recipe, f"instance-seg train {recipe_path} --start-from {start_from}")
        looked_at = (_tensor_of_images(_batch(images, recipe, step)) for step in range(min(LOOKED_AT, recipe.steps)))
        origin = load_weights(start_from, classes, learner.network, looked_at).followed_by(own)
        learner.restart()
    progress = tqdm(_batches(images, recipe, first), initial=first, total=recipe.steps, desc=recipe.name)
    running = np.zeros(4)
    for step, crops in enumerate(progress, start=first):
        terms = _step(learner, crops, recipe, step)
        running = _smoothed(running, terms, step - first)
        progress.set_postfix_str("loss {:.3f} instance {:.3f} variance {:.5f} seed {:.4f}".format(*running))
        if (step + 1) % recipe.validate_every == 0 or step + 1 == recipe.steps:
            scores = validate(learner.best, recipe, held_out, classes)
            save_checkpoint(checkpoint, recipe, classes, origin, learner, step + 1)
            _note(out / "progress.csv", step + 1, running, scores)
            progress.write(f"step {step + 1}: loss {running[0]:.3f}, validation AP {scores['AP']:.3f}, "
                           f"AP50 {scores['AP50']:.3f}")
    return checkpoint


def _step(learner: Learner, crops: list[Crop], recipe: Recipe, step: int) -> LossTerms:
    stage, learning_rate = stage_of(recipe, step)
    network = learner.network
    for group in learner.optimizer.param_groups:
        group["lr"] = learning_rate * group["share"]
    network.train()
    if stage.freeze_batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    torch.manual_seed(recipe.seed * 1_000_003 + step)  # for dropout
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.bfloat16):
        raw = network(_tensor_of_images(crops))
    terms = _loss(raw.float().contiguous(), crops, recipe, stage)
    learner.step(terms.total)
    return terms


def _loss(raw: torch.Tensor, crops: list[Crop], recipe: Recipe, stage: Stage) -> LossTerms:
    settings = recipe.loss
    truth = {"instance_map": _tensor(crops, "instance_map"), "class_map": _tensor(crops, "class_map"),
             "bandwidths": recipe.bandwidths, "ignore": _tensor(crops, "ignore").bool(),
             "foreground_weight": settings.foreground_weight, "small_instances": settings.small_instances}
    if stage.warm_up:
        return warm_up_loss(raw, **truth)
    terms = spatial_embedding_loss(raw, **truth, centre=settings.centre, weights=settings.weights,
                                   seed_error=settings.seed_error)
    total, where = terms.total, {"instance_map": truth["instance_map"], "ignore": truth["ignore"]}
    if stage.guidance:
        offset, bandwidth = guidance(raw, **where, bandwidths=recipe.bandwidths)
        total = total + stage.guidance * (offset + 10 * bandwidth)
    if settings.repulsion:
        total = total + settings.repulsion * background_repulsion(raw, **where)
    return replace(terms, total=total)


def _tensor(crops: list[Crop], name: str) -> torch.Tensor:
    return torch.from_numpy(np.stack([getattr(crop, name) for crop in crops]).astype(np.int64))


def _tensor_of_images(crops: list[Crop]) -> torch.Tensor:
    return torch.from_numpy(np.stack([crop.rgb for crop in crops])).permute(0, 3, 1, 2).float() / 255


def _batches(images: Images, recipe: Recipe, first: int) -> Iterator[list[Crop]]:
    """The crops of each step from `first` on; the next batch is made while one is used."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(_batch, images, recipe, first)
        for step in range(first, recipe.steps):
            crops = following.result()
            if step + 1 < recipe.steps:
                following = pool.submit(_batch, images, recipe, step + 1)
            yield crops


def _batch(images: Images, recipe: Recipe, step: int) -> list[Crop]:
    rng = np.random.default_rng([recipe.seed, step])
    stage, _ = stage_of(recipe, step)
    crops = []
    while len(crops) < stage.batch:
        image = images[rng.integers(len(images))]
        count = min(stage.crops_per_scene, stage.batch - len(crops))
        crops += [random_crop(image, stage, rng, recipe.camera_variety) for _ in range(count)]
    return crops


def _smoothed(running: np.ndarray, terms: LossTerms, done: int) -> np.ndarray:
    """Means over about the last hundred steps."""
    now = np.array([terms.total.item(), terms.instance.item(), terms.variance.item(), terms.seed.item()])
    share = max(0.01, 1 / (done + 1))
    return (1 - share) * running + share * now


def _note(path: Path, step: int, running: np.ndarray, scores: dict[str, float]) -> None:
    """Append one line to the progress table."""
    new = not path.exists()
    with open(path, "a", newline="") as file:
        table = csv.writer(file, lineterminator=os.linesep)
        if new:
            table.writerow(("step", "loss", "instance", "variance", "seed", *scores))
        table.writerow(f"{v:.6g}" for v in (step, *running, *scores.values()))
