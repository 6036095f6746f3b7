"""A training run on disk. Written whole or not at all; read without pickle."""

import os
from pathlib import Path

import torch
from torch import nn

from ..errors import InputError
from .recipe import Recipe


def save_checkpoint(path: Path, recipe: Recipe, network: nn.Module, optimizer: torch.optim.Optimizer,
                    step: int) -> None:
    """Everything that going on from `step` needs."""
    unfinished = path.with_suffix(".unfinished")
    torch.save({"recipe": recipe.model_dump_json(), "step": step, "network": network.state_dict(),
                "optimizer": optimizer.state_dict()}, unfinished)
    os.replace(unfinished, path)


def load_checkpoint(path: Path, recipe: Recipe, network: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Restore a run of the same recipe. Returns the step to go on with. Raises InputError if it is another run's."""
    content = _read(path)
    if Recipe.model_validate_json(content["recipe"]) != recipe:
        raise InputError(f"{path} was trained by another recipe. Restore that recipe, or choose another --out")
    network.load_state_dict(content["network"])
    optimizer.load_state_dict(content["optimizer"])
    return content["step"]


def load_network(path: Path, network_of) -> tuple[Recipe, nn.Module]:
    """The recipe and the trained network, made by network_of(recipe). Raises InputError if `path` is no checkpoint."""
    content = _read(path)
    recipe = Recipe.model_validate_json(content["recipe"])
    network = network_of(recipe)
    network.load_state_dict(content["network"])
    return recipe, network.eval()


def _read(path: Path) -> dict:
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Make it: instance-seg train config/recipes/street.yaml") from error
    except Exception as error:  # torch lets through whatever its unpickler stumbles over
        raise InputError(f"{path} is not a checkpoint of this program: {error}") from error
    if not isinstance(content, dict) or not {"recipe", "step", "network", "optimizer"} <= content.keys():
        raise InputError(f"{path} is not a checkpoint of this program: it lacks recipe, step, network or optimizer")
    return content
