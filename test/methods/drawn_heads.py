"""Heads of a network that was never there: single objects, and scenes in which everything overlaps."""

import numpy as np

from instance_seg_node.model_spec import Thresholds

UNIT = 1023  # pixels


def background(height=64, width=80, classes=1, bandwidths=1):
    """Heads of nothing: every pixel points to itself with a margin of 6 px and a low seed."""
    rows, columns = np.mgrid[:height, :width]
    embedding = (np.stack([columns, rows]) / UNIT).astype(np.float32)
    bandwidth = np.full((bandwidths, height, width), np.exp(10), np.float32)
    return embedding, bandwidth, np.full((classes, height, width), 0.1, np.float32)


def precision(margin_px):
    return np.float32(np.log(2) / (margin_px / UNIT) ** 2)


def put(heads, rows, columns, *, to, margin_px=20.0, p=0.95, of_class=0):
    """Let the pixels of a rectangle point to one place (column, row) in pixels."""
    embedding, bandwidth, seed = heads
    embedding[:, rows, columns] = np.float32(to).reshape(2, 1, 1) / np.float32(UNIT)
    bandwidth[:, rows, columns] = precision(margin_px)
    seed[of_class, rows, columns] = p


def drawn_scene(number, classes=None, bandwidths=None):
    """Heads and thresholds of a scene in which objects overlap, margins cross, scores tie and some pixels stray."""
    rng = np.random.default_rng(number)
    height, width = rng.integers(24, 97, 2)
    classes, bandwidths = classes or int(rng.integers(1, 5)), bandwidths or int(rng.integers(1, 3))
    embedding, bandwidth, seed = heads = background(height, width, classes, bandwidths)
    bandwidth *= np.exp(rng.normal(scale=0.3, size=bandwidth.shape)).astype(np.float32)
    seed[:] = rng.uniform(0, rng.choice([0.3, 0.7, 1.0]), seed.shape)
    rows, columns = np.mgrid[:height, :width]
    spread, scatter, steps = rng.choice([0.05, 0.3, 0.8]), rng.choice([0, 0.1, 0.5]), rng.choice([8, 100, 1 << 20])
    for _ in range(rng.integers(0, 25)):
        cx, cy, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(3, 20)
        d = np.hypot((columns - cx) * rng.uniform(0.6, 1.6), rows - cy) / radius
        inside = d < 1
        count = int(inside.sum())
        embedding[:, inside] = ([[cx], [cy]] + rng.normal(size=(2, count)) * spread * radius) / UNIT
        margins = rng.uniform(0.4, 1.6, (bandwidths, 1)) * radius
        bandwidth[:, inside] = precision(margins) * np.exp(rng.normal(size=count) * scatter)
        scores = 1.0 - rng.uniform(0.05, 0.6) * d[inside] + rng.normal(size=count) * 0.02
        seed[rng.integers(0, classes), inside] = np.clip(scores, 0, 1)
    seed[:] = np.round(seed * steps) / np.float32(steps)
    if rng.random() < 0.5:
        embedding[:] = np.round(embedding * 256) / 256
    for head in heads:
        spoiled = rng.random(head.shape) < rng.choice([0, 0.01])
        head[spoiled] = rng.choice([np.nan, np.inf, -np.inf, 0, -1, 1e30, -1e30], spoiled.sum())
    return heads, Thresholds(
        foreground=rng.choice([0.0, 0.3, 0.5, 0.8]), seed=rng.choice([0.0, 0.4, 0.6, 0.9, 0.9, 1.0]),
        min_pixels=int(rng.choice([0, 5, 40, 128])), min_unclustered=rng.choice([0.0, 0.3, 0.5, 0.5, 0.9]))
