"""A bandwidth that is not learned: the first row of METHODS 1.7, table 2."""

import math

import torch

from ..methods.spatial_embedding.networks import Branched
from .guidance import UNIT_PX


@torch.no_grad()
def fix_margin(network: Branched, margin_px: float) -> None:
    """Give every pixel of every image this margin, the distance at which a membership is one half.

    margin_px: in pixels of the network's input. It is a bias of the last layer, so an exported graph is as any other;
    and its weights are zero, so no gradient passes through them.
    """
    last = network.branches[0][-1]
    last.weight[:, 2:] = 0  # (16, 2 + D, 2, 2)
    last.bias[2:] = math.log(math.log(2) / (margin_px / UNIT_PX) ** 2) / 10
