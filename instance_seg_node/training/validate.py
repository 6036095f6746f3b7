"""Average precision of a network in training, by the same clustering as the node's."""

from pathlib import Path

import torch

from ..datasets.street import CLASSES
from ..evaluation import average_precision
from ..methods import DECODERS
from ..methods.spatial_embedding.network import BranchedErfnet, SpatialEmbedding
from ..resolution import enlarge
from .recipe import Recipe
from .scenes import load


@torch.no_grad()
def validate(network: BranchedErfnet, recipe: Recipe, scenes: list[Path]) -> dict[str, float]:
    """AP and AP50, overall and per class, on scenes of the network's input size (see `average_precision`)."""
    graph = SpatialEmbedding(network, recipe.bandwidths, recipe.input_height, recipe.input_width).eval()
    decode = DECODERS["spatial_embedding"]()
    truths, found = [], []
    for path in scenes:
        truth = load(path)
        heads = [head[0].numpy() for head in graph(torch.from_numpy(truth.rgb)[None])]
        truths.append(truth)
        found.append(enlarge(decode(*heads, thresholds=recipe.thresholds), *truth.instance_map.shape))
    return average_precision(found, truths, [c.name for c in CLASSES])
