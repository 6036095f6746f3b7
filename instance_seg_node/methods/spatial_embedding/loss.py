"""The loss of spatial embeddings (METHODS 1.4). Axes: B images, N pixels of one image, D bandwidths, C classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from .lovasz import lovasz_hinge, pairs_within_reach
from .network import coordinates

Centre = Literal["centroid", "medoid", "learnable"]
"""Of an instance: the mean of its pixels' coordinates, the pixel of it nearest to their median, or the mean of its
pixels' embeddings (METHODS 1.4, 5.1)."""
SeedError = Literal["squared", "cross_entropy"]


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
    pixel of an instance, anything elsewhere. centre: see Centre. foreground_weight: one, or one per class. seed_error:
    "squared" is that of METHODS 1.4; see `_seed_term` for the other. small_instances: what `area_weights` takes for the
    seeds.
    ignore: bool (B, H, W), pixels that teach nothing. Computed in fp32.
    """
    raw = raw.float().contiguous()
    per_class = class_weights(foreground_weight, raw, bandwidths)
    grid = coordinates(*raw.shape[2:]).to(raw.device).flatten(1)  # (2, N)
    valid = torch.ones_like(instance_map, dtype=torch.bool) if ignore is None else ~ignore
    images = zip(raw.flatten(2), instance_map.flatten(1), class_map.flatten(1), valid.flatten(1), strict=True)
    terms = [_image_terms(*image, grid, bandwidths, centre, per_class, seed_error, small_instances)
             for image in images]
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


def _image_terms(raw, instance_map, class_map, valid, grid, bandwidths, centre, foreground_weight, seed_error,
                 small_instances):
    """The three terms of one image, flattened to N pixels."""
    offset, r, logits = raw.split([2, bandwidths, len(raw) - 2 - bandwidths])
    embedding = torch.tanh(offset) + grid  # (2, N)
    own = _numbered(instance_map * valid)
    members = (own >= 0).nonzero()[:, 0]
    instance, variance, phi = raw.new_zeros(()), raw.new_zeros(()), raw.new_zeros(0)
    if len(members):
        instance, variance, phi = _instance_terms(embedding, r, grid, centre, own, members, valid)
    target = torch.zeros_like(logits)  # (C, N): what the seed maps should be
    target[class_map[members].long(), members] = phi
    own_class = torch.where(instance_map > 0, class_map, -1)
    seed = _seed_term(logits, target, own_class, valid * area_weights(instance_map, small_instances),
                      foreground_weight, seed_error)
    return instance, variance, seed


def _numbered(ids):
    """Ids as numbers from 0 to K - 1, without gaps, for the K of them that there are; -1 where the id is 0."""
    there = torch.bincount(ids) > 0
    there[0] = False
    return (there.cumsum(0) - 1)[ids]


def _instance_terms(embedding, r, grid, centre, own, members, valid):
    """Means over the K instances of the Lovasz hinge of 2 phi - 1 and of the variance of r; phi of the members.

    own: (N,), the pixel's instance, -1 = none. members: (M,), the pixels with one.
    """
    k = own[members]
    r = r.index_select(1, members)  # (D, M)
    points = (embedding if centre == "learnable" else grid).index_select(1, members)
    mean_r, middle = _means(k, r), (medoids if centre == "medoid" else _means)(k, points)  # (D, K), (2, K)
    variance = _means(k, (r - mean_r.detach().float()[:, k]).square()).mean().float()
    pixel, instance = pairs_within_reach(embedding, middle.float(), mean_r.float())
    others = (valid[pixel] & (own[pixel] != instance)).nonzero()[:, 0]
    pixel, instance = torch.cat([members, pixel[others]]), torch.cat([k, instance[others]])
    is_member = torch.arange(len(pixel), device=pixel.device) < len(members)
    phi = membership(embedding.index_select(1, pixel), middle.index_select(1, instance).float(),
                     mean_r.index_select(1, instance).float())
    hinge = lovasz_hinge(2 * phi - 1, is_member, instance)
    return hinge, variance, phi[:len(members)].detach()


def _means(k, values):
    """Of each instance, float64 (., K). k: (M,). values: (., M).

    In float64, as are its gradients: both are sums of as many terms as an instance has pixels.
    """
    counts = torch.bincount(k)
    sums = torch.zeros(len(values), len(counts), dtype=torch.float64, device=k.device)
    return sums.index_add(1, k, values.double()) / counts


def medoids(k: Tensor, points: Tensor) -> Tensor:
    """Of each instance the point nearest to the median of its points, the first of several: (2, K).

    k: (M,), the instance of each point, from 0 to K - 1; what an instance without points gets has no meaning. points:
    (2, M). Of an even number the lower median. It lies in every mask, which the mean of a crescent does not.
    """
    counts = torch.bincount(k)
    first = counts.cumsum(0) - counts
    lower = (first + (counts - 1).clamp(min=0) // 2).clamp(max=len(k) - 1)
    median = torch.stack([axis[_by_instance(k, axis)][lower] for axis in points])
    nearest = _by_instance(k, (points - median[:, k]).square().sum(0))[first.clamp(max=len(k) - 1)]
    return points[:, nearest]


def _by_instance(k, values):
    """The order in which values ascend within instances that do."""
    order = values.argsort(stable=True)
    return order[k[order].argsort(stable=True)]


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


def membership(embedding: Tensor, centre: Tensor, r: Tensor) -> Tensor:
    """phi in (0, 1], (N,). embedding: (2, N). centre: (2, 1) or (2, N). r: (D, 1) or (D, N), before its exponential."""
    return torch.exp(-((embedding - centre).square() * torch.exp(10 * r)).sum(0))
