"""Whether what a network says of an image are numbers.

To the clustering a pixel that is not finite is background, so that a network that fails would be one that sees nothing.
"""

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from ...errors import FrameError

HEADS = ("embedding", "bandwidth", "seed")


def heads_not_finite(embedding: np.ndarray, bandwidth: np.ndarray, seed: np.ndarray, *,
                     groups: Sequence[Sequence[int]], foreground: float) -> list[str]:
    """Those of HEADS with a NaN or infinity that the instances of an image depend on. Heads as Clusterer's.

    Of the seed that is any, of the others one in the foreground: elsewhere training asks nothing of them, and in half
    precision a bandwidth, an exponential, may well be infinite there. groups, foreground: as the clustering's.
    """
    heads = {"embedding": embedding, "bandwidth": bandwidth, "seed": seed}
    wrong = []
    for name, head in heads.items():
        finite = np.isfinite(head)
        if not finite.all() and (name == "seed" or (_foreground(seed, groups, foreground) & ~finite).any()):
            wrong.append(name)
    return wrong


def network_not_finite(heads: Iterable[str]) -> FrameError:
    """What to say of such heads."""
    return FrameError("network not finite", f"NaN or infinity in {', '.join(heads)}. The model or its precision is at "
                                            "fault: try precision fp32 (precision:=fp32) or another model")


def _foreground(seed: np.ndarray, groups: Sequence[Sequence[int]], threshold: float) -> np.ndarray:
    """Which pixels are, bool (h, w). Products in the order of look_alikes.py."""
    with np.errstate(all="ignore"):  # the seeds may be anything
        own = [seed[group[0]] if len(group) == 1 else 1 - reduce(np.multiply, 1 - seed[group]) for group in groups]
        return reduce(np.logical_and, map(np.isfinite, own)) & (reduce(np.maximum, own) > np.float32(threshold))
