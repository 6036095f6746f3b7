"""The Lovasz hinges of all instances of an image at once (METHODS 1.4): who takes part, one sort, and their mean.

Axes: N pixels, K instances, M pairs of a pixel and an instance, D bandwidths.
"""

import math

import torch
from torch import Tensor, nn

NEGLIGIBLE_MEMBERSHIP = 1e-3
"""Pixels of others below it change the Lovasz hinge by no more than rounding, and need no place in its sort."""

RUN = 32
"""Neighbouring pixels that are looked at together before they are looked at one by one."""

CANDIDATES = 2**22
"""Pairs that are looked at one by one at the same time: bounds the memory."""


@torch.no_grad()
def pairs_within_reach(embedding: Tensor, centre: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    """Pixel and instance of every pair whose membership is not negligible, each int64 (M,).

    embedding: (2, N). centre: (2, K). r: (D, K). Of most runs of pixels the box around their embeddings lies outside
    that of an instance, so that K x N distances are neither computed nor held.
    """
    limit, s = -math.log(NEGLIGIBLE_MEMBERSHIP), torch.exp(10 * r)
    runs = nn.functional.pad(embedding, (0, -embedding.shape[1] % RUN), value=math.inf).unflatten(1, (-1, RUN))
    low, high = runs.amin(2)[:, None], runs.amax(2)[:, None]  # (2, 1, N / RUN)
    middle, reach = centre[..., None], torch.sqrt(limit / s)[..., None]  # (2, K, 1), (D, K, 1)
    meet = ((low <= middle + reach) & (high >= middle - reach)).all(0)  # (K, N / RUN)
    pixels, instances = [], []
    for pairs in meet.nonzero().split(CANDIDATES // RUN):
        k, run = pairs.T
        distance = ((runs.index_select(1, run) - centre[:, k, None]).square() * s[:, k, None]).sum(0)  # (pairs, RUN)
        at, within = (distance < limit).nonzero().T
        pixels.append(run[at] * RUN + within)
        instances.append(k[at])
    return torch.cat(pixels), torch.cat(instances)


def lovasz_hinge(logits: Tensor, target: Tensor, instance: Tensor | None = None) -> Tensor:
    """A convex surrogate of the Jaccard loss (Berman; Yu and Blaschko), the mean over the instances. A scalar.

    logits: (M,). target: bool (M,). instance: int64 (M,), 0 to K - 1, each with a target; None = all are of one.
    """
    instance = torch.zeros_like(target, dtype=torch.int64) if instance is None else instance
    errors = torch.relu(1 - logits * (2.0 * target - 1))
    return (errors * jaccard_steps(errors.detach(), target, instance)).sum() / (instance.max() + 1)


def jaccard_steps(errors: Tensor, target: Tensor, instance: Tensor) -> Tensor:
    """By how much each pixel adds to its instance's Jaccard loss, if they are counted from the largest error, (M,).

    errors: at least 0, (M,). In whole numbers as far as the division, and so without the rounding of long sums.
    """
    # By instance, within it by falling error, as positive floats are in the order of their bits: one sort of integers,
    # which takes linear time where one of floats does not.
    order = torch.argsort((instance + 1) * 2**32 - errors.float().view(torch.int32))
    own, sizes = target[order], torch.bincount(instance)
    seen, found, ends = torch.arange(1, len(order) + 1, device=order.device), own.cumsum(0), sizes.cumsum(0)
    found_at_end = found[ends - 1]  # these count on from instance to instance

    def each(of_instance: Tensor) -> Tensor:
        return torch.repeat_interleave(of_instance, sizes, output_size=len(order))

    missing = each(found_at_end) - found
    union = seen - found + each(found_at_end - (ends - sizes))
    # J = 1 - missing / union. An own pixel has taken 1 from missing, another one has added 1 to union.
    steps = torch.where(own, 1, missing / (union - 1).clamp(min=1)) / union
    return torch.empty_like(errors).index_copy_(0, order, steps.to(errors.dtype))
