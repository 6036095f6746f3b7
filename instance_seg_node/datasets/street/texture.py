"""Textures made of noise: ground, dirt, leaves. Fixed seeds, made once per process."""

from functools import cache

import cv2
import numpy as np


def value_noise(rng: np.random.Generator, size: int, cells: int, octaves: int = 4) -> np.ndarray:
    """Smooth noise that tiles, float32 (size, size) in [0, 1]; the first octave has `cells` cells a side."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        n = min(cells << octave, size)
        grid = np.pad(rng.random((n, n), dtype=np.float32), 2, mode="wrap")
        pitch = size // n
        wide = cv2.resize(grid, None, fx=pitch, fy=pitch, interpolation=cv2.INTER_CUBIC)
        wide = wide[2 * pitch :, 2 * pitch :][: n * pitch, : n * pitch]
        total += cv2.resize(wide, (size, size)) * 0.55**octave
    low, high = np.quantile(total, (0.005, 0.995))
    return np.clip((total - low) / (high - low), 0, 1)


@cache
def noise_tile(kind: int) -> np.ndarray:
    """One of a few fixed tiles, float32 (512, 512) in [0, 1]: 0 fine grain, 1 middle, 2 coarse clouds, 3 streaks."""
    rng = np.random.default_rng([5, kind])
    if kind == 3:
        streaks = value_noise(rng, 512, 32, 4)
        return cv2.blur(np.tile(streaks, (3, 1)), (1, 65))[512:1024]
    return value_noise(rng, 512, (64, 16, 4)[kind], (4, 5, 6)[kind])


@cache
def foliage(kind: int) -> tuple[np.ndarray, np.ndarray]:
    """A plant's crown: brightness float32 (192, 192) about 1 and coverage uint8. kinds 0-5 round, 6-8 fir, 9-11 bush,
    12-13 thin crowns, 14-17 bare branches (384, 384)."""
    rng = np.random.default_rng([6, kind])
    size = 192
    if kind >= 14:
        return _branches(rng, 2 * size)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / (size - 1)
    rough = value_noise(rng, size, 6, 5)
    fine = value_noise(rng, size, 24, 3)
    form = np.full((size, size), -1.0, np.float32)
    light = np.zeros((size, size), np.float32)
    for cx, cy, rx, ry in _lobes(kind, rng):
        inside = 1 - np.hypot((x - cx) / rx, (y - cy) / ry)
        nearer = inside > form
        form = np.maximum(form, inside)
        light = np.where(nearer, 0.75 - 0.5 * (y - cy) / ry - 0.25 * (x - cx) / rx, light)
    ragged = form + (rough - 0.42) * 0.75 + (fine - 0.5) * (0.55 if kind < 12 else 1.1)
    gap = fine > (0.97 if kind < 12 else 0.72)
    alpha = np.clip(ragged * 9, 0, 1) * np.where(gap, 0.15, 1.0)
    shade = (0.5 + 0.5 * light) * (0.45 + 0.75 * fine) * (0.75 + 0.5 * rough)
    alpha[:, [0, -1]] = alpha[[0, -1], :] = 0
    return shade.astype(np.float32), (alpha * 255).astype(np.uint8)


def _branches(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A crown without leaves: boughs that fork from the middle of the bottom, thinner each time."""
    alpha, shade = np.zeros((size, size), np.uint8), np.full((size, size), 0.55, np.float32)
    tips = [(size / 2, size - 2.0, 0.0, size * rng.uniform(0.18, 0.23))]
    for thick in (9, 6, 4, 3, 2, 2, 1):
        forks = []
        for x, y, lean, long in tips:
            for turn in rng.normal(0, 0.12, 1) + (-0.42, 0.0, 0.42) if thick > 3 else rng.normal(0, 0.5, 2):
                angle, reach = lean + turn + rng.normal(0, 0.14), long * rng.uniform(0.6, 1.1)
                end = x + reach * np.sin(angle), y - reach * np.cos(angle) * 0.9
                cv2.line(alpha, (int(x), int(y)), (int(end[0]), int(end[1])), 255, thick, cv2.LINE_AA)
                forks.append((*end, angle, long * rng.uniform(0.74, 0.92)))
        tips = forks
    shade += (0.35 * value_noise(rng, size, 12, 3)).astype(np.float32)
    alpha[:, [0, -1]] = alpha[[0, -1], :] = 0
    return shade, alpha


def _lobes(kind: int, rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    if 6 <= kind <= 8:  # fir: tiers that widen downwards
        return [(0.5 + rng.normal(0, 0.015), t, 0.03 + 0.40 * t, 0.13) for t in np.linspace(0.08, 0.88, 9)]
    if 9 <= kind <= 11:  # bush: a row of low lobes
        return [
            (x, rng.uniform(0.45, 0.65), rng.uniform(0.14, 0.25), rng.uniform(0.3, 0.42))
            for x in np.linspace(0.2, 0.8, 5)
        ]
    count = rng.integers(7, 12)
    turns = rng.uniform(0, 2 * np.pi, count)
    far = rng.uniform(0.08, 0.27, count)
    return [
        (0.5 + r * np.cos(a), 0.5 + r * np.sin(a), rng.uniform(0.14, 0.24), rng.uniform(0.13, 0.2))
        for r, a in zip(far, turns)
    ]
