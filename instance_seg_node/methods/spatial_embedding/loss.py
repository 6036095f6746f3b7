"""The loss of spatial embeddings (METHODS 1.4). Axes: B images, N pixels of one image, D bandwidths, C classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .network import coordinates

Centre = Literal["centroid", "learnable"]

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
                           ignore: Tensor | None = None) -> LossTerms:
    """How far the network's raw output is from the true instances.

    raw: (B, 2 + D + C, H, W). instance_map: int (B, H, W), 0 = none. class_map: int (B, H, W), the class of each
    pixel of an instance, anything elsewhere. foreground_weight: one, or one per class. ignore: bool (B, H, W),
    pixels that teach nothing. Computed in fp32.
    """
    raw = raw.float()
    classes = raw.shape[1] - 2 - bandwidths
    per_class = torch.as_tensor(foreground_weight, dtype=torch.float32, device=raw.device).expand(classes)
    grid = coordinates(*raw.shape[2:]).to(raw.device).flatten(1)  # (2, N)
    terms = [_image_terms(raw[b].flatten(1), grid, instance_map[b].flatten(), class_map[b].flatten(),
                          None if ignore is None else ignore[b].flatten(), bandwidths, centre, per_class)
             for b in range(len(raw))]
    instance, variance, seed = torch.stack([torch.stack(t) for t in terms]).mean(0)
    # Every output keeps a gradient, also in an image without instances.
    total = weights[0] * instance + weights[1] * variance + weights[2] * seed + 0 * raw.sum()
    return LossTerms(total, instance, variance, seed)


SMALLEST_MARGIN = 1.5 / 1023
"""In coordinate units: one and a half pixels."""


def warm_up_loss(raw: Tensor, instance_map: Tensor, class_map: Tensor, *, bandwidths: int,
                 ignore: Tensor | None = None) -> LossTerms:
    """What the memberships will ask for, asked for directly. Arguments as in `spatial_embedding_loss`.

    A network that knows nothing gets next to no gradient through memberships that are all near zero. So first: offsets
    to the centroid in units of the object's spread, bandwidths that fit that spread, seeds that tell the classes apart.
    """
    raw = raw.float()
    grid = coordinates(*raw.shape[2:]).to(raw.device)
    valid = torch.ones_like(instance_map, dtype=torch.bool) if ignore is None else ~ignore
    own = (instance_map > 0) & valid
    centroid, spread = _centroids_and_spreads(instance_map, grid)  # (B, 2, H, W)
    misses = ((torch.tanh(raw[:, :2]) + grid - centroid) / spread).abs().sum(1)
    margin = 1.2 * spread if bandwidths == 2 else 1.2 * spread.prod(1, keepdim=True).sqrt()
    wanted_r = torch.log(math.log(2) / margin.square()) / 10
    r_error = (raw[:, 2:2 + bandwidths] - wanted_r).square().mean(1)
    logits = raw[:, 2 + bandwidths:]
    classes = torch.arange(logits.shape[1], device=raw.device)[:, None, None]
    target = (own[:, None] & (class_map[:, None] == classes)).float()
    seed = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1)[valid].mean()
    if own.any():
        instance, variance = misses[own].mean(), r_error[own].mean()
    else:
        instance = variance = raw.new_zeros(())
    return LossTerms(instance + 10 * variance + seed + 0 * raw.sum(), instance, variance, seed)


def _centroids_and_spreads(instance_map: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """For every pixel the centroid of its instance and the standard deviation of its coordinates, each (B, 2, H, W)."""
    centroid, spread = [], []
    for ids in instance_map:
        _, row, count = torch.unique(ids, return_inverse=True, return_counts=True)
        row, points = row.flatten(), grid.flatten(1)
        mean = points.new_zeros(2, len(count)).index_add_(1, row, points) / count
        variance = points.new_zeros(2, len(count)).index_add_(1, row, (points - mean[:, row]).square()) / count
        centroid.append(mean[:, row].view_as(grid))
        spread.append(variance.sqrt().clamp(min=SMALLEST_MARGIN)[:, row].view_as(grid))
    return torch.stack(centroid), torch.stack(spread)


def _image_terms(raw, grid, instance_map, class_map, ignore, bandwidths, centre, foreground_weight):
    """The three terms of one image, flattened to N pixels."""
    embedding = torch.tanh(raw[:2]) + grid  # (2, N)
    r = raw[2:2 + bandwidths]  # (D, N)
    seed = torch.sigmoid(raw[2 + bandwidths:])  # (C, N)
    valid = torch.ones_like(instance_map, dtype=torch.bool) if ignore is None else ~ignore
    background = valid.expand_as(seed).clone()  # (C, N): pixels that a class's seed map must not light
    instance_terms, variance_terms, seed_sum = [], [], raw.new_zeros(())
    for k in torch.unique(instance_map[valid]).tolist():
        if k == 0:
            continue
        own = (instance_map == k) & valid
        members = own.nonzero()[:, 0]
        c = int(class_map[members[0]])
        background[c, members] = False
        mean_r = r[:, members].mean(1, keepdim=True)  # (D, 1)
        middle = (grid if centre == "centroid" else embedding)[:, members].mean(1, keepdim=True)  # (2, 1)
        instance_terms.append(_instance_term(embedding, middle, mean_r, own, valid))
        variance_terms.append((r[:, members] - mean_r.detach()).square().mean())
        phi = membership(embedding[:, members], middle, mean_r).detach()
        seed_sum = seed_sum + foreground_weight[c] * (seed[c, members] - phi).square().sum()
    seed_sum = seed_sum + (seed.square() * background).sum()
    zero = raw.new_zeros(())
    return (torch.stack(instance_terms).mean() if instance_terms else zero,
            torch.stack(variance_terms).mean() if variance_terms else zero,
            seed_sum / instance_map.numel())


def _instance_term(embedding, middle, mean_r, own, valid):
    """Lovasz hinge of 2 phi - 1 against the instance's mask, over the pixels that can matter."""
    with torch.no_grad():
        matters = (own | (membership(embedding, middle, mean_r) > NEGLIGIBLE_MEMBERSHIP)) & valid
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
