"""The methods of the field, one folder each. A new method is one folder and one row of DECODERS."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Clusters:
    """The instances of one image at network resolution.

    id_map: uint16 (h, w), 0 = none; id k is row k-1. class_ids: int64 (K,). scores: float32 (K,).
    Rows are in descending score.
    """

    id_map: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray


def _spatial_embedding(groups: Sequence[Sequence[int]]) -> Callable[..., Clusters]:
    from .spatial_embedding.decode import Clusterer
    from .spatial_embedding.look_alikes import GroupClusterer

    return Clusterer() if all(len(group) == 1 for group in groups) else GroupClusterer(groups)


DECODERS: dict[str, Callable[[Sequence[Sequence[int]]], Callable[..., Clusters]]] = {
    "spatial_embedding": _spatial_embedding}
"""Method -> makes a decoder for groups of class ids (model_spec.groups), called as
decoder(**heads of one image, thresholds=...)."""
