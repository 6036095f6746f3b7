"""The loss, defined: METHODS 1.4 instance by instance, each with a masked distance to every pixel and its own sort."""

import math

import torch

from instance_seg_node.methods.spatial_embedding.loss import LossTerms
from instance_seg_node.methods.spatial_embedding.network import coordinates

NEGLIGIBLE_MEMBERSHIP = 1e-3


def literal_loss(raw, instance_map, class_map, *, bandwidths, centre="centroid", foreground_weight=10.0, ignore=None):
    """As `spatial_embedding_loss` with squared errors of the seeds. foreground_weight: one for all classes."""
    grid = coordinates(*raw.shape[2:]).flatten(1)
    valid = torch.ones_like(instance_map, dtype=torch.bool) if ignore is None else ~ignore
    images = zip(raw.flatten(2), instance_map.flatten(1), class_map.flatten(1), valid.flatten(1), strict=True)
    terms = [torch.stack(image_terms(*image, grid, bandwidths, centre, foreground_weight)) for image in images]
    instance, variance, seed = torch.stack(terms).mean(0)
    return LossTerms(instance + 10 * variance + seed + 0 * raw.sum(), instance, variance, seed)


def image_terms(raw, instance_map, class_map, valid, grid, bandwidths, centre, foreground_weight):
    embedding, r = torch.tanh(raw[:2]) + grid, raw[2:2 + bandwidths]
    seeds = torch.sigmoid(raw[2 + bandwidths:])
    target, weight = torch.zeros_like(seeds), torch.ones_like(seeds) * valid
    hinges, variances = [], []
    for k in instance_map[valid & (instance_map > 0)].unique():
        own = (instance_map == k) & valid
        mean_r = r[:, own].mean(1, keepdim=True)  # (D, 1)
        middle = centre_of((embedding if centre == "learnable" else grid)[:, own], centre)  # (2, 1)
        hinges.append(instance_hinge(embedding, middle, mean_r, own, valid))
        variances.append((r[:, own] - mean_r.detach()).square().mean())
        c = class_map[own][0]
        target[c, own] = membership(embedding[:, own], middle, mean_r).detach()
        weight[c, own] = foreground_weight
    seed = (weight * (seeds - target).square()).sum() / raw.shape[1]
    if not hinges:
        return raw.new_zeros(()), raw.new_zeros(()), seed
    return torch.stack(hinges).mean(), torch.stack(variances).mean(), seed


def centre_of(points, centre):
    """(2, 1). points: (2, M)."""
    if centre != "medoid":
        return points.mean(1, keepdim=True)
    distance = (points - points.median(1, keepdim=True).values).square().sum(0)
    return points[:, distance.argmin()][:, None]


def instance_hinge(embedding, middle, mean_r, own, valid):
    """Over the pixels of the instance and those of others whose membership is not negligible."""
    with torch.no_grad():
        distance = ((embedding - middle).square() * torch.exp(10 * mean_r)).sum(0)
        chosen = ((own | (distance < -math.log(NEGLIGIBLE_MEMBERSHIP))) & valid).nonzero()[:, 0]
    return literal_hinge(2 * membership(embedding[:, chosen], middle, mean_r) - 1, own[chosen])


def membership(embedding, centre, r):
    return torch.exp(-((embedding - centre).square() * torch.exp(10 * r)).sum(0))


def literal_hinge(logits, target):
    """The Lovasz hinge of one instance, from the differences of the Jaccard loss itself."""
    errors, order = torch.sort(1 - logits * (2.0 * target - 1), descending=True)
    found = target[order].to(logits.dtype)
    jaccard = 1 - (found.sum() - found.cumsum(0)) / (found.sum() + (1 - found).cumsum(0))
    return torch.relu(errors) @ torch.diff(jaccard, prepend=jaccard.new_zeros(1))
