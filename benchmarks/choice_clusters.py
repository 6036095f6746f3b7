"""The node's clustering with what it keeps to itself, for `choices.py`: in NumPy, for its results and not its speed.

Axes: h x w pixels, C classes, D bandwidths, N foreground pixels, K instances.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from instance_seg_node.methods import Clusters
from instance_seg_node.model_spec import Thresholds

LN2 = np.float32(np.log(2))


class Heads(NamedTuple):
    """Of one image, float32 (channels, h, w): embedding (2), bandwidth (D), the precision, and seed (C)."""

    embedding: np.ndarray
    bandwidth: np.ndarray
    seed: np.ndarray


class Grown(NamedTuple):
    """An accepted cluster: the score and the linear index of its seed, its group of classes, and its members, linear
    indices (n,), with their memberships, float32 (n,), which are above 0.5."""

    score: np.float32
    at: int
    group: int
    members: np.ndarray
    membership: np.ndarray


class Assigned(NamedTuple):
    """Clusters, and of each of them the mean membership and the mean seed probability over its pixels, (K,)."""

    clusters: Clusters
    membership: np.ndarray
    seed: np.ndarray


def assigned(heads: Heads, groups: Sequence[Sequence[int]], thresholds: Thresholds, *,
             to_largest: bool = False) -> Assigned:
    """The node's clusters. to_largest: a pixel of several goes to the one with its largest membership, the better seed
    on a tie, and not to the last that was found (METHODS 4, quality variants)."""
    shape, seed = heads.seed.shape[1:], heads.seed.reshape(len(heads.seed), -1)
    probability = np.stack([_of_any(seed[group]) for group in groups])
    found = _grown(heads, probability, thresholds)
    owner, membership = _owners(found, seed.shape[1], to_largest=to_largest)
    kept, ids = np.unique(np.append(owner, 0), return_inverse=True)
    ids, rows = ids[:-1], [found[k - 1] for k in kept[1:]]
    class_ids = [_class_of(seed[:, ids == k], groups[row.group]) for k, row in enumerate(rows, 1)]
    clusters = Clusters(ids.astype(np.uint16).reshape(shape), np.array(class_ids, np.int64),
                        np.array([row.score for row in rows], np.float32))
    return Assigned(clusters, *(_means(values, ids) for values in (membership, probability.max(axis=0))))


def rescored(found: Assigned, score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Clusters:
    """score: of the seed's score, the mean membership and the mean seed probability, each (K,)."""
    clusters, membership, seed = found
    return Clusters(clusters.id_map, clusters.class_ids, score(clusters.scores, membership, seed).astype(np.float32))


def _owners(found: list[Grown], pixels: int, *, to_largest: bool) -> tuple[np.ndarray, np.ndarray]:
    """Of each pixel its place in `found`, from 1 on, 0: none, and its membership there."""
    owner, membership = np.zeros(pixels, np.int64), np.zeros(pixels, np.float32)
    for k, one in enumerate(found, 1):
        wins = one.membership > membership[one.members] if to_largest else slice(None)
        owner[one.members[wins]], membership[one.members[wins]] = k, one.membership[wins]
    return owner, membership


def _of_any(seed: np.ndarray) -> np.ndarray:
    """The probability of any of these classes, (classes, N) to (N,)."""
    return seed[0] if len(seed) == 1 else 1 - np.prod(1 - seed, axis=0)


def _grown(heads: Heads, probability: np.ndarray, thresholds: Thresholds) -> list[Grown]:
    """The loop of METHODS 1.6 on each group of classes, (G, N); all their clusters, best seed first."""
    flat = np.concatenate([*(head.reshape(len(head), -1) for head in heads), probability])
    usable = np.isfinite(flat).all(axis=0) & (flat[2:2 + len(heads.bandwidth)] > 0).all(axis=0)
    usable &= probability.max(axis=0) > np.float32(thresholds.foreground)
    found = []
    for group in range(len(probability)):
        pixels = np.flatnonzero(usable & (probability.argmax(axis=0) == group))
        embedding, bandwidth = (head.reshape(len(head), -1)[:, pixels] for head in heads[:2])
        for i, inside, distance in _loop(embedding, bandwidth, probability[group, pixels], thresholds):
            found.append(Grown(probability[group, pixels[i]], pixels[i], group, pixels[inside],
                               np.exp(-distance[inside])))
    return sorted(found, key=lambda one: (-one.score, one.at))


def _loop(embedding: np.ndarray, bandwidth: np.ndarray, p: np.ndarray, thresholds: Thresholds):
    """Of each cluster of one group: its seed, which pixels are inside its margin, and all distances in it, (N,)."""
    free = np.ones(len(p), bool)
    for i in np.argsort(-p, kind="stable"):
        if not free[i]:
            continue
        if p[i] < np.float32(thresholds.seed) or free.sum() <= thresholds.min_pixels:
            return
        free[i] = False
        distance = _distance(embedding, embedding[:, i], bandwidth[:, i])
        if thresholds.refine and _acceptable(distance < LN2, free, thresholds):
            distance = _distance(embedding, *_mean_margin(embedding, bandwidth, distance < LN2))
        inside = distance < LN2
        accepted = _acceptable(inside, free, thresholds)
        free &= ~inside
        if accepted:
            yield i, inside, distance


def _acceptable(inside: np.ndarray, free: np.ndarray, thresholds: Thresholds) -> bool:
    size, fresh = inside.sum(), (inside & free).sum()
    return size > thresholds.min_pixels and fresh > thresholds.min_unclustered * size


def _distance(embedding: np.ndarray, centre: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """The negative logarithm of the membership, float32 (N,)."""
    dx, dy = embedding - centre[:, None]
    return dx * dx * precision[0] + dy * dy * precision[-1]


def _mean_margin(embedding: np.ndarray, bandwidth: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and precision over a cluster, in the steps in which the node's refine pass adds them up."""
    steps = np.trunc(embedding[:, inside].astype(np.float64) * 2**20)
    bits = bandwidth[:, inside].view(np.int32).mean(axis=1)
    return (steps.mean(axis=1) / 2**20).astype(np.float32), bits.astype(np.int32).view(np.float32)


def _class_of(seed: np.ndarray, group: Sequence[int]) -> int:
    """The class of a group that is the highest in most of the pixels, (C, n)."""
    return group[np.bincount(seed[group].argmax(axis=0)).argmax()]


def _means(values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Over the pixels of each id from 1 on."""
    return np.bincount(ids, values)[1:] / np.bincount(ids)[1:]
