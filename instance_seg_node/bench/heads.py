"""Drawn heads: what a trained network would emit for an image with a known number of objects."""

import numpy as np

from ..errors import InputError

COORDINATE_PITCH = 1 / 1023  # units per pixel, METHODS 1.2
FOREGROUND = {30: 0.25, 100: 0.37}
"""Share of the image that belongs to objects, by how many there are; others lie on the power law through these two."""
MARGIN = 0.45
"""Radius of the margin, in radii of the object."""


def drawn_heads(height: int, width: int, instances: int, *, random_state: int = 0, bandwidths: int = 1,
                classes: int = 1) -> dict[str, np.ndarray]:
    """One image's heads: embedding (2, h, w), bandwidth (D, h, w), seed (C, h, w), float32.

    Ellipses of sizes a factor of several apart, near ones over far ones. Pixels point to their centre, the less
    precisely the nearer they are to the border. Seeds are what training makes of them, the membership of the pixel's
    own embedding, with noise. Bandwidths scatter.
    The background has low seeds. The classes have the objects in turn. Raises InputError if a size is not positive.
    """
    if min(height, width, instances) < 1:
        raise InputError(f"height, width and instances must be at least 1, got {height}, {width}, {instances}")
    rng = np.random.default_rng(random_state)
    owner, distance, centres, radii = _ellipses(height, width, instances, rng)
    inside = owner >= 0
    k, d = owner[inside], distance[inside]
    margin = MARGIN * np.sqrt(radii[:, 0] * radii[:, 1])

    embedding = np.stack([np.broadcast_to(np.arange(width), (height, width)),
                          np.broadcast_to(np.arange(height)[:, None], (height, width))]).astype(np.float64)
    error = rng.normal(size=(2, len(k))) * (0.1 + 0.25 * d**2)  # in margins
    embedding[:, inside] = centres[k].T + error * margin[k]
    log_bandwidth = np.full((1, height, width), 10.0)
    log_bandwidth[0, inside] = np.log(np.log(2) / (margin[k] * COORDINATE_PITCH) ** 2) + rng.normal(size=len(k)) * 0.1
    seed = np.abs(rng.normal(size=(classes, height, width), scale=0.05))
    membership = 0.98 * 0.5 ** (error**2).sum(axis=0)
    seed[(k % classes, *inside.nonzero())] = membership - 0.1 * d**2 + rng.normal(size=len(k)) * 0.01
    heads = {"embedding": embedding * COORDINATE_PITCH, "seed": np.clip(seed, 0, 1),
             "bandwidth": np.repeat(np.exp(log_bandwidth), bandwidths, axis=0)}
    return {name: heads[name].astype(np.float32) for name in ("embedding", "bandwidth", "seed")}


def _ellipses(height, width, instances, rng):
    """Owner of each pixel (-1: none), its distance in radii, centres and radii (K, 2), x then y, in pixels."""
    slope = np.log(FOREGROUND[100] / FOREGROUND[30]) / np.log(100 / 30)
    wanted = min(FOREGROUND[30] * (instances / 30) ** slope, 0.6)
    centres = _spread(height, width, instances, rng)
    radii = np.exp(rng.normal(scale=0.45, size=(instances, 1))) * rng.uniform(0.75, 1.33, size=(instances, 2))
    low, high = 0.0, float(max(height, width))
    coarse = max(min(height, width) // 128, 1)  # a share needs no full resolution
    for _ in range(16):
        middle = (low + high) / 2
        small = _paint_ellipses(height // coarse, width // coarse, centres / coarse, radii * middle / coarse)
        covered = (small[0] >= 0).mean()
        low, high = (middle, high) if covered < wanted else (low, middle)
    return *_paint_ellipses(height, width, centres, radii * high), centres, radii * high


def _spread(height, width, instances, rng):
    """Centres, each the farthest of ten drawn ones from those before it."""
    centres = rng.random((1, 2)) * (width, height)
    for _ in range(instances - 1):
        drawn = rng.random((10, 2)) * (width, height)
        nearest = np.linalg.norm(drawn[:, None] - centres, axis=2).min(axis=1)
        centres = np.vstack([centres, drawn[nearest.argmax()]])
    return centres


def _paint_ellipses(height, width, centres, radii):
    owner = np.full((height, width), -1)
    distance = np.zeros((height, width))
    for k in np.argsort(centres[:, 1]):  # lower in the image is nearer
        low, high = np.floor(centres[k] - radii[k]).astype(int), np.ceil(centres[k] + radii[k]).astype(int) + 1
        left, top = np.maximum(low, 0)
        box = np.s_[top:max(high[1], 0), left:max(high[0], 0)]
        rows, columns = np.ogrid[box[0].start:min(box[0].stop, height), box[1].start:min(box[1].stop, width)]
        d = np.hypot((columns - centres[k, 0]) / radii[k, 0], (rows - centres[k, 1]) / radii[k, 1])
        owner[box] = np.where(d < 1, k, owner[box])
        distance[box] = np.where(d < 1, d, distance[box])
    return owner, distance
