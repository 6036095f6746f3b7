"""The clustering, defined: METHODS 1.6 step by step in plain NumPy, one masked distance per seed."""

import numpy as np

LN2 = np.float32(np.log(2))


def literal_clusters(embedding, bandwidth, seed, thresholds, max_instances=65534):
    """id_map uint16 (h, w), class_ids int64 (K,), scores float32 (K,) of these heads."""
    usable = np.isfinite(np.concatenate([embedding, bandwidth, seed])).all(axis=0) & (bandwidth > 0).all(axis=0)
    winner = seed.argmax(axis=0)
    found = []
    for c, p in enumerate(seed):
        foreground = usable & (winner == c) & (p > np.float32(thresholds.foreground))
        instances = literal_loop(embedding, bandwidth, p, foreground, thresholds)
        found += [(-score, at, c, mask) for score, at, mask in instances]
    found.sort(key=lambda instance: instance[:2])
    return paint(found, seed.shape[1:], max_instances)


def literal_loop(embedding, bandwidth, p, foreground, thresholds):
    """(score, linear index of the seed, mask) of each instance of one class, in the order found."""
    found = []
    unclustered = foreground.copy()
    while unclustered.sum() > thresholds.min_pixels:
        at = np.where(unclustered, p, -1).argmax()
        i = np.unravel_index(at, p.shape)
        if not p[i] >= np.float32(thresholds.seed):
            break
        unclustered[i] = False
        proposal = members(embedding, foreground, embedding[(slice(None), *i)], bandwidth[(slice(None), *i)])
        if thresholds.refine and acceptable(proposal, unclustered, thresholds):
            proposal = members(embedding, foreground, *refined_margin(embedding, bandwidth, proposal))
        if acceptable(proposal, unclustered, thresholds):
            found.append((p[i], at, proposal))
        unclustered &= ~proposal
    return found


def acceptable(proposal, unclustered, thresholds):
    size, fresh = int(proposal.sum()), int((proposal & unclustered).sum())
    return size > thresholds.min_pixels and fresh > thresholds.min_unclustered * size


def members(embedding, foreground, centre, s):
    """Foreground pixels within the margin. float32, rounded after each operation, in this order."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        dx, dy = embedding[0] - centre[0], embedding[1] - centre[1]
        return foreground & (dx * dx * s[0] + dy * dy * s[-1] < LN2)


def refined_margin(embedding, bandwidth, mask):
    """Centre and bandwidth as means over `mask`, in integers, so that the order of the sum cannot matter.

    Coordinates are cut to steps of 2^-20 units and to +-2^16 units. Bandwidths are averaged as the bit patterns of
    float32, rounded down: the mean of a piecewise linear log2, as training averages the logarithm.
    """
    count = int(mask.sum())
    steps = (np.clip(embedding[:, mask].astype(np.float64), -2.0**16, 2.0**16) * 2.0**20).astype(np.int64)
    bits = bandwidth[:, mask].view(np.int32).astype(np.int64)
    centre = (steps.sum(axis=1).astype(np.float64) / (count * 2.0**20)).astype(np.float32)
    return centre, (bits.sum(axis=1) // count).astype(np.int32).view(np.float32)


def paint(found, shape, max_instances):
    """Later over earlier; those left without a pixel go, the others get ids in order, as many as there are."""
    label = np.zeros(shape, np.int64)
    for k, (_, _, _, mask) in enumerate(found, 1):
        label[mask] = k
    visible = [k for k in range(1, len(found) + 1) if (label == k).any()][:max_instances]
    id_map = np.zeros(shape, np.uint16)
    for new, k in enumerate(visible, 1):
        id_map[label == k] = new
    rows = [found[k - 1] for k in visible]
    return id_map, np.array([row[2] for row in rows], np.int64), np.array([-row[0] for row in rows], np.float32)
