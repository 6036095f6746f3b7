"""The loss of spatial embeddings (METHODS 1.4). Axes: B images, N pixels of one image, D bandwidths, C classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .network import coordinates

Centre = Literal["centroid", "learnable"]
SeedError = Literal["squared", "cross_entropy"]

NEGLIGIBLE_MEMBERSHIP = 1e-3
"""Pixels of others below it change the Lovasz hinge by no more than rounding, and need no place in its sort."""


@dataclass(frozen=True)
class LossTerms:
    """Scalars with gradient, means over the images. total = instance + 10 variance + seed with the default weights."""

    total: Tensor
    instance: Tensor
    variance: Tensor
    seed: Tensor


def spatial_embedding_loss(raw: Tensor, instance_map: Tensor, class_map: Tensor, *, bandwidths: int,
                           centre: Centre = "centroid", foreground_weight: float | Sequence[float] = 10.0,
                           weights: tuple[float, float, float] = (1.0, 10.0, 1.0),
                           seed_error: SeedError = "squared", small_instances: float = 0.0,
                           ignore: Tensor | None = None) -> LossTerms:
    """How far the network's raw output is from the true instances.

    raw: (B, 2 + D + C, H, W). instance_map: int (B, H, W), 0 = none. class_map: int (B, H, W), the class of each
    pixel of an instance, anything elsewhere. foreground_weight: one, or one per class. seed_error: "squared" is that
    of METHODS 1.4; see `_seed_term` for the other. small_instances: what `area_weights` takes for the seeds.
    ignore: bool (B, H, W), pixels that teach nothing. Computed in fp32.
    """
    raw = raw.float().contiguous()
    per_class = class_weights(foreground_weight, raw, bandwidths)
    grid = coordinates(*raw.shape[2:]).to(raw.device).flatten(1)  # (2, N)
    terms = [_image_terms(raw[b].flatten(1), grid, instance_map[b].flatten(), class_map[b].flatten(),
                          None if ignore is None else ignore[b].flatten(), bandwidths, centre, per_class, seed_error,
                          small_instances)
             for b in range(len(raw))]
    instance, variance, seed = torch.stack([torch.stack(t) for t in terms]).mean(0)
    # Every output keeps a gradient, also in an image without instances.
    total = weights[0] * instance + weights[1] * variance + weights[2] * seed + 0 * raw.sum()
    return LossTerms(total, instance, variance, seed)


TYPICAL_AREA = 400
"""Pixels: 20 x 20."""

def class_weights(foreground_weight: float | Sequence[float], raw: Tensor, bandwidths: int) -> Tensor:
    """One weight per class, (C,). Raises ValueError if there are neither one nor C."""
    classes = raw.shape[1] - 2 - bandwidths
    weights = torch.as_tensor(foreground_weight, dtype=torch.float32, device=raw.device)
    if weights.numel() not in (1, classes):
        raise ValueError(f"{weights.numel()} foreground weights for {classes} classes. Give one, or one per class")
    return weights.expand(classes)


def area_weights(instance_map: Tensor, exponent: float) -> Tensor:
    """(TYPICAL_AREA / pixels of the instance) ** exponent for its pixels, 1 for others; the shape of instance_map.

    0: every pixel counts as much, so that a near lorry hides a hundred people; 1: every instance does.
    """
    weights = (TYPICAL_AREA / torch.bincount(instance_map.flatten()).clamp(min=1)) ** exponent
    weights[0] = 1.0
    return weights[instance_map]


def _image_terms(raw, grid, instance_map, class_map, ignore, bandwidths, centre, foreground_weight, seed_error,
                 small_instances):
    """The three terms of one image, flattened to N pixels."""
    embedding = torch.tanh(raw[:2]) + grid  # (2, N)
    r = raw[2:2 + bandwidths]  # (D, N)
    valid = torch.ones_like(instance_map, dtype=torch.bool) if ignore is None else ~ignore
    target = torch.zeros_like(raw[2 + bandwidths:])  # (C, N): what the seed maps should be
    instance_terms, variance_terms = [], []
    for k in torch.unique(instance_map[valid]).tolist():
        if k == 0:
            continue
        own = (instance_map == k) & valid
        members = own.nonzero()[:, 0]
        mean_r = r[:, members].mean(1, keepdim=True)  # (D, 1)
        middle = (grid if centre == "centroid" else embedding)[:, members].mean(1, keepdim=True)  # (2, 1)
        instance_terms.append(_instance_term(embedding, middle, mean_r, own, valid))
        variance_terms.append((r[:, members] - mean_r.detach()).square().mean())
        target[int(class_map[members[0]]), members] = membership(embedding[:, members], middle, mean_r).detach()
    own_class = torch.where(instance_map > 0, class_map, -1)
    zero = raw.new_zeros(())
    return (torch.stack(instance_terms).mean() if instance_terms else zero,
            torch.stack(variance_terms).mean() if variance_terms else zero,
            _seed_term(raw[2 + bandwidths:], target, own_class, valid * area_weights(instance_map, small_instances),
                       foreground_weight, seed_error))


def _seed_term(logits, target, own_class, pixel_weight, foreground_weight, seed_error):
    """Mean over the pixels of how far the seeds are from `target`. logits, target: (C, N). own_class: (N,), -1 = none.

    "squared": METHODS 1.4, where a class's weight counts in its own map. It teaches little where seeds are dark, which
    those of rare classes become first. "cross_entropy" has its minimum at the same seeds and does teach there; a
    pixel's weight counts in every map, so that of two classes that look alike neither is believed, rather than both.
    """
    own = own_class == torch.arange(len(logits), device=logits.device)[:, None]  # (C, N)
    if seed_error == "squared":
        weight = torch.where(own, foreground_weight[:, None], 1.0)
        errors = (torch.sigmoid(logits) - target).square()
    else:
        weight = torch.where(own, foreground_weight[:, None], 0.0).sum(0)
        weight = torch.where(own_class >= 0, weight, 1.0)
        errors = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weight * errors * pixel_weight).sum() / own_class.numel()


def _instance_term(embedding, middle, mean_r, own, valid):
    """Lovasz hinge of 2 phi - 1 against the instance's mask, over the pixels that can matter."""
    with torch.no_grad():
        distance = ((embedding - middle).square() * torch.exp(10 * mean_r)).sum(0)
        matters = (own | (distance < -math.log(NEGLIGIBLE_MEMBERSHIP))) & valid
        chosen = matters.nonzero()[:, 0]
    phi = membership(embedding[:, chosen], middle, mean_r)
    return lovasz_hinge(2 * phi - 1, own[chosen])


def membership(embedding: Tensor, centre: Tensor, r: Tensor) -> Tensor:
    """phi in (0, 1], (N,). embedding: (2, N). centre: (2, 1). r: (D, 1), the bandwidth before its exponential."""
    return torch.exp(-((embedding - centre).square() * torch.exp(10 * r)).sum(0))


def lovasz_hinge(logits: Tensor, target: Tensor) -> Tensor:
    """A convex surrogate of the Jaccard loss (Berman; Yu and Blaschko). logits: (N,). target: bool (N,)."""
    sign = 2.0 * target - 1.0
    errors, order = torch.sort(1.0 - logits * sign, descending=True)
    found = target[order].to(logits.dtype)
    positives = found.sum()
    jaccard = 1.0 - (positives - found.cumsum(0)) / (positives + (1.0 - found).cumsum(0))
    weights = torch.diff(jaccard, prepend=jaccard.new_zeros(1))
    return torch.relu(errors) @ weights
