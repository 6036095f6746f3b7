"""A residual pyramid: a quarter of branched ERFNet's time on a CPU. H and W are multiples of 32.

ERFNet spends its time on one-dimensional convolutions at stride 8 and below, and on decoders at stride 2. Here 3x3
convolutions, which CPUs and GPUs run best, do the work at strides 16 and 32, whose features come back to stride 4 by a
top-down path (Lin et al., Feature pyramid networks, 2017), one per branch from stride 8 on. The last layer predicts the
4x4 pixels of a cell from its features, so heads are as fine as the image (Shi et al., sub-pixel convolution, 2016).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from .branched import Branched

STEM, WIDTHS, BLOCKS = 16, (32, 64, 128, 256), (1, 2, 3, 3)
"""Channels at stride 2; channels and residual blocks at strides 4, 8, 16 and 32."""

MERGED, FINE, LAST = 64, 48, 32
"""Channels of the way back at strides 16 and 8; of a branch at stride 4; of its last layers."""


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., 2016). (B, i, H, W) -> (B, o, H/stride, W/stride)."""

    def __init__(self, i: int, o: int, stride: int = 1):
        super().__init__()
        self.layers = nn.Sequential(*convolution(i, o, stride), nn.Conv2d(o, o, 3, padding=1),
                                    nn.BatchNorm2d(o))
        self.shortcut = nn.Identity() if i == o and stride == 1 else nn.Sequential(
            nn.AvgPool2d(stride), nn.Conv2d(i, o, 1), nn.BatchNorm2d(o))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layers(x) + self.shortcut(x))


class Pyramid(nn.Module):
    """(B, 3, H, W) in [0, 1] -> features (B, MERGED, H/8, W/8) of all strides from 8 on, and (B, 32, H/4, W/4)."""

    def __init__(self, dropout: float):
        super().__init__()
        self.stem = nn.Sequential(*convolution(3, STEM, stride=2))
        inputs = (STEM, *WIDTHS[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(Residual(i, o, stride=2), *(Residual(o, o) for _ in range(blocks - 1)))
            for i, o, blocks in zip(inputs, WIDTHS, BLOCKS, strict=True))
        self.dropout = nn.Dropout2d(dropout)
        self.lateral = nn.ModuleList(nn.Conv2d(o, MERGED, 1) for o in WIDTHS[1:])
        self.merge = nn.Sequential(*convolution(MERGED, MERGED))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x, features = self.stem(image), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        at_4, at_8, at_16, at_32 = features
        fine, middle, coarse = self.lateral
        merged = self.merge(twice(coarse(self.dropout(at_32))) + middle(at_16))
        return twice(merged) + fine(at_8), at_4


class Refine(nn.Module):
    """The pyramid's features, from stride 8 to stride 4: (B, FINE, H/4, W/4)."""

    def __init__(self):
        super().__init__()
        self.coarse = nn.Sequential(*convolution(MERGED, FINE))
        self.fine = nn.Conv2d(WIDTHS[0], FINE, 1)

    def forward(self, features: tuple[Tensor, Tensor]) -> Tensor:
        at_8, at_4 = features
        return twice(self.coarse(at_8)) + self.fine(at_4)


def branched_pyramid(branches: Sequence[int], *, dropout: float = 0.0) -> Branched:
    """One pyramid, one decoder of so many channels per branch. dropout: of the features at stride 32."""
    return Branched(Pyramid(dropout), (decoder(channels) for channels in branches))


def decoder(channels: int) -> nn.Sequential:
    """The pyramid's features -> (B, channels, H, W)."""
    return nn.Sequential(Refine(), *convolution(FINE, LAST), *convolution(LAST, LAST),
                         nn.ConvTranspose2d(LAST, channels, 4, stride=4))


def convolution(i: int, o: int, stride: int = 1) -> tuple[nn.Module, ...]:
    """A 3x3 convolution, its norm and ReLU. Its bias is what an export folds the norm into, see from_model.py."""
    return nn.Conv2d(i, o, 3, stride=stride, padding=1), nn.BatchNorm2d(o), nn.ReLU()


def twice(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W), bilinear."""
    return interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
