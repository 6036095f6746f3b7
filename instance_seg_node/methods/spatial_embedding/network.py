"""The network of spatial embeddings and the decoding of its output into heads (METHODS 1.2).

Axes: B images, H x W pixels, D bandwidths, C classes.
"""

import torch
from torch import Tensor, nn

from .networks import NETWORKS, Branched


def spatial_embedding_network(bandwidths: int, classes: int, *, network: str = "erfnet", initial_bandwidth: float = 1.0,
                              initial_seed_logit: float = -4.0, dropout: float = 0.3) -> Branched:
    """A network with the branches 2 + D and C, whose pixels at first point at themselves, with a margin of 5.7 px
    (METHODS 1.3).

    Seeds start near the share of pixels that a class has; learning that share from one half takes hundreds of steps.
    network: one of NETWORKS.
    """
    branched = NETWORKS[network]((2 + bandwidths, classes), dropout=dropout)
    for module in branched.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    nn.init.constant_(branched.branches[1][-1].bias, initial_seed_logit)
    last = branched.branches[0][-1]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([0.0, 0.0] + [initial_bandwidth] * bandwidths))
    return branched


def coordinates(height: int, width: int) -> Tensor:
    """The fixed-pitch grid: x = j * 2/2047, y = i * 1/1023 whatever the image size. float32 (2, H, W), x then y."""
    x = torch.arange(width, dtype=torch.float64) * (2 / 2047)
    y = torch.arange(height, dtype=torch.float64) * (1 / 1023)
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)]).float()


class SpatialEmbedding(nn.Module):
    """The graph that is exported: camera bytes in, heads out, the decoding in fp32 whatever the network runs in.

    uint8 (B, H, W, 3) RGB -> embedding (B, 2, H, W), bandwidth (B, D, H, W) the precision exp(10 r),
    seed (B, C, H, W), all float32.
    """

    def __init__(self, network: nn.Module, bandwidths: int, height: int, width: int):
        super().__init__()
        self.network = network
        self.bandwidths = bandwidths
        self.register_buffer("coordinates", coordinates(height, width), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Cast before permute: TensorRT transposes no uint8.
        raw = self.network(image.float().permute(0, 3, 1, 2) / 255).float()
        offset, r, seed = raw.split([2, self.bandwidths, raw.shape[1] - 2 - self.bandwidths], dim=1)
        return torch.tanh(offset) + self.coordinates, torch.exp(10 * r), torch.sigmoid(seed)
