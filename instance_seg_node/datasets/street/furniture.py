"""What stands beside a street and is no instance: poles, signs, bins, bollards, boxes, hoardings, walls, shelters."""

from functools import cache

import numpy as np

from .classes import FENCE, PLANT, POLE, SIGN, WALL
from .figures import part
from .solid import Solid
from .things import Body, Figure, Plant, Thing

GREENS = np.array(
    [(74, 96, 44), (62, 84, 40), (88, 104, 52), (52, 74, 40), (104, 112, 56), (96, 90, 46), (120, 104, 52)], float
)
STEEL = np.array([118.0, 120, 124])


def lamp_post(rng: np.random.Generator, x: float, z: float, towards: float, tall: float) -> Figure:
    """A street lamp with an arm; `towards` is the sign of x of the road."""
    arm = towards * rng.uniform(1.0, 2.2)
    grey = STEEL * rng.uniform(0.5, 1.1)
    parts = [
        part([(0, 0, 0), (0, tall, 0)], [0.10, 0.06], grey),
        part([(0, tall, 0), (arm, tall + 0.25, 0)], 0.045, grey),
        part([(arm * 0.8, tall + 0.2, 0), (arm * 1.15, tall + 0.25, 0)], 0.09, (190, 190, 185), glow=(255, 230, 180)),
    ]
    return Figure(x, z, 0.0, (0.15, 0.15), tall, ((POLE, -1, 3),), lambda: parts)


def pole(rng: np.random.Generator, x: float, z: float, tall: float) -> Figure:
    """A bare pole, of wood or steel, with or without a crossbar."""
    tone = np.array([92, 76, 60.0]) if rng.random() < 0.5 else STEEL * rng.uniform(0.5, 1.2)
    parts = [part([(0, 0, 0), (0, tall, 0)], rng.uniform(0.04, 0.13), tone)]
    if tall > 6 and rng.random() < 0.6:
        parts.append(part([(-0.9, tall * 0.93, 0), (0.9, tall * 0.93, 0)], 0.06, tone))
    return Figure(x, z, 0.0, (0.12, 0.12), tall, ((POLE, -1, 5),), lambda: parts)


def traffic_light(rng: np.random.Generator, x: float, z: float) -> Body:
    """A traffic light on a post, facing back along the street."""
    solid = Solid()
    solid.box((-0.06, 0.06), (0, 3.3), (-0.06, 0.06), STEEL * 0.6)
    solid.group(2)
    back = solid.box((-0.18, 0.18), (2.4, 3.4), (-0.3, -0.02), (24, 26, 24))[0]
    on = rng.integers(3)
    for i, tone in enumerate([(40, 220, 130), (240, 170, 40), (240, 50, 40)]):
        bright = np.array(tone) * (1.0 if i == on else 0.22)
        v = 0.06 + 0.31 * i
        solid.pane(back, 0.25, 0.75, v, v + 0.24, bright, (0, 3, 0.5), glow=bright * 0.7 * (i == on))
    return Body(x, z, 0.0, (0.2, 0.25), 3.4, ((SIGN, -1, 9),), solid)


def sign(rng: np.random.Generator, x: float, z: float, yaw: float) -> Body:
    """A road sign: round, triangle, square or rhombus, on a post."""
    number = int(rng.integers(48))
    solid = _sign(number)
    high = solid.corners.max(axis=0)
    return Body(x, z, yaw, (float(high[0]), 0.1), float(high[1]), ((SIGN, -1, number),), solid, dirt=0.06)


@cache
def _sign(number: int) -> Solid:
    solid, rng = Solid(), np.random.default_rng([21, number])
    tall, size = rng.uniform(2.0, 2.8), rng.uniform(0.28, 0.45)
    solid.box((-0.04, 0.04), (0, tall), (-0.02, 0.04), STEEL)
    solid.group(2)
    corners, turn = [(12, 0.0), (3, np.pi / 2), (4, np.pi / 4), (4, 0.0)][rng.integers(4)]
    rim, face = [
        ((190, 20, 24), (235, 235, 230)),
        ((30, 70, 160), (30, 70, 160)),
        ((230, 180, 30), (235, 190, 40)),
        ((190, 20, 24), (190, 24, 28)),
    ][rng.integers(4)]
    for scale, tone, dz in ((1.0, rim, -0.03), (0.8, face, -0.035)):
        angle = np.arange(corners) * 2 * np.pi / corners + turn
        points = np.column_stack(
            [size * scale * np.cos(angle), tall + size * scale * np.sin(angle), np.full(corners, dz)]
        )
        solid.face(points, tone, (0, tall, 0.5))
    solid.face(
        [
            (-0.14, tall - 0.05, -0.04),
            (0.14, tall - 0.05, -0.04),
            (0.1, tall + 0.08, -0.04),
            (-0.1, tall + 0.08, -0.04),
        ],
        (30, 30, 34) if sum(face) > 400 else (235, 235, 235),
        (0, tall, 0.5),
        outline=False,
    )
    back = np.column_stack([size * np.cos(angle), tall + size * np.sin(angle), np.full(corners, 0.04)])
    solid.face(back, STEEL * 0.9, (0, tall, -0.5))
    return solid


def small_box(rng: np.random.Generator, x: float, z: float) -> Body:
    """A bin, cabinet, parcel, bench, letter box, planter or skip."""
    number = int(rng.integers(64))
    solid = _small_box(number)
    w, h, d = solid.corners.max(axis=0).tolist()
    return Body(x, z, rng.uniform(-0.2, 0.2), (w, d), h, ((POLE, -1, number),), solid, dirt=0.2)


@cache
def _small_box(number: int) -> Solid:
    solid, rng = Solid(), np.random.default_rng([22, number])
    w, h, d = rng.uniform(0.2, 0.6), rng.uniform(0.5, 1.4), rng.uniform(0.2, 0.5)
    if rng.random() < 0.25:
        w, h, d = rng.uniform(0.6, 1.0), rng.uniform(1.0, 1.3), rng.uniform(0.5, 1.2)
    tone = [(60, 62, 64), (40, 74, 52), (150, 30, 30), (40, 66, 120), (150, 146, 138), (200, 170, 40), (110, 80, 56)][
        rng.integers(7)
    ]
    tone = np.array(tone) * rng.uniform(0.7, 1.2)
    quads = solid.box((-w, w), (0.05, h), (-d, d), tone)
    for quad in quads[:4]:
        solid.pane(quad, 0, 1, 0.82, 0.88, tone * 0.6, (0, 0.4, 0))
        if rng.random() < 0.5:
            solid.pane(quad, 0.25, 0.75, 0.4, 0.7, np.minimum(tone * 1.5 + 20, 240), (0, 0.4, 0))
    return solid


def bollard(x: float, z: float, tone) -> Figure:
    """A knee-high post."""
    parts = [part([(0, 0, 0), (0, 0.85, 0)], 0.07, tone), part([(0, 0.7, 0), (0, 0.74, 0)], 0.075, (220, 220, 215))]
    return Figure(x, z, 0.0, (0.1, 0.1), 0.9, ((POLE, -1, 4),), lambda: parts)


def hoarding(rng: np.random.Generator, x: float, z: float, yaw: float) -> Body:
    """A poster wall with a picture on it: landscapes, faces of colour, letters."""
    number = int(rng.integers(40))
    solid = _hoarding(number)
    high = solid.corners.max(axis=0)
    return Body(x, z, yaw, (float(high[0]), 0.1), float(high[1]), ((SIGN, -1, number),), solid, dirt=0.12)


@cache
def _hoarding(number: int) -> Solid:
    solid, rng = Solid(), np.random.default_rng([23, number])
    w, low, high = rng.uniform(0.7, 3.5), rng.uniform(0.4, 2.5), rng.uniform(2.4, 4.5)
    solid.box((-0.08, 0.08), (0, low + 0.2), (-0.03, 0.03), STEEL * 0.5)
    solid.group(2)
    quads = solid.box((-w, w), (low, max(high, low + 1.2)), (-0.08, 0.08), (225, 222, 215))
    for quad in (quads[0], quads[2]):
        for _ in range(14):
            u, v, size = rng.uniform(0.05, 0.9), rng.uniform(0.05, 0.9), rng.uniform(0.05, 0.35, 2)
            box = np.clip(
                [(u, v), (u + size[0], v), (u + size[0] * rng.random(), v + size[1]), (u, v + size[1])], 0.04, 0.96
            )
            solid.on(quad, box, rng.uniform(20, 235, 3), (0, (low + high) / 2, 0))
    return solid


def gantry(rng: np.random.Generator, x: float, z: float, wide: float) -> Body:
    """Green or blue direction signs on a beam over the road."""
    solid = Solid()
    tone = [(20, 96, 70), (30, 70, 140)][rng.integers(2)]
    for s in (-wide, wide):
        solid.group(0)
        solid.box((s - 0.15, s + 0.15), (0, 6.8), (-0.15, 0.15), STEEL * 0.8)
    solid.group(1)
    solid.box((-wide, wide), (6.2, 6.6), (-0.15, 0.15), STEEL * 0.9)
    for left in np.arange(-wide + 1, wide - 4, 5.0):
        if rng.random() < 0.6:
            solid.group(2)
            panel = solid.box((left, left + 3.8), (5.3, 7.5), (-0.3, -0.2), tone)[0]
            for v in (0.2, 0.45, 0.7):
                solid.pane(panel, 0.1, rng.uniform(0.5, 0.9), v, v + 0.1, (225, 228, 225), (0, 6, 1))
    return Body(x, z, 0.0, (wide, 0.3), 7.5, ((SIGN, -1, 11),), solid, dirt=0.05)


def barrier(rng_seed: int, x: float, z: float, yaw: float, long: float, style: int) -> Thing:
    """A length of concrete wall (0), steel guard rail (1), fence (2) or low stone wall (3)."""
    rng, solid = np.random.default_rng([9, rng_seed]), Solid()
    half = long / 2
    if style == 0:
        tone = np.array([158, 156, 150]) * rng.uniform(0.75, 1.05)
        solid.box((-0.3, 0.3), (0, 0.3), (-half, half), tone)
        solid.group(2)
        solid.box((-0.12, 0.12), (0.3, 0.95), (-half, half), tone * 0.95)
        return Body(x, z, yaw, (0.3, half), 0.95, ((WALL, -1, rng_seed % 500),), solid, dirt=0.25)
    if style == 3:
        solid.box((-0.25, 0.25), (0, rng.uniform(0.6, 1.6)), (-half, half), WALL_TONES[rng_seed % 3])
        return Body(x, z, yaw, (0.25, half), 1.0, ((WALL, -1, rng_seed % 500),), solid, dirt=0.4)
    tone = STEEL * rng.uniform(0.8, 1.3)
    parts = [
        part([(0, 0, p), (0, 0.75 if style == 1 else 1.4, p)], 0.05, tone * 0.7)
        for p in np.arange(-half, half, 2.0 if style == 1 else 1.0)
    ]
    rows = (0.52, 0.68) if style == 1 else (0.3, 0.8, 1.3)
    parts += [
        part([(0, y, p), (0, y, p + 2.5)], 0.09 if style == 1 else 0.03, tone)
        for y in rows
        for p in np.arange(-half, half - 1, 2.5)
    ]
    return Figure(x, z, yaw, (0.1, half), 0.8, ((FENCE, -1, rng_seed % 500),), lambda: parts)


WALL_TONES = [np.array([140, 134, 122.0]), np.array([124, 84, 66.0]), np.array([170, 166, 158.0])]


def tree(rng: np.random.Generator, x: float, z: float, tall: float | None = None) -> Plant:
    """A broad-leaved tree, a fir, one with a thin crown or, one in three, a bare one."""
    tall = tall or rng.uniform(4, 12)
    bare = rng.random() < 0.33
    kind = int(rng.integers(14, 18) if bare else rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13]))
    fir = 6 <= kind <= 8
    base = tall * (rng.uniform(0.05, 0.12) if fir else rng.uniform(0.18, 0.38))
    width = (tall - base) * (rng.uniform(0.4, 0.6) if fir else rng.uniform(0.8, 1.25))
    colour = GREENS[rng.integers(len(GREENS))] * rng.uniform(0.65, 1.2) * ((0.7, 0.85, 0.9) if fir else 1)
    if bare:
        base, colour = base * 0.7, np.array([84, 70, 58.0]) * rng.uniform(0.5, 1.3)
    return Plant(x, z, 0.0, (0.25, 0.25), tall, ((PLANT, -1, 0),), (kind, base, width), colour)


def bush(rng: np.random.Generator, x: float, z: float) -> Plant:
    """A bush or a piece of hedge."""
    tall = rng.uniform(0.7, 2.6)
    colour = GREENS[rng.integers(len(GREENS))] * rng.uniform(0.7, 1.2)
    return Plant(
        x,
        z,
        0.0,
        (0.4, 0.4),
        tall,
        ((PLANT, -1, 0),),
        (int(rng.integers(9, 12)), 0.0, tall * rng.uniform(1.2, 2.6)),
        colour,
    )
