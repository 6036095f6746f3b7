"""What the loss of METHODS 1.4 teaches late or not at all, asked for directly.

While memberships are near zero they teach nothing, so a training begins with `warm_up_loss`. Background pixels learn
offsets from nothing but the instances they must stay out of; `background_repulsion` sends them away.
Axes: B images, D bandwidths, C classes.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..methods.spatial_embedding.loss import Centre, LossTerms, area_weights, class_weights, medoids
from ..methods.spatial_embedding.network import coordinates

UNIT_PX = 1023
"""Pixels in a unit of the coordinates."""

REPULSION_PX = 4
"""So far away from the nearest centre a background pixel is to point."""

GUIDANCE = 0.3
"""Weight of offsets and bandwidths in the warm-up. At 1 the encoder follows them ten times as much as the seeds."""

SMALLEST_MARGIN = 1.5 / UNIT_PX
"""In coordinate units: one and a half pixels."""


def warm_up_loss(raw: Tensor, instance_map: Tensor, class_map: Tensor, *, bandwidths: int,
                 centre: Centre = "centroid", foreground_weight: float | Sequence[float] = 1.0,
                 small_instances: float = 0.0, ignore: Tensor | None = None) -> LossTerms:
    """Offsets to the medoid if that is the centre, else to the centroid, in units of the object's spread, bandwidths
    that fit that spread, seeds that tell the classes apart. Arguments as in `spatial_embedding_loss`; foreground_weight
    counts in every seed map.
    """
    raw = raw.float().contiguous()
    instance, variance = guidance(raw, instance_map, bandwidths=bandwidths, centre=centre, ignore=ignore)
    valid = torch.ones_like(instance_map, dtype=torch.bool) if ignore is None else ~ignore
    own = (instance_map > 0) & valid
    logits = raw[:, 2 + bandwidths:]
    per_class = class_weights(foreground_weight, raw, bandwidths)
    classes = torch.arange(len(per_class), device=raw.device)[:, None, None]
    target = (own[:, None] & (class_map[:, None] == classes)).float()
    weight = torch.where(own, per_class[torch.where(own, class_map, 0)], 1.0)
    weight = weight * torch.stack([area_weights(ids, small_instances) for ids in instance_map])
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1)
    seed = image_means(weight * entropy, valid)
    total = GUIDANCE * (instance + 10 * variance) + seed + 0 * raw.sum()
    return LossTerms(total, instance, variance, seed)


def guidance(raw: Tensor, instance_map: Tensor, *, bandwidths: int, centre: Centre = "centroid",
             ignore: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The warm-up's errors of offsets and of bandwidths. Arguments as in `spatial_embedding_loss`."""
    grid = coordinates(*raw.shape[2:]).to(raw.device)
    own = instance_map > 0 if ignore is None else (instance_map > 0) & ~ignore
    if not own.any():
        return raw.new_zeros(()), raw.new_zeros(())
    middle, spread = _centres_and_spreads(instance_map, grid, centre)  # (B, 2, H, W)
    misses = ((torch.tanh(raw[:, :2]) + grid - middle) / spread).abs().sum(1)
    margin = 1.2 * spread if bandwidths == 2 else 1.2 * spread.prod(1, keepdim=True).sqrt()
    wanted_r = torch.log(math.log(2) / margin.square()) / 10
    r_error = (raw[:, 2:2 + bandwidths] - wanted_r).square().mean(1)
    return image_means(misses, own), image_means(r_error, own)


def image_means(values: Tensor, where: Tensor) -> Tensor:
    """The mean over the pixels of each image that are `where`, 0 without any; of these the mean. Both (B, H, W).

    By images first, so that processes which share the images of a batch have but to average.
    """
    return ((values * where).sum((1, 2)) / where.sum((1, 2)).clamp(min=1)).mean()


def _centres_and_spreads(instance_map: Tensor, grid: Tensor, centre: Centre) -> tuple[Tensor, Tensor]:
    """For every pixel the centre of its instance and the standard deviation of its coordinates, each (B, 2, H, W)."""
    middle, spread = [], []
    for ids in instance_map:
        row, points = ids.flatten(), grid.flatten(1)
        mean = _means(row, points)
        variance = _means(row, (points - mean[:, row]).square())
        middle.append((medoids(row, points) if centre == "medoid" else mean)[:, row].view_as(grid))
        spread.append(variance.sqrt().clamp(min=SMALLEST_MARGIN)[:, row].view_as(grid))
    return torch.stack(middle), torch.stack(spread)


def _means(ids: Tensor, values: Tensor) -> Tensor:
    """The mean over the pixels of each id from 0 on, (2, K), 0 for an id without any. ids: (N,). values: (2, N)."""
    counts = torch.bincount(ids)
    return values.new_zeros(2, len(counts)).index_add_(1, ids, values) / counts.clamp(min=1)


def background_repulsion(raw: Tensor, instance_map: Tensor, *, ignore: Tensor | None = None) -> Tensor:
    """Mean over the background of how much less than REPULSION_PX its offsets lead away from the nearest centroid.

    A scalar, 0 for images without instances. Arguments as in `spatial_embedding_loss` (patent claim 2).
    """
    images = [pixels_away(raw[b:b + 1], instance_map[b:b + 1], ignore=None if ignore is None else ignore[b:b + 1])
              for b in range(len(raw))]
    errors = [torch.relu(1 - away / REPULSION_PX).mean() if len(away) else raw.new_zeros(()) for away in images]
    return torch.stack(errors).mean()


def pixels_away(raw: Tensor, instance_map: Tensor, *, ignore: Tensor | None = None) -> Tensor:
    """How far the offset of each background pixel leads away from the nearest centroid, in pixels; towards is negative.

    One value for every pixel that is background, not ignored and in an image with instances.
    """
    grid = coordinates(*raw.shape[2:]).to(raw.device).flatten(1)  # (2, N)
    found = []
    for b, ids in enumerate(instance_map.flatten(1)):
        there = torch.bincount(ids)[1:].nonzero()[:, 0] + 1
        background = ids == 0 if ignore is None else (ids == 0) & ~ignore[b].flatten()
        if len(there) == 0 or not background.any():
            continue
        centroids = _means(ids, grid)[:, there]  # (2, K)
        points = grid[:, background]
        towards = centroids[:, torch.cdist(points.T, centroids.T).argmin(1)] - points
        towards = towards / towards.norm(dim=0).clamp(min=1 / UNIT_PX)
        found.append(-UNIT_PX * (torch.tanh(raw[b, :2].float().flatten(1)[:, background]) * towards).sum(0))
    return torch.cat(found) if found else raw.new_zeros(0)
