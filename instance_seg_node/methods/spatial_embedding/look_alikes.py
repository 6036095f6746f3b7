"""Classes that are easily taken for each other, clustered as one.

A tram whose front looks like a bus would fall into a train and a bus, because a pixel stands for the class of its
highest seed and classes are clustered apart. Of look-alikes an object has one class all the same. So their seeds
become one map, the probability that a pixel is of any of them: 1 - (1 - p1)(1 - p2)..., in order of class. The class of
an instance is the one that most of its pixels have as the highest of the group, the lowest on a tie.
Add, multiply and compare, in float32: a CUDA kernel computes the same bits.
"""

from collections.abc import Sequence

import numpy as np

from ...compiled import compiled
from ...model_spec import Thresholds
from .. import Clusters
from .decode import Clusterer, check_heads, read_only

Groups = Sequence[Sequence[int]]
"""Class ids, each in exactly one group, ascending within a group."""


class GroupClusterer:
    """A Clusterer for groups of classes: called like one, gives what it gives."""

    def __init__(self, groups: Groups, threads: int | None = None):
        self._clusterer = Clusterer(threads)
        self._classes = np.array([c for group in groups for c in group], np.int64)
        self._first = np.cumsum([0, *(len(group) for group in groups)])
        self._merged = np.empty((0, 0, 0), np.float32)

    def __call__(self, embedding: np.ndarray, bandwidth: np.ndarray, seed: np.ndarray,
                 thresholds: Thresholds) -> Clusters:
        """As Clusterer. Raises ValueError also if `seed` has not one map for each class of the groups."""
        check_heads(embedding, bandwidth, seed)
        if len(seed) != len(self._classes):
            raise ValueError(f"seed must have {len(self._classes)} channels, got shape {seed.shape}")
        shape = (len(self._first) - 1, *seed.shape[1:])
        if self._merged.shape != shape:
            self._merged = np.empty(shape, np.float32)
        seed = read_only(seed)
        _merge(seed, self._classes, self._first, self._merged)
        found = self._clusterer(embedding, bandwidth, self._merged, thresholds)
        votes = np.zeros((len(found.scores) + 1, len(self._classes)), np.int64)
        _vote(found.id_map, found.class_ids, seed, self._classes, self._first, votes)
        return Clusters(found.id_map, votes[1:].argmax(axis=1), found.scores)


@compiled
def _merge(seed, classes, first, merged):
    """seed: (C, h, w). merged: (G, h, w). A class on its own keeps its seeds, bit for bit."""
    one = np.float32(1)
    for row in range(seed.shape[1]):
        for group in range(len(merged)):
            line = merged[group, row]
            if first[group + 1] - first[group] == 1:
                line[:] = seed[classes[first[group]], row]
                continue
            line[:] = one
            for k in range(first[group], first[group + 1]):
                own = seed[classes[k], row]
                for column in range(len(line)):
                    line[column] *= one - own[column]
            for column in range(len(line)):
                line[column] = one - line[column]


@compiled
def _vote(id_map, group_of, seed, classes, first, votes):
    """votes: int64 (K + 1, C), to which every pixel of an instance adds one."""
    for row in range(id_map.shape[0]):
        for column in range(id_map.shape[1]):
            k = np.int64(id_map[row, column])
            if k == 0:
                continue
            group = group_of[k - 1]
            best = classes[first[group]]
            for n in range(first[group] + 1, first[group + 1]):
                best = classes[n] if seed[classes[n], row, column] > seed[best, row, column] else best
            votes[k, best] += 1
