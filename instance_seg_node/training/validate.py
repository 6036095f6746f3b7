"""Average precision of a network in training, by the same resizing and clustering as the node's."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..drawing import overlay
from ..evaluation.coco import CocoPrecision
from ..methods import DECODERS
from ..methods.spatial_embedding.network import SpatialEmbedding
from ..methods.spatial_embedding.networks import Branched
from ..model_spec import ObjectClass, groups
from ..resolution import enlarge, shrink
from .images import Images
from .recipe import Recipe

PICTURES = 4


class Validation(NamedTuple):
    """scores: by name. pictures: the first PICTURES images with the masks found, uint8 (H, W, 3) RGB."""

    scores: dict[str, float]
    pictures: list[np.ndarray]


class _Drawn(NamedTuple):
    """What drawing needs to know of a model."""

    classes: Sequence[ObjectClass]


@torch.no_grad()
def validate(network: Branched, recipe: Recipe, images: Images,
             classes: Sequence[ObjectClass]) -> Validation:
    """AP and AP50, overall and per class as in `average_precision`, at the size of each image's labels.

    The network runs at its input size. classes: those of the images and of the network.
    Raises InputError if an image is broken.
    """
    device = next((weights.device for weights in network.parameters()), "cpu")
    graph = SpatialEmbedding(network, recipe.bandwidths, recipe.input_height, recipe.input_width).eval().to(device)
    names = [c.name for c in classes]
    decode = DECODERS["spatial_embedding"](groups(names, recipe.look_alikes))
    rgb = np.empty((recipe.input_height, recipe.input_width, 3), np.uint8)
    precision, pictures = CocoPrecision(names), []
    for i in range(len(images)):
        truth = images[i]
        shrink(truth.rgb, rgb)
        heads = [head[0].cpu().numpy() for head in graph(torch.from_numpy(rgb)[None].to(device))]
        clusters = decode(*heads, thresholds=recipe.thresholds)
        instances = enlarge(clusters, *truth.instance_map.shape)
        precision.add(instances, truth)
        if i < PICTURES:
            pictures.append(overlay(truth.rgb, instances, _Drawn(classes)))
    return Validation(precision.summary(), pictures)
