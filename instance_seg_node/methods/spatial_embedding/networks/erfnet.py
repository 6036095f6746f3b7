"""Branched ERFNet (METHODS 2): the network of Neven et al., 2019. H and W are multiples of 8."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .branched import Branched

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


def branched_erfnet(branches: Sequence[int], *, dropout: float = 0.3) -> Branched:
    """One encoder, one decoder of so many channels per branch. dropout: of the encoder's last blocks."""
    return Branched(encoder(dropout), (decoder(channels) for channels in branches))
