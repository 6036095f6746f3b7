"""A training run on disk. Written whole or not at all; read without pickle."""

from pathlib import Path

import torch
from torch import nn

from ..atomic_files import atomic_file
from ..datasets.street import CLASSES
from ..errors import InputError
from ..methods.spatial_embedding.network import BranchedErfnet, spatial_embedding_network
from .recipe import Recipe

KEYS = {"recipe", "step", "network", "optimizer", "commands"}


def network_of(recipe: Recipe) -> BranchedErfnet:
    """The recipe's network before its first step."""
    return spatial_embedding_network(recipe.bandwidths, len(CLASSES), dropout=recipe.dropout)


def save_checkpoint(path: Path, recipe: Recipe, network: nn.Module, optimizer: torch.optim.Optimizer, step: int,
                    commands: list[str]) -> None:
    """Everything that going on from `step` needs. commands: what to type to get these weights, for the model's card."""
    with atomic_file(path) as file:
        torch.save({"recipe": recipe.model_dump_json(), "step": step, "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(), "commands": commands}, file)


def load_checkpoint(path: Path, recipe: Recipe, network: nn.Module,
                    optimizer: torch.optim.Optimizer) -> tuple[int, list[str]]:
    """Restore a run of the same recipe. Returns the step to go on with and the run's commands.

    Raises InputError if it is another run's.
    """
    content = _read(path)
    if Recipe.model_validate_json(content["recipe"]) != recipe:
        raise InputError(f"{path} was trained by another recipe. Restore that recipe, or choose another --out")
    network.load_state_dict(content["network"])
    optimizer.load_state_dict(content["optimizer"])
    return content["step"], content["commands"]


def load_weights(path: Path, network: nn.Module) -> list[str]:
    """Give the network the weights of another run. Returns that run's commands.

    Raises InputError if `path` is no checkpoint or its weights do not fit.
    """
    content = _read(path)
    try:
        network.load_state_dict(content["network"])
    except RuntimeError as error:
        raise InputError(f"{path} holds another network than the recipe's: {error}") from error
    return content["commands"]


def load_network(path: Path) -> tuple[Recipe, nn.Module, list[str]]:
    """The recipe, the trained network ready to infer, the commands. Raises InputError if `path` is no checkpoint."""
    content = _read(path)
    recipe = Recipe.model_validate_json(content["recipe"])
    network = network_of(recipe)
    network.load_state_dict(content["network"])
    return recipe, network.eval(), content["commands"]


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
