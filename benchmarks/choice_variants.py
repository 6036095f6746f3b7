"""What `choices.py` compares: the node's way from heads to instances, and ways that differ from it in one thing."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.choice_clusters import Heads, assigned, rescored
from instance_seg_node.engines import Engine
from instance_seg_node.instances import Instances
from instance_seg_node.methods import DECODERS, Clusters
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.resolution import enlarge

PITCH_X = 2 / 2047
"""Units from one column to the next (METHODS 1.2)."""
SHIPPED = "as shipped"
MIN_PIXELS = (4, 8, 12, 24, 48)
SCORES = {
    "seed x membership": lambda seed, membership, mean_seed: seed * membership,
    "seed x mean seed": lambda seed, membership, mean_seed: seed * mean_seed,
    "seed x sqrt(mean seed)": lambda seed, membership, mean_seed: seed * np.sqrt(mean_seed),
    "seed x membership x mean seed": lambda seed, membership, mean_seed: seed * membership * mean_seed,
}
"""Of the seed's score, and the means of membership and seed probability over the mask. Only their order counts."""


class Choice(NamedTuple):
    """cluster: heads to clusters. enlarge: to camera resolution. flip: take the mean heads of the image and of its
    mirror image. timed: its time means something."""

    cluster: Callable[[Heads], Clusters]
    enlarge: Callable[[Clusters, int, int], Instances | Clusters] = enlarge
    flip: bool = False
    timed: bool = True


def choices_of(spec: ModelSpec) -> dict[str, Choice]:
    """The shipped way first."""
    shipped, decode = spec.thresholds, DECODERS[spec.method]

    def changed(*, groups=spec.groups, **thresholds) -> Callable[[Heads], Clusters]:
        own, thresholds = decode(groups), shipped.model_copy(update=thresholds)
        return lambda heads: own(*heads, thresholds=thresholds)

    def to_largest(heads: Heads) -> Clusters:
        return assigned(heads, spec.groups, shipped, to_largest=True).clusters

    def scored(score: Callable) -> Callable[[Heads], Clusters]:
        return lambda heads: rescored(assigned(heads, spec.groups, shipped), score)

    choices = {SHIPPED: Choice(changed()),
               f"refine {'off' if shipped.refine else 'on'}": Choice(changed(refine=not shipped.refine)),
               "flip": Choice(changed(), flip=True),
               "enlarge to nearest": Choice(changed(), nearest),
               "to largest membership": Choice(to_largest, timed=False)}
    if spec.look_alikes:
        choices["look-alikes apart"] = Choice(changed(groups=[[c] for c in range(len(spec.classes))]))
    choices |= {f"score: {name}": Choice(scored(score), timed=False) for name, score in SCORES.items()}
    choices |= {f"min_pixels {n}": Choice(changed(min_pixels=n)) for n in MIN_PIXELS if n != shipped.min_pixels}
    return choices


def instances(choice: Choice, network: Engine, rgb: np.ndarray, heads: Heads, size: tuple[int, int]
              ) -> Instances | Clusters:
    """What a choice makes of an image. rgb: uint8 (h, w, 3), the network's input. heads: of it. size: height and width
    of the camera's image."""
    if choice.flip:
        heads = averaged(heads, mirrored(heads_of(network, rgb[:, ::-1])))
    return choice.enlarge(choice.cluster(heads), *size)


def heads_of(network: Engine, rgb: np.ndarray) -> Heads:
    return Heads(**{name: head[0] for name, head in network(np.ascontiguousarray(rgb[None])).items()})


def mirrored(heads: Heads) -> Heads:
    """The heads of the image's mirror image as heads of the image, and back."""
    embedding, bandwidth, seed = (head[:, :, ::-1] for head in heads)
    last_column = np.float32((seed.shape[2] - 1) * PITCH_X)
    return Heads(np.stack([last_column - embedding[0], embedding[1]]), bandwidth, seed)


def averaged(a: Heads, b: Heads) -> Heads:
    """Means of two heads of one image, of bandwidths that of the logarithm, as in training."""
    return Heads((a.embedding + b.embedding) / 2, np.sqrt(a.bandwidth) * np.sqrt(b.bandwidth), (a.seed + b.seed) / 2)


def nearest(clusters: Clusters, height: int, width: int) -> Clusters:
    """At camera resolution each pixel has the id of the network's pixel that it lies in."""
    id_map = cv2.resize(clusters.id_map, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return Clusters(id_map, clusters.class_ids, clusters.scores)
