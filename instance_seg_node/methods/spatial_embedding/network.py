"""Branched ERFNet (METHODS 2) and the decoding of its output into heads (METHODS 1.2).

Axes: B images, H x W pixels (multiples of 8), D bandwidths, C classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3


class Down(nn.Module):
    """Half the size: a strided convolution beside a max-pool. (B, i, H, W) -> (B, o, H/2, W/2)."""

    def __init__(self, i: int, o: int):
        super().__init__()
        self.conv = nn.Conv2d(i, o - i, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(o, eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(torch.cat([self.conv(x), torch.max_pool2d(x, 2)], dim=1)))


class NonBottleneck1d(nn.Module):
    """A residual block of 3x1 and 1x3 convolutions; the second pair is dilated. Keeps the shape."""

    def __init__(self, channels: int, dilation: int = 1, dropout: float = 0.0):
        super().__init__()
        d = dilation
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, (3, 1), padding=(1, 0)), nn.ReLU(),
            nn.Conv2d(channels, channels, (1, 3), padding=(0, 1)), nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS),
            nn.ReLU(),
            nn.Conv2d(channels, channels, (3, 1), padding=(d, 0), dilation=(d, 1)), nn.ReLU(),
            nn.Conv2d(channels, channels, (1, 3), padding=(0, d), dilation=(1, d)),
            nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS), nn.Dropout2d(dropout))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.layers(x))


def up(i: int, o: int) -> nn.Sequential:
    """Twice the size: (B, i, H, W) -> (B, o, 2H, 2W)."""
    return nn.Sequential(nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=1),
                         nn.BatchNorm2d(o, eps=BATCH_NORM_EPS), nn.ReLU())


def encoder(dropout: float = 0.3) -> nn.Sequential:
    """(B, 3, H, W) in [0, 1] -> (B, 128, H/8, W/8). dropout: of the last blocks; a tenth of it in the first ones."""
    return nn.Sequential(Down(3, 16), Down(16, 64), *(NonBottleneck1d(64, 1, dropout / 10) for _ in range(5)),
                         Down(64, 128), *(NonBottleneck1d(128, d, dropout) for d in (2, 4, 8, 16, 2, 4, 8, 16)))


def decoder(channels: int) -> nn.Sequential:
    """(B, 128, H/8, W/8) -> (B, channels, H, W)."""
    return nn.Sequential(up(128, 64), NonBottleneck1d(64), NonBottleneck1d(64),
                         up(64, 16), NonBottleneck1d(16), NonBottleneck1d(16),
                         nn.ConvTranspose2d(16, channels, 2, stride=2))


class BranchedErfnet(nn.Module):
    """One encoder, one decoder per branch. (B, 3, H, W) in [0, 1] -> (B, sum(branches), H, W).

    branches: channels of each branch, (2 + D, C) for spatial embeddings.
    """

    def __init__(self, branches: Sequence[int], *, dropout: float = 0.3):
        super().__init__()
        self.encoder = encoder(dropout)
        self.branches = nn.ModuleList(decoder(channels) for channels in branches)

    def forward(self, image: Tensor) -> Tensor:
        features = self.encoder(image)
        return torch.cat([branch(features) for branch in self.branches], dim=1)


def spatial_embedding_network(bandwidths: int, classes: int, *, initial_bandwidth: float = 1.0,
                              initial_seed_logit: float = -4.0, dropout: float = 0.3) -> BranchedErfnet:
    """Branched ERFNet whose pixels at first point at themselves, with a margin of 5.7 px (METHODS 1.3).

    Seeds start near the share of pixels that a class has; learning that share from one half takes hundreds of steps.
    """
    network = BranchedErfnet((2 + bandwidths, classes), dropout=dropout)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    nn.init.constant_(network.branches[1][-1].bias, initial_seed_logit)
    last = network.branches[0][-1]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([0.0, 0.0] + [initial_bandwidth] * bandwidths))
    return network


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
