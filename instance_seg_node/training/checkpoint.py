"""A training run on disk. Written whole or not at all; read without pickle."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from ..datasets.street import CLASSES
from ..errors import InputError
from ..files.atomic_files import write_atomically
from ..methods.spatial_embedding.network import spatial_embedding_network
from ..methods.spatial_embedding.networks import Branched
from ..model_spec import ObjectClass
from .learner import Learner
from .origin import Origin
from .recipe import Recipe

KEYS = {"recipe", "step", "network", "average", "optimizer", "classes", "commands", "sources"}


class Trained(NamedTuple):
    """A network that has learned: the mean over its last steps, if the recipe takes one. classes: of its seed maps."""

    recipe: Recipe
    classes: tuple[ObjectClass, ...]
    origin: Origin
    network: Branched


def network_of(recipe: Recipe, classes: Sequence[ObjectClass] = CLASSES) -> Branched:
    """The recipe's network before its first step. classes: those of its images, by default of the streets."""
    return spatial_embedding_network(recipe.bandwidths, len(classes), network=recipe.network, dropout=recipe.dropout)


def save_checkpoint(path: Path, recipe: Recipe, classes: Sequence[ObjectClass], origin: Origin, learner: Learner,
                    step: int) -> None:
    """Everything that going on from `step` needs, and what the model's card says."""
    content = io.BytesIO()  # torch hides what goes wrong with a file behind an error of its own
    torch.save({"recipe": recipe.model_dump_json(), "step": step, **learner.state_dict(),
                "classes": [c.model_dump() for c in classes], "commands": list(origin.commands),
                "sources": list(origin.sources)}, content)
    write_atomically(path, content.getbuffer())


def load_checkpoint(path: Path, recipe: Recipe, classes: Sequence[ObjectClass],
                    learner: Learner) -> tuple[int, Origin]:
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
        learner.load_state_dict(content)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} was written by another version of this program: {error}. Choose another --out, and "
                         f"--start-from {path} if its network still fits") from error
    return content["step"], _origin(content)


def load_network(path: Path) -> Trained:
    """The trained network, ready to infer, and what is known of it. Raises InputError if `path` is no checkpoint."""
    content = _read(path)
    recipe, classes = _recipe(content), _classes(content)
    network = network_of(recipe, classes)
    network.load_state_dict(content["average"] or content["network"])
    return Trained(recipe, classes, _origin(content), network.eval())


def _recipe(content: dict) -> Recipe:
    return Recipe.model_validate_json(content["recipe"])


def _classes(content: dict) -> tuple[ObjectClass, ...]:
    return tuple(ObjectClass.model_validate(c) for c in content["classes"])


def _origin(content: dict) -> Origin:
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
