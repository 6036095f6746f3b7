"""The networks a recipe can name. A new one is one file and one row each of NETWORKS and STRIDES."""

from collections.abc import Callable

from .branched import Branched
from .erfnet import branched_erfnet
from .pyramid import branched_pyramid

NETWORKS: dict[str, Callable[..., Branched]] = {"erfnet": branched_erfnet, "pyramid": branched_pyramid}
"""Name -> makes it of the channels of each branch, (2 + D, C) for spatial embeddings, and dropout=..."""

STRIDES = {"erfnet": 8, "pyramid": 32}
"""Name -> what the height and width of its images are multiples of."""
