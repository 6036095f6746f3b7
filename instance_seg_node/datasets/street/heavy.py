"""Lorries, buses and trams, with lettering, windows, skirts and dirt."""

import numpy as np

from .cars import BLACK, GLASS, PLATES, TYRE, paint, wheel
from .solid import Solid, rectangle

LIVERIES = np.array(
    [
        (232, 232, 228),
        (230, 230, 230),
        (200, 30, 30),
        (24, 74, 150),
        (235, 190, 30),
        (40, 120, 70),
        (205, 110, 30),
        (30, 34, 60),
        (150, 152, 156),
        (90, 40, 90),
        (205, 200, 185),
    ],
    float,
)


def truck(rng: np.random.Generator) -> Solid:
    """A pickup, box lorry, articulated lorry, tipper, flatbed or tanker; its middle at the origin, looking along z."""
    return rng.choice([_lorry, _lorry, _lorry, _pickup])(rng)


def _lorry(rng: np.random.Generator) -> Solid:
    solid = Solid()
    load = str(rng.choice(["box", "curtain", "tipper", "tanker", "flatbed"], p=[0.36, 0.24, 0.15, 0.13, 0.12]))
    length, width, height = rng.uniform(6.5, 13.5), rng.uniform(2.2, 2.5), rng.uniform(2.9, 4.0)
    half, cab_length = width / 2, rng.uniform(1.7, 2.2)
    cab_top = min(height * 0.95, rng.uniform(2.4, 3.3))
    rear, front = -length / 2, length / 2
    _chassis(solid, half, rear, front, cab_length, rng)
    colour = paint(rng) if rng.random() < 0.5 else _livery(rng)
    solid.group(1)
    deck, end = rng.uniform(0.95, 1.2), front - cab_length - 0.35
    body = _livery(rng)
    if load == "tanker":
        _tank(solid, half, deck, min(height, 3.4), rear, end, body)
    else:
        top = height if load in ("box", "curtain") else deck + rng.uniform(0.7, 1.3)
        quads = solid.box((-half, half), (deck, top), (rear, end), body, gloss=0.02)
        _load_walls(solid, rng, quads, body, load)
    solid.group(1)
    low, belt = 0.45, 0.55 * cab_top
    a = rectangle((-half * 0.97, half * 0.97), low, (front - cab_length, front))
    b = rectangle((-half * 0.97, half * 0.97), belt, (front - cab_length, front + 0.02))
    c = rectangle((-half * 0.92, half * 0.92), cab_top, (front - cab_length, front - 0.22))
    lower, upper = solid.ring(a, b, colour, gloss=0.05), solid.ring(b, c, colour, gloss=0.05)
    inside = (0, belt, front - cab_length / 2)
    solid.face(c, colour, inside, gloss=0.15)
    _cab_details(solid, rng, lower, upper, colour, inside)
    for side in (-1, 1):
        wheel(solid, side * (half + 0.01), front - 1.1, 0.5, side, (120, 120, 122))
        solid.group(2)
        x = sorted((side * half, side * (half + 0.22)))
        solid.box(x, (belt + 0.1, belt + 0.65), (front - 0.2, front - 0.1), (28, 28, 29))
    return solid


def _livery(rng):
    colour = LIVERIES[rng.integers(len(LIVERIES))] * rng.uniform(0.75, 1.08)
    return np.clip(colour + (colour.mean() - colour) * rng.uniform(0.05, 0.5), 0, 245)


def _chassis(solid, half, rear, front, cab_length, rng):
    solid.group(0)
    solid.box((-half * 0.8, half * 0.8), (0.5, 1.1), (rear + 0.1, front - 0.2), (34, 34, 36))
    axles = [rear + 1.0, rear + 2.2] + ([rear + 3.4] if front - rear > 10 else []) + [front - 1.1]
    for z in axles:
        for side in (-1, 1):
            solid.group(0)
            x = sorted((side * (half - 0.55), side * half))
            solid.box(x, (0, 0.95), (z - 0.42, z + 0.42), TYRE)
            wheel(solid, side * (half + 0.01), z, 0.5, side, (120, 120, 122))
    solid.group(0)
    bar = solid.box((-half * 0.96, half * 0.96), (0.45, 0.62), (rear, rear + 0.12), (60, 58, 56))[0]
    solid.pane(bar, 0.02, 0.14, 0.1, 0.9, (140, 14, 14), (0, 0.5, 0), glow=(110, 10, 10))
    solid.pane(bar, 0.86, 0.98, 0.1, 0.9, (140, 14, 14), (0, 0.5, 0), glow=(110, 10, 10))
    solid.pane(bar, 0.4, 0.6, 0.1, 0.9, PLATES[rng.integers(3)], (0, 0.5, 0))


def _load_walls(solid, rng, quads, body, load):
    rear, right, front, left, top = quads
    inside = (0, 1.5, float(rear[0, 2] + front[0, 2]) / 2)
    dark = body * 0.6
    for u in (0.0, 0.49, 0.97):
        solid.pane(rear, u, u + 0.03, 0, 1, dark, inside)
    for u in (0.2, 0.35, 0.63, 0.78):
        solid.pane(rear, u, u + 0.012, 0.02, 0.98, (130, 130, 132), inside)
    solid.pane(rear, 0, 1, 0.0, 0.04, (70, 70, 72), inside)
    if rng.random() < 0.5:
        solid.pane(rear, 0.02, 0.98, 0.05, 0.09, (200, 60, 20), inside)
        for u in np.arange(0.06, 0.95, 0.16):
            solid.pane(rear, u, u + 0.08, 0.05, 0.09, (225, 210, 60), inside)
    ink = _livery(rng)
    for quad in (left, right):
        ribs = 9 if load != "box" else 4
        for u in np.linspace(0.0, 0.98, ribs):
            solid.pane(quad, u, u + 0.015, 0, 1, body * (0.8 if load != "tipper" else 0.6), inside)
        solid.pane(quad, 0, 1, 0, 0.05, dark, inside)
        solid.pane(quad, 0, 1, 0.95, 1, dark, inside)
        if load in ("box", "curtain"):
            letters(solid, rng, quad, ink, inside, rng.uniform(0.4, 0.55))
    if load in ("box", "curtain") and rng.random() < 0.6:
        letters(solid, rng, rear, ink, inside, 0.6)


def letters(solid: Solid, rng, quad, ink, inside, v: float) -> None:
    """A word of blocks on a quad, at height v."""
    u, tall = rng.uniform(0.12, 0.3), rng.uniform(0.08, 0.2)
    for _ in range(rng.integers(4, 9)):
        wide = rng.uniform(0.03, 0.08)
        solid.on(
            quad, [(u, v), (u + wide, v), (u + wide * rng.uniform(0.4, 1), v + tall), (u + 0.01, v + tall)], ink, inside
        )
        u += wide + 0.02


def _tank(solid, half, deck, height, rear, front, body):
    turn = np.arange(14) * (2 * np.pi / 14)
    y, r = (deck + height) / 2, (height - deck) / 2
    ring = np.stack([half * np.cos(turn), y + r * np.sin(turn)], axis=1)
    a, b = (np.column_stack([ring, np.full(14, z)]) for z in (rear + 0.1, front))
    for i in range(14):
        solid.face([a[i - 1], a[i], b[i], b[i - 1]], body, (0, y, (rear + front) / 2), gloss=0.15)
    for t in np.linspace(0.1, 0.9, 4):
        for i in range(14):
            p, q = a[i - 1] * (1 - t) + b[i - 1] * t, a[i] * (1 - t) + b[i] * t
            solid.face([p, q, q + (0, 0, 0.1), p + (0, 0, 0.1)], body * 0.7, (0, y, p[2]), outline=False)
    solid.face(a, body, (0, y, front), gloss=0.06)
    solid.face(b, body, (0, y, rear), gloss=0.06)
    centre = np.array([0, y, rear + 0.09])
    solid.face(centre + (a - (0, y, rear + 0.1)) * (0.5, 0.5, 0), body * 0.75, (0, y, front), outline=False)


def _cab_details(solid, rng, lower, upper, colour, inside):
    left, rear, right, front = range(4)
    tint, line, sky = np.array(GLASS), rng.uniform(0.3, 0.8), rng.uniform(0.25, 0.8)
    solid.pane(upper[front], 0.03, 0.97, 0.08, 0.86, BLACK, inside)
    solid.glass(upper[front], 0.05, 0.95, 0.12, 0.82, tint, inside, line=line, sky=sky)
    for quad in (upper[left], upper[right]):
        solid.glass(quad, 0.35, 0.9, 0.1, 0.75, tint, inside, line=line, sky=sky * 0.7)
    solid.pane(upper[front], 0, 1, 0.92, 1, colour, inside, gloss=0.4)
    solid.pane(lower[front], 0.15, 0.85, 0.35, 0.9, BLACK, inside)
    for v in (0.5, 0.65, 0.8):
        solid.pane(lower[front], 0.15, 0.85, v, v + 0.04, (160, 160, 164), inside)
    solid.pane(lower[front], 0, 1, 0, 0.22, BLACK, inside)
    for u in (0.03, 0.8):
        solid.pane(lower[front], u, u + 0.17, 0.08, 0.3, (150, 155, 160), inside, gloss=0.2, glow=(150, 140, 120))
    solid.pane(lower[front], 0.4, 0.6, 0.03, 0.15, PLATES[rng.integers(2)], inside)


def _pickup(rng: np.random.Generator) -> Solid:
    solid, colour = Solid(), paint(rng)
    length, half = rng.uniform(5.1, 5.8), rng.uniform(0.93, 1.02)
    rear, front, deck = -length / 2, length / 2, 1.12
    solid.group(0)
    solid.box((-half * 0.85, half * 0.85), (0.35, 0.6), (rear + 0.1, front - 0.1), (30, 30, 31))
    for z in (rear + 1.1, front - 1.0):
        for side in (-1, 1):
            solid.group(0)
            solid.box(sorted((side * (half - 0.28), side * (half - 0.02))), (0, 0.7), (z - 0.3, z + 0.3), TYRE)
    solid.group(1)
    back, right, nose, left, top = solid.box((-half, half), (0.48, deck), (rear, front), colour, gloss=0.05)
    inside = (0, 0.8, 0)
    solid.pane(top, 0.05, 0.95, 0.02, 0.36, (30, 30, 32), inside)
    for u in (0.0, 0.88):
        solid.pane(back, u, u + 0.12, 0.3, 0.95, (130, 14, 16), inside, glow=(110, 12, 12))
    solid.pane(back, 0, 1, 0, 0.2, (120, 122, 125), inside, gloss=0.1)
    solid.pane(back, 0.38, 0.62, 0.22, 0.38, PLATES[0], inside)
    letters(solid, rng, back, colour * 0.6, inside, 0.6)
    solid.pane(nose, 0.2, 0.8, 0.3, 0.9, (34, 34, 36), inside)
    for u in (0.02, 0.8):
        solid.pane(nose, u, u + 0.18, 0.5, 0.9, (160, 164, 170), inside, gloss=0.2, glow=(150, 140, 120))
    solid.pane(nose, 0, 1, 0, 0.22, (110, 112, 115), inside)
    for side in (-1, 1):
        for z in (rear + 1.1, front - 1.0):
            solid.disc((side * (half + 0.006), 0.42, z), 0.48, side, (18, 18, 19), floor=0.49, outline=False)
            wheel(solid, side * (half + 0.01), z, 0.40, side, (140, 140, 142))
    solid.group(2)
    line, sky = rng.uniform(0.3, 0.8), rng.uniform(0.25, 0.8)
    foot, head = (rear + 0.38 * length, front - 0.26 * length), (rear + 0.41 * length, front - 0.40 * length)
    a, b = rectangle((-half * 0.95, half * 0.95), deck - 0.02, foot), rectangle((-half * 0.8, half * 0.8), 1.85, head)
    walls = solid.ring(a, b, colour, gloss=0.06)
    solid.face(b, colour, (0, deck, 0), gloss=0.2)
    for i, (u0, u1) in enumerate([(0.06, 0.94)] * 4):
        middle = (0, deck, (foot[0] + foot[1]) / 2)
        solid.glass(walls[i], u0, u1, 0.1, 0.86, np.array(GLASS), middle, line=line, sky=sky)
    for i in (0, 2):
        solid.pane(walls[i], 0.46, 0.51, 0.1, 0.86, colour * 0.8, (0, deck, (foot[0] + foot[1]) / 2))
    return solid


def bus(rng: np.random.Generator) -> Solid:
    """A city bus, coach or double-decker; its middle at the origin, looking along z."""
    double = rng.random() < 0.22
    length, half = rng.uniform(9, 12.5), rng.uniform(1.22, 1.28)
    height = 4.2 if double else rng.uniform(2.95, 3.4)
    decks = [(0.32, 0.52), (0.62, 0.88)] if double else [(0.36, 0.80) if rng.random() < 0.6 else (0.44, 0.86)]
    return _coach(rng, length, half, height, decks, rail=False)


def tram(rng: np.random.Generator) -> Solid:
    """A tram of two or three sections; its middle at the origin, looking along z."""
    return _coach(rng, rng.uniform(18, 30), rng.uniform(1.2, 1.35), rng.uniform(3.3, 3.7), [(0.36, 0.74)], rail=True)


def _coach(rng, length, half, height, decks, rail):
    solid, colour, ink = Solid(), _livery(rng), _livery(rng)
    sections = 3 if length > 24 else 2 if length > 15 else 1
    edges = np.linspace(-length / 2, length / 2, sections + 1)
    for i, (z0, z1) in enumerate(zip(edges, edges[1:])):
        solid.group(0)
        solid.box((-half * 0.85, half * 0.85), (0.08, 0.4), (z0 + 0.3, z1 - 0.3), (26, 26, 27))
        if not rail:
            for z in (z0 + 2.2, z1 - 2.6):
                for side in (-1, 1):
                    solid.group(0)
                    solid.box(sorted((side * (half - 0.4), side * (half - 0.02))), (0, 0.8), (z - 0.4, z + 0.4), TYRE)
        solid.group(1)
        gap = 0.2 if sections > 1 else 0
        _section(
            solid,
            rng,
            (z0 + gap * (i > 0), z1 - gap * (i < sections - 1)),
            half,
            height,
            decks,
            colour,
            ink,
            first=i == 0,
            last=i == sections - 1,
            rail=rail,
        )
        if i:
            solid.group(0)
            solid.box((-half * 0.88, half * 0.88), (0.5, height - 0.25), (z0 - 0.25, z0 + 0.25), (40, 40, 42))
    if rail:  # the current collector
        for z in (-1.0, 1.0):
            solid.group(3)
            solid.box((-0.6, 0.6), (height, height + 0.25), (z - 0.8, z + 0.8), (70, 70, 72))
    return solid


def _section(solid, rng, along, half, height, decks, colour, ink, *, first, last, rail):
    lean = 0.55 if rail else 0.12
    low, foot = rectangle((-half * 0.98, half * 0.98), 0.3, along), rectangle((-half, half), 1.1, along)
    ends = (along[0] + lean * first, along[1] - lean * last)
    side = rectangle((-half, half), height * 0.93, ends)
    top = rectangle((-half * 0.88, half * 0.88), height, (ends[0] + 0.1, ends[1] - 0.1))
    inside = (0, 1.1, sum(along) / 2)
    skirts = solid.ring(low, foot, colour * 0.92, gloss=0.04)
    walls = solid.ring(foot, side, colour, gloss=0.05)
    solid.ring(side, top, colour * 0.95, gloss=0.1)
    solid.face(top, colour * 0.9, inside, gloss=0.2)
    span = height * 0.93 - 1.1
    bands = [((a * height - 1.1) / span, (b * height - 1.1) / span) for a, b in decks]
    bands = [(max(a, 0.02), b) for a, b in bands]
    line, sky = rng.uniform(0.35, 0.8), rng.uniform(0.15, 0.7)
    tint, count = np.array(GLASS) * rng.uniform(0.7, 1.4), max(3, int((along[1] - along[0]) / 1.5))
    for quad, flip in ((walls[0], True), (walls[2], False)):
        for v0, v1 in bands:
            solid.pane(quad, 0.01, 0.99, v0, v1, BLACK, inside)
            for u in np.linspace(0.015, 0.985, count + 1)[:-1]:
                wide = 0.97 / count - 0.012
                solid.glass(
                    quad, u, u + wide, v0 + 0.03, v1 - 0.03, tint, inside, line=line, sky=sky, glow=(70, 66, 55)
                )
        if rng.random() < 0.6:
            solid.pane(quad, 0, 1, 0, bands[0][0] * 0.6 + 0.02, ink, inside)
        doors = (0.86, 0.42) if flip is False else (0.05, 0.5)
        for u in doors:
            solid.pane(quad, u, u + 1.1 / (along[1] - along[0]), 0, bands[0][1], BLACK, inside, gloss=0.15)
        if len(bands) == 2 or rng.random() < 0.4:
            letters(solid, rng, quad, ink, inside, min(0.9, bands[0][1] + 0.03) if len(bands) == 1 else 0.5)
    for quad in (skirts[0], skirts[2]):
        solid.pane(quad, 0, 1, 0, 0.2, BLACK, inside)
        if rng.random() < 0.5:
            solid.pane(quad, 0, 1, 0.7, 1, ink, inside)
    if not rail:
        for s in (-1, 1):
            for z in (along[0] + 2.2, along[1] - 2.6):
                solid.disc((s * (half + 0.012), 0.5, z), 0.58, s, (18, 18, 19), floor=0.31, outline=False)
                wheel(solid, s * (half + 0.02), z, 0.46, s, (120, 120, 122))
    if last:
        _face_forward(solid, rng, walls[3], skirts[3], ink, inside, tint, rail)
    if first:
        _face_back(solid, rng, walls[1], skirts[1], ink, inside, tint, bands, rail)


def _face_forward(solid, rng, wall, skirt, ink, inside, tint, rail):
    solid.pane(wall, 0.03, 0.97, 0.05, 0.82, BLACK, inside)
    solid.glass(wall, 0.05, 0.95, 0.08, 0.80, tint, inside, line=rng.uniform(0.3, 0.8), sky=rng.uniform(0.25, 0.8))
    solid.pane(wall, 0.12, 0.88, 0.83, 0.97, (24, 24, 26), inside)
    for u in np.linspace(0.25, 0.7, 6):
        solid.pane(wall, u, u + 0.05, 0.86, 0.94, (235, 150, 30), inside, glow=(60, 40, 0))
    for u in (0.04, 0.80):
        solid.pane(skirt, u, u + 0.16, 0.45, 0.75, (170, 172, 178), inside, gloss=0.2, glow=(150, 145, 130))
    solid.pane(skirt, 0, 1, 0, 0.25, BLACK, inside)
    if not rail:
        solid.pane(skirt, 0.4, 0.6, 0.25, 0.42, PLATES[rng.integers(2)], inside)
    solid.pane(skirt, 0.25, 0.75, 0.5, 0.62, ink * 0.6, inside)


def _face_back(solid, rng, wall, skirt, ink, inside, tint, bands, rail):
    for v0, v1 in bands if not rail else [(0.1, 0.8)]:
        solid.glass(wall, 0.1, 0.9, max(v0, 0.2), v1, tint, inside, sky=rng.uniform(0.25, 0.7), glow=(60, 55, 45))
    solid.pane(wall, 0.0, 1.0, 0.0, 0.12, ink, inside)
    for u in (0.02, 0.88):
        solid.pane(skirt, u, u + 0.1, 0.35, 0.95, (130, 14, 14), inside, glow=(110, 12, 12))
    solid.pane(skirt, 0.15, 0.85, 0.55, 0.95, BLACK, inside)
    for v in (0.62, 0.72, 0.82):
        solid.pane(skirt, 0.18, 0.82, v, v + 0.03, (90, 90, 92), inside)
    if not rail:
        solid.pane(skirt, 0.38, 0.62, 0.2, 0.38, PLATES[rng.integers(3)], inside)
