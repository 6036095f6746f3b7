"""What the networks for spatial embeddings have in common."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Branched(nn.Module):
    """One encoder, one decoder per branch. (B, 3, H, W) in [0, 1] -> (B, sum of the branches' channels, H, W).

    The last layer of every branch is a transposed convolution whose stride is its kernel's size: each of its outputs
    has weights (i, o, k, k) and a bias of its own.
    """

    def __init__(self, encoder: nn.Module, branches: Iterable[nn.Sequential]):
        super().__init__()
        self.encoder = encoder
        self.branches = nn.ModuleList(branches)

    def forward(self, image: Tensor) -> Tensor:
        features = self.encoder(image)
        return torch.cat([branch(features) for branch in self.branches], dim=1)
