"""Cars: saloons, hatchbacks, estates, off-roaders and vans, each one a little different."""

import numpy as np

from .solid import Solid, rectangle

GLASS = (20, 24, 28)
BLACK = np.array([12.0, 12, 13])  # rubber, unpainted plastics, gaps, what the ground shades
TYRE = (18, 18, 19)
PLATES = ((225, 225, 218), (226, 226, 222), (222, 190, 60))
PAINTS = np.array(
    [
        (222, 223, 222),
        (228, 228, 226),
        (28, 28, 30),
        (44, 46, 49),
        (22, 24, 32),
        (128, 131, 134),
        (168, 170, 172),
        (92, 96, 100),
        (150, 22, 24),
        (120, 18, 22),
        (26, 44, 92),
        (38, 74, 132),
        (70, 92, 112),
        (30, 62, 44),
        (112, 92, 66),
        (176, 160, 130),
        (200, 110, 24),
        (205, 180, 40),
    ],
    float,
)
PAINT_SHARE = np.array([15, 9, 14, 9, 7, 10, 10, 8, 5, 3, 4, 4, 3, 2, 2, 2, 1, 1.5])

# length, width, height, belt, bonnet, then cabin along the length: rear foot, rear roof, front roof, front foot
FORMS = {
    "saloon": (4.70, 1.82, 1.45, 0.95, 0.78, -0.37, -0.23, 0.05, 0.23),
    "hatch": (4.10, 1.76, 1.48, 0.96, 0.80, -0.485, -0.39, 0.06, 0.25),
    "city": (3.60, 1.66, 1.50, 0.97, 0.84, -0.485, -0.42, 0.12, 0.33),
    "estate": (4.65, 1.82, 1.50, 0.96, 0.79, -0.485, -0.42, 0.05, 0.23),
    "offroad": (4.60, 1.90, 1.74, 1.10, 0.98, -0.485, -0.42, 0.06, 0.22),
    "coupe": (4.50, 1.84, 1.34, 0.90, 0.74, -0.44, -0.20, 0.02, 0.22),
    "van": (4.95, 1.94, 1.98, 1.15, 1.02, -0.49, -0.475, 0.24, 0.40),
}


def paint(rng: np.random.Generator) -> np.ndarray:
    """A car colour, RGB, as often as one sees it."""
    colour = PAINTS[rng.choice(len(PAINTS), p=PAINT_SHARE / PAINT_SHARE.sum())]
    return np.clip(colour * rng.uniform(0.85, 1.15) + rng.normal(0, 4, 3), 8, 240)


def car(rng: np.random.Generator, form: str | None = None) -> Solid:
    """A car, its middle at the origin on the ground, looking along z."""
    form = form or str(rng.choice(list(FORMS), p=[0.25, 0.24, 0.1, 0.14, 0.16, 0.04, 0.07]))
    length, width, height, belt, bonnet, *cabin = FORMS[form]
    grow = rng.uniform(0.95, 1.06)
    length, width, height = length * grow, width * rng.uniform(0.97, 1.04), height * rng.uniform(0.97, 1.05)
    cabin = [(c + rng.normal(0, 0.008)) * length for c in cabin]
    colour, half = paint(rng), width / 2
    solid = Solid()
    _tyres(solid, length, half, 0.30 + 0.06 * (form in ("offroad", "van")))
    ends = _body(solid, rng, length, half, belt, bonnet, colour, cabin[3])
    _rear(solid, rng, ends[0], colour, tall=cabin[0] < -0.46 * length)
    _front(solid, rng, ends[1], colour)
    _flanks(solid, rng, length, half, belt, colour, form)
    _cabin(solid, rng, half, belt, height, cabin, colour, solid_sides=form == "van" and rng.random() < 0.5)
    return solid


def _tyres(solid: Solid, length: float, half: float, radius: float):
    solid.group(0)
    solid.box((-half + 0.12, half - 0.12), (0.2, 0.34), (-0.46 * length, 0.46 * length), BLACK)
    for z in (-0.29 * length, 0.31 * length):
        for x in (-half + 0.02, half - 0.24):
            solid.group(0)
            solid.box((x, x + 0.22), (0, 0.4), (z - radius * 0.8, z + radius * 0.8), TYRE)


def _body(solid, rng, length, half, belt, bonnet, colour, screen_foot):
    """The lower body as a row of cross-sections; returns the quads of its rear and front ends."""
    solid.group(1)
    tail = belt * rng.uniform(0.94, 1.0)
    sections = [  # z, underside, top, half width below, half width above
        (-0.500 * length, 0.34, tail - 0.10, 0.86, 0.80),
        (-0.470 * length, 0.22, tail, 0.96, 0.88),
        (-0.36 * length, 0.19, belt, 1.0, 0.93),
        (0.0, 0.19, belt - 0.02, 1.0, 0.93),
        (screen_foot, 0.19, belt - 0.02, 1.0, 0.93),
        (0.45 * length, 0.20, bonnet, 0.97, 0.87),
        (0.488 * length, 0.24, bonnet - 0.10, 0.90, 0.80),
        (0.5 * length, 0.30, bonnet - 0.22, 0.82, 0.74),
    ]
    rings = []
    for z, low, top, below, above in sections:
        mid = low + 0.62 * (top - low)
        b, m, a = half * below, half * below * 1.0, half * above
        rings.append(
            np.array([(-b * 0.97, low, z), (-m, mid, z), (-a, top, z), (a, top, z), (m, mid, z), (b * 0.97, low, z)])
        )
    axis = np.array([0, 0.5, 0])
    shine, houses, sill = rng.uniform(0.5, 1.6), rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.7)
    for first, second in zip(rings, rings[1:]):
        for i in range(5):
            inside = (first[i] + second[i + 1]) / 2 * (0, 0, 1) + axis
            top = i == 2
            solid.face(
                [first[i], first[i + 1], second[i + 1], second[i]],
                colour * (1 if i not in (0, 4) else 0.75),
                tuple(inside),
                gloss=0.4 * shine if top else 0.16 * shine if i in (1, 3) else 0.0,
            )
            if i in (0, 4):  # near the ground the body is all but black
                quad = [first[i], second[i], second[i + 1], first[i + 1]]
                quad = np.array(quad if i == 0 else [quad[k] for k in (3, 2, 1, 0)])
                solid.pane(quad, 0, 1, 0, sill, colour * 0.4, tuple(inside))
            if i in (1, 3):  # up the flank: the mirrored street, then houses, then a line of sky along the shoulder
                quad = np.array([first[i], second[i], second[i + 1], first[i + 1]])
                quad = quad if i == 1 else quad[[3, 2, 1, 0]]
                solid.pane(quad, 0, 1, 0.0, houses, colour * 0.6, tuple(inside))
                solid.pane(quad, 0, 1, 0.82, 1.0, colour, tuple(inside), gloss=0.55 * shine)
    ends = []
    for ring in (rings[0], rings[-1]):
        solid.face(ring, colour, (0, 0.5, 0), gloss=0.14 * shine)
        ends.append(ring[[0, 5, 3, 2]])
    for i in (1, -2):  # the bumper's lower lip hides the underside
        solid.face(rings[i][[0, 5, 4, 1]], colour * 0.55, (0, 0.5, 0), outline=False)
    return ends


def _rear(solid, rng, quad, colour, tall):
    inside = (0.0, 0.5, 0.0)
    z = quad[0, 2] - 0.004
    w = abs(quad[0, 0])
    top = quad[2, 1]
    quad = np.array([(-w, 0.34, z), (w, 0.34, z), (w * 0.96, top, z), (-w * 0.96, top, z)])
    solid.pane(quad, 0.0, 1.0, 0.0, 0.24, BLACK if rng.random() < 0.7 else colour * 0.7, inside)
    solid.pane(quad, 0.0, 1.0, 0.30, 0.37, colour, inside, gloss=rng.uniform(0.2, 0.7))
    solid.pane(quad, 0.0, 1.0, 0.37, 0.40, BLACK, inside)
    if rng.random() < 0.7:
        solid.pane(quad, 0.0, 1.0, rng.uniform(0.84, 0.9), 1.0, colour, inside, gloss=rng.uniform(0.3, 0.7))
    red = np.array([130, 10, 12]) * rng.uniform(0.7, 1.3)
    wide, low = rng.uniform(0.14, 0.28), rng.uniform(0.5, 0.62)
    for u0, u1 in ((0.0, wide), (1 - wide, 1.0)):
        solid.pane(quad, u0, u1, low, 0.95, red, inside, gloss=0.06, glow=(120, 20, 16))
        solid.pane(quad, u0 + 0.03, u1 - 0.03, low + 0.04, low + 0.12, (215, 190, 180), inside)
    if rng.random() < 0.5:
        solid.pane(quad, 0.3, 0.7, 0.64, 0.69, (200, 202, 205), inside, gloss=0.2)
    if rng.random() < 0.5:
        solid.pane(quad, 0.31, 0.69, 0.40, 0.64, BLACK, inside)
    solid.pane(quad, 0.33, 0.67, 0.42, 0.62, PLATES[rng.integers(3)], inside)
    solid.pane(quad, 0.37, 0.63, 0.50, 0.55, (36, 36, 40), inside)
    for u in (0.16, 0.78):
        solid.pane(quad, u, u + 0.07, 0.02, 0.09, (130, 130, 132), inside)


def _front(solid, rng, quad, colour):
    inside = (0.0, 0.45, 0.0)
    w, z, top = abs(quad[0, 0]), quad[0, 2] + 0.004, quad[2, 1]
    quad = np.array([(-w, 0.30, z), (w, 0.30, z), (w * 0.94, top + 0.05, z), (-w * 0.94, top + 0.05, z)])
    solid.pane(quad, 0.0, 1.0, 0.0, 0.08, BLACK, inside)
    solid.pane(quad, 0.12, 0.88, 0.03, 0.26, BLACK, inside)
    solid.pane(quad, 0.0, 1.0, 0.40, 0.46, colour, inside, gloss=rng.uniform(0.2, 0.6))
    solid.pane(quad, 0.0, 1.0, 0.46, 0.49, BLACK, inside)
    grille = rng.uniform(0.2, 0.32)
    solid.pane(quad, grille, 1 - grille, 0.46, 0.95, (200, 202, 205) if rng.random() < 0.5 else BLACK, inside)
    solid.pane(quad, grille + 0.02, 0.98 - grille, 0.49, 0.91, BLACK, inside)
    for v in (0.6, 0.75):
        solid.pane(quad, grille, 1 - grille, v, v + 0.04, (150, 152, 155), inside)
    solid.pane(quad, 0.46, 0.54, 0.6, 0.84, (205, 207, 210), inside, gloss=0.2)
    for u0, u1 in ((0.0, 0.2), (0.8, 1.0)):
        solid.on(
            quad,
            [(u0, 0.62), (u1, 0.60), (u1, 0.93), (u0, 1.0)],
            (70, 74, 80),
            inside,
            gloss=0.25,
            glow=(190, 185, 165),
        )
        solid.pane(quad, u0 + 0.05, u1 - 0.05, 0.68, 0.86, (225, 228, 230), inside, gloss=0.3, glow=(220, 215, 200))
    solid.pane(quad, 0.34, 0.66, 0.28, 0.45, PLATES[rng.integers(2)], inside)
    solid.pane(quad, 0.37, 0.63, 0.345, 0.385, (36, 36, 40), inside)


def _flanks(solid, rng, length, half, belt, colour, form):
    radius = 0.33 if form in ("offroad", "van") else 0.30
    rim = rng.choice([70, 130, 175, 205]) * np.ones(3)
    handle = (BLACK, colour * 0.6, np.full(3, 205.0))[rng.integers(3)]
    strip = (BLACK, colour * 0.5, np.full(3, 205.0))[rng.choice(3, p=[0.55, 0.3, 0.15])]
    for side in (-1, 1):
        x = side * (half + 0.008)

        def plate(y0, y1, z0, z1, tone, x=x):
            solid.face([(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)], tone, (0, y0, z0), outline=False)

        plate(0.2, 0.30, -0.44 * length, 0.44 * length, BLACK)
        for z in (-0.19 * length, 0.03 * length, 0.235 * length):
            plate(0.32, belt * 0.95, z, z + 0.025, BLACK)
        for z in (-0.15 * length, 0.07 * length):
            plate(belt * 0.78, belt * 0.82, z, z + 0.04 * length, handle)
        plate(0.46, 0.52, -0.24 * length, 0.25 * length, strip)
        plate(belt * 0.76, belt * 0.93, -0.492 * length, -0.455 * length, (120, 14, 16))
        for z in (-0.29 * length, 0.31 * length):
            solid.disc((x, radius + 0.03, z), radius * 1.2, side, BLACK * 0.7, floor=0.2, outline=False)
            wheel(solid, x + side * 0.01, z, radius, side, rim)


def wheel(solid: Solid, x: float, z: float, radius: float, side: int, rim) -> None:
    """A wheel seen from its side, with five spokes."""
    solid.disc((x, radius, z), radius, side, TYRE)
    solid.disc((x, radius, z), radius * 0.68, side, np.asarray(rim), outline=False, corners=12, gloss=0.05)
    solid.disc((x, radius, z), radius * 0.58, side, (22, 22, 23), outline=False, corners=12)
    for turn in np.arange(5) * (2 * np.pi / 5) + 0.3 * z:
        d, n = np.array([0, np.sin(turn), np.cos(turn)]), np.array([0, np.cos(turn), -np.sin(turn)])
        hub = np.array([x, radius, z])
        points = [
            hub + n * 0.1 * radius,
            hub + d * 0.6 * radius + n * 0.1 * radius,
            hub + d * 0.6 * radius - n * 0.1 * radius,
            hub - n * 0.1 * radius,
        ]
        solid.face(points, np.asarray(rim) * 0.9, (x - side, radius, z), outline=False)


def _cabin(solid, rng, half, belt, height, along, colour, solid_sides):
    solid.group(2)
    z0, z1, z2, z3 = along
    shoulder = belt - 0.03 + 0.86 * (height - belt)
    lean = 0.86
    low = rectangle((-half * 0.93, half * 0.93), belt - 0.03, (z0, z3))
    mid = rectangle((-half * 0.77, half * 0.77), shoulder, (z0 + (z1 - z0) * lean, z3 + (z2 - z3) * lean))
    top = rectangle((-half * 0.66, half * 0.66), height, (z1 + 0.10, z2 - 0.12))
    inside = (0.0, belt, (z0 + z3) / 2)
    walls = solid.ring(low, mid, colour, gloss=0.05)
    brim = solid.ring(mid, top, colour, gloss=0.12)
    for quad in brim:  # the edge of the roof glints
        solid.pane(quad, 0.02, 0.98, 0.05, 0.45, colour, inside, gloss=rng.uniform(0.3, 0.8))
    solid.face(top, colour, inside, gloss=rng.uniform(0.2, 0.6))
    _windows(solid, rng, walls, colour, inside, solid_sides)
    for side in (-1, 1):
        solid.group(2)
        x = sorted((side * half * 0.95, side * (half + 0.16)))
        solid.box(x, (belt + 0.02, belt + 0.17), (z3 - 0.42, z3 - 0.32), colour * 0.8 if rng.random() < 0.5 else BLACK)


def _windows(solid, rng, walls, colour, inside, solid_sides):
    """Glass in black seals; behind it head rests, seen against the window beyond."""
    left, rear, right, front = walls
    tint = np.array(GLASS) * rng.uniform(0.6, 1.6)
    for quad, low in ((rear, 0.12), (front, 0.03)):
        solid.pane(quad, 0.05, 0.95, low, 0.97, BLACK, inside)
        line, sky = rng.uniform(0.3, 0.75), rng.uniform(0.25, 0.9)
        solid.glass(quad, 0.08, 0.92, low + 0.05, 0.94, tint, inside, line=line, sky=sky)
        if rng.random() < 0.6:
            solid.pane(quad, 0.14, 0.86, 0.34, 0.58, tint, inside, gloss=rng.uniform(0.3, 0.7))
        for u in (0.18, 0.62):
            solid.on(quad, [(u, 0.17), (u + 0.18, 0.17), (u + 0.15, 0.55), (u + 0.03, 0.55)], tint * 0.5, inside)
    solid.pane(front, 0.84, 0.89, 0.12, 0.2, (215, 215, 205), inside)
    cuts = [(0.06, 0.22), (0.25, 0.56), (0.59, 0.95)] if not solid_sides else [(0.66, 0.95)]
    line, sky = rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.85)
    chrome = np.full(3, 210.0) if rng.random() < 0.35 else colour
    for quad, backwards in ((right, False), (left, True)):
        span = [(1 - b, 1 - a) if backwards else (a, b) for a, b in cuts]
        ends = min(a for a, _ in span) - 0.02, max(b for _, b in span) + 0.02
        solid.pane(quad, *ends, 0.03, 0.09, chrome, inside, gloss=0.4)
        solid.pane(quad, *ends, 0.09, 0.97, BLACK, inside)
        for a, b in span:
            solid.glass(quad, a, b, 0.12, 0.93, tint, inside, line=line, sky=sky)
