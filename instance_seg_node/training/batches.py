"""The crops of every step, and this process's share of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from .augment import Crop, random_crop
from .images import Images
from .recipe import Recipe, stage_of


class Share(NamedTuple):
    """Which part of every batch is ours."""

    rank: int = 0
    processes: int = 1


def batches(images: Images, recipe: Recipe, first: int, share: Share) -> Iterator[list[Crop]]:
    """Our crops of each step from `first` on; the next are made while some are used."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(batch, images, recipe, first, share)
        for step in range(first, recipe.steps):
            crops = following.result()
            if step + 1 < recipe.steps:
                following = pool.submit(batch, images, recipe, step + 1, share)
            yield crops


def batch(images: Images, recipe: Recipe, step: int, share: Share) -> list[Crop]:
    """Our crops of a step. A scene's are drawn from (seed, step, its place), whichever process it falls to."""
    stage, _ = stage_of(recipe, step)
    crops = []
    for place in range(0, stage.batch, stage.crops_per_scene):
        if place * share.processes // stage.batch != share.rank:
            continue
        rng = np.random.default_rng([recipe.seed, step, place])
        image = images[rng.integers(len(images))]
        for _ in range(min(stage.crops_per_scene, stage.batch - place)):
            crops.append(random_crop(image, stage, rng, recipe.camera_variety))
    return crops


LOOKED_AT = 16
"""Batches over which the norms of a model are found again that its export has folded away."""


def first_images(images: Images, recipe: Recipe, device: torch.device | str = "cpu") -> Iterator[torch.Tensor]:
    """Images of the first steps, of all processes, for `load_weights` to look at; see `images_of`."""
    return (images_of(batch(images, recipe, step, Share()), device) for step in range(min(LOOKED_AT, recipe.steps)))


def images_of(crops: list[Crop], device: torch.device | str = "cpu") -> torch.Tensor:
    """float32 (B, 3, H, W) in [0, 1], the channels of a pixel side by side in memory."""
    return torch.from_numpy(np.stack([crop.rgb for crop in crops])).to(device).permute(0, 3, 1, 2).float() / 255


def labels_of(crops: list[Crop], name: str, device: torch.device | str = "cpu") -> torch.Tensor:
    """One of the label maps of crops, int64 (B, H, W)."""
    return torch.from_numpy(np.stack([getattr(crop, name) for crop in crops]).astype(np.int64)).to(device)
