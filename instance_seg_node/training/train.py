"""Train a network by a recipe: `instance-seg train config/recipes/street.yaml`.

Every step draws its crops, and the network its dropout, from (seed, step) alone: a run that was interrupted and resumed
ends with the same weights as one that was not. torchrun starts it in several processes, see processes.py. On a broken
image of the user's a run ends when it comes to it, see images.py.
"""

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
from .augment import Crop
from .batches import Share, batches, first_images, images_of, labels_of
from .checkpoint import load_checkpoint, network_of, save_checkpoint
from .guidance import background_repulsion, guidance, warm_up_loss
from .images import open_data, streets
from .journal import Journal
from .learner import Learner
from .origin import origin_of
from .processes import open_fabric
from .recipe import Recipe, Stage, stage_of
from .start import load_weights
from .validate import validate


def train(recipe_path: Path, out: Path, *, resume: bool = False, start_from: Path | None = None) -> Path:
    """Train to the end of the recipe. Returns the checkpoint's path, out/checkpoint.pt; journal.py says what else is
    in `out`.

    start_from: the checkpoint of another run, a model folder or a shipped model's name, whose weights this one starts
    with (start.py). With `resume` too, the same call begins a run and goes on with it.
    Raises InputError if `out` already holds a run and `resume` is false, its run has another recipe, other classes or
    another start, `start_from` is no checkpoint or of another network, or the recipe's data cannot be opened; and, when
    a step or a validation comes to it, if an image of that is broken.
    """
    recipe = Recipe.load(recipe_path)
    out = Path(out)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise InputError(f"{checkpoint} is there already. Go on with it: --resume; or choose another --out")
    data = open_data(recipe)
    classes = data[0].classes if data else CLASSES
    out.mkdir(parents=True, exist_ok=True)
    fabric = open_fabric(recipe)
    keep_freed_memory()
    torch.set_flush_denormal(True)
    torch.manual_seed(recipe.seed)
    with fabric.rank_zero_first():
        images, held_out = data or streets(recipe, out / "scenes")
    learner = Learner(network_of(recipe, classes), recipe, fabric)
    first, origin = 0, origin_of(recipe, f"instance-seg train {recipe_path}")
    if checkpoint.exists():
        first, origin = load_checkpoint(checkpoint, recipe, classes, learner)
        if start_from is not None and not origin.commands[-1].endswith(f" --start-from {start_from}"):
            raise InputError(f"{checkpoint} has not started from {start_from}: it comes of `{origin.commands[-1]}`. To "
                             "go on with it, leave --start-from out; or choose another --out")
    elif start_from is not None:
        own = origin_of(recipe, f"instance-seg train {recipe_path} --start-from {start_from}")
        looked_at = first_images(images, recipe, fabric.device)
        origin = load_weights(start_from, classes, learner.network, looked_at).followed_by(own)
        learner.restart()
    share = Share(fabric.global_rank, fabric.world_size)
    progress = tqdm(batches(images, recipe, first, share), initial=first, total=recipe.steps, desc=recipe.name,
                    disable=not fabric.is_global_zero)
    running = np.zeros(4)
    journal = Journal(out, first) if fabric.is_global_zero else None
    for step, crops in enumerate(progress, start=first):
        terms = _step(learner, crops, recipe, step)
        running = _smoothed(running, fabric.all_reduce(_as_one(terms)), step - first)
        progress.set_postfix_str("loss {:.3f} instance {:.3f} variance {:.5f} seed {:.4f}".format(*running))
        if (step + 1) % recipe.validate_every == 0 or step + 1 == recipe.steps:
            if journal:
                scores, pictures = validate(learner.best, recipe, held_out, classes)
                journal.note(step + 1, stage_of(recipe, step)[1], running, scores, pictures)
                save_checkpoint(checkpoint, recipe, classes, origin, learner, step + 1)
                progress.write(f"step {step + 1}: loss {running[0]:.3f}, validation AP {scores['AP']:.3f}, "
                               f"AP50 {scores['AP50']:.3f}")
            fabric.barrier()
    if journal:
        journal.close()
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
    terms = _loss(learner(images_of(crops, learner.fabric.device)), crops, recipe, stage)
    learner.step(terms.total)
    return terms


def _loss(raw: torch.Tensor, crops: list[Crop], recipe: Recipe, stage: Stage) -> LossTerms:
    settings = recipe.loss
    truth = {name: labels_of(crops, name, raw.device) for name in ("instance_map", "class_map", "ignore")}
    truth |= {"bandwidths": recipe.bandwidths, "ignore": truth["ignore"].bool(),
             "centre": settings.centre, "foreground_weight": settings.foreground_weight,
             "small_instances": settings.small_instances}
    if stage.warm_up:
        return warm_up_loss(raw, **truth)
    terms = spatial_embedding_loss(raw, **truth, weights=settings.weights,
                                   seed_error=settings.seed_error)
    total, where = terms.total, {"instance_map": truth["instance_map"], "ignore": truth["ignore"]}
    if stage.guidance:
        offset, bandwidth = guidance(raw, **where, bandwidths=recipe.bandwidths, centre=settings.centre)
        total = total + stage.guidance * (offset + 10 * bandwidth)
    if settings.repulsion:
        total = total + settings.repulsion * background_repulsion(raw, **where)
    return replace(terms, total=total)


def _as_one(terms: LossTerms) -> torch.Tensor:
    return torch.stack([terms.total, terms.instance, terms.variance, terms.seed]).detach()


def _smoothed(running: np.ndarray, now: torch.Tensor, done: int) -> np.ndarray:
    """Means over about the last hundred steps."""
    share = max(0.01, 1 / (done + 1))
    return (1 - share) * running + share * now.cpu().numpy()
