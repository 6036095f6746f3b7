"""A training run on disk. Written whole or not at all; read without pickle."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..atomic_files import atomic_file
from ..datasets.street import CLASSES
from ..errors import InputError
from ..methods.spatial_embedding.network import BranchedErfnet, spatial_embedding_network
from ..model_spec import ObjectClass
from .origin import Origin, origin_of
from .recipe import Recipe

KEYS = {"recipe", "step", "network", "optimizer", "commands"}


class Trained(NamedTuple):
    """A network that has learned. classes: of its seed maps, in order."""

    recipe: Recipe
    classes: tuple[ObjectClass, ...]
    origin: Origin
    network: BranchedErfnet


def network_of(recipe: Recipe, classes: Sequence[ObjectClass] = CLASSES) -> BranchedErfnet:
    """The recipe's network before its first step. classes: those of its images, by default of the streets."""
    return spatial_embedding_network(recipe.bandwidths, len(classes), dropout=recipe.dropout)


def save_checkpoint(path: Path, recipe: Recipe, classes: Sequence[ObjectClass], origin: Origin, network: nn.Module,
                    optimizer: torch.optim.Optimizer, step: int) -> None:
    """Everything that going on from `step` needs, and what the model's card says."""
    with atomic_file(path) as file:
        torch.save({"recipe": recipe.model_dump_json(), "step": step, "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(), "classes": [c.model_dump() for c in classes],
                    "commands": list(origin.commands), "sources": list(origin.sources)}, file)


def load_checkpoint(path: Path, recipe: Recipe, classes: Sequence[ObjectClass], network: nn.Module,
                    optimizer: torch.optim.Optimizer) -> tuple[int, Origin]:
    """Restore a run of the same recipe. Returns the step to go on with and where the weights come from.

    Raises InputError if it is another run's, or its data has had other classes.
    """
    content = _read(path)
    if _recipe(content) != recipe:
        raise InputError(f"{path} was trained by another recipe. Restore that recipe, or choose another --out")
    before, now = _names(_classes(content)), _names(classes)
    if before != now:
        raise InputError(f"{path} was trained on data of the classes {', '.join(before)}, which now has "
                         f"{', '.join(now)}. Restore its classes, or choose another --out")
    try:
        network.load_state_dict(content["network"])
        optimizer.load_state_dict(content["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} was written by another version of this program: {error}. Choose another --out, and "
                         f"--start-from {path} if its network still fits") from error
    return content["step"], _origin(content)


def load_weights(path: Path, classes: Sequence[ObjectClass], network: BranchedErfnet) -> Origin:
    """Give a network of `classes` the weights of another run. Returns where those come from.

    If that run had other classes, seed maps are matched by the name of their class; one of a new class stays as it is.
    Raises InputError if `path` is no checkpoint or its weights do not fit.
    """
    content = _read(path)
    weights, theirs = content["network"], _names(_classes(content))
    try:
        if theirs != _names(classes):
            weights = weights | _seed_maps(weights, theirs, network, _names(classes))
        network.load_state_dict(weights)
    except (KeyError, IndexError, RuntimeError) as error:
        raise InputError(f"{path} holds another network than the recipe's: {error}. Give the recipe "
                         "its bandwidths, or start from another run") from error
    return _origin(content)


def _seed_maps(weights: dict[str, Tensor], theirs: list[str], network: BranchedErfnet,
               ours: list[str]) -> dict[str, Tensor]:
    """The last layer of the seed branch: `weights` for the classes that are also `theirs`, else as in `network`."""
    branch = len(network.branches) - 1
    last = f"branches.{branch}.{len(network.branches[branch]) - 1}"
    own = network.state_dict()
    weight, bias = own[f"{last}.weight"].clone(), own[f"{last}.bias"].clone()  # (16, C, 2, 2), (C,)
    for i, name in enumerate(ours):
        if name in theirs:
            weight[:, i] = weights[f"{last}.weight"][:, theirs.index(name)]
            bias[i] = weights[f"{last}.bias"][theirs.index(name)]
    return {f"{last}.weight": weight, f"{last}.bias": bias}


def load_network(path: Path) -> Trained:
    """The trained network, ready to infer, and what is known of it. Raises InputError if `path` is no checkpoint."""
    content = _read(path)
    recipe, classes = _recipe(content), _classes(content)
    network = network_of(recipe, classes)
    network.load_state_dict(content["network"])
    return Trained(recipe, classes, _origin(content), network.eval())


def _recipe(content: dict) -> Recipe:
    return Recipe.model_validate_json(content["recipe"])


# Checkpoints of the time when there were but streets to learn from name neither classes nor sources.


def _classes(content: dict) -> tuple[ObjectClass, ...]:
    if "classes" not in content:
        return CLASSES
    return tuple(ObjectClass.model_validate(c) for c in content["classes"])


def _origin(content: dict) -> Origin:
    if "sources" not in content:
        return origin_of(_recipe(content), *content["commands"])
    return Origin(tuple(content["commands"]), tuple((text, licence) for text, licence in content["sources"]))


def _names(classes: Sequence[ObjectClass]) -> list[str]:
    return [c.name for c in classes]


def _read(path: Path) -> dict:
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Make it: instance-seg train config/recipes/street.yaml") from error
    except Exception as error:  # torch lets through whatever its unpickler stumbles over
        raise InputError(f"{path} is not a checkpoint of this program: {error}") from error
    if not isinstance(content, dict) or not KEYS <= content.keys():
        raise InputError(f"{path} is not a checkpoint of this program: it lacks one of {', '.join(sorted(KEYS))}")
    return content
