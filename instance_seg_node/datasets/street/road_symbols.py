"""What is painted on and let into the road: bicycles, arrows, letters, double lines, grids, manholes, tar.

All of it is road. A painted bicycle in particular is not one.
"""

from functools import cache

import numpy as np

from .canvas import Canvas
from .layout import Layout

PERIOD_M = 240.0
"""Symbols repeat along a street after this distance."""

AHEAD_M, BEHIND_M = 70.0, 35.0


class RoadSymbols:
    """The symbols of one street, the same for every render of it. asphalt, white: RGB (3,) as painted by day."""

    def __init__(self, plan: Layout, rng: np.random.Generator, asphalt: np.ndarray, white: np.ndarray):
        self.plan, self.white, self.asphalt = plan, white, asphalt
        yellow = np.array([224, 182, 52.0])
        self.yellow = yellow * 0.8 + asphalt * 0.2
        self.edge = str(rng.choice(["double yellow", "zigzag", "none"], p=[0.4, 0.08, 0.52])) if plan.walk else "none"
        lanes, kinds = plan.lanes + plan.oncoming, ["bicycle", "arrow", "letters", "grid", "manhole"]
        shares = [0.3, 0.18, 0.12, 0.06, 0.34] if plan.built else [0.0, 0.35, 0.15, 0.0, 0.5]
        self.symbols = []  # kind, lateral, z, towards us or away
        for z in np.arange(0, PERIOD_M, 8.0) + rng.uniform(0, 7, int(PERIOD_M / 8)):
            if rng.random() < (0.7 if plan.built else 0.2):
                lane = float(rng.choice(lanes))
                kind = str(rng.choice(kinds, p=shares))
                beside = rng.uniform(-0.9, 0.9) if kind in ("bicycle", "manhole") else 0.0
                self.symbols.append((kind, lane + beside, float(z), -1 if lane in plan.oncoming else 1))
        self.red = bool(rng.random() < 0.25)
        self.seams = rng.uniform((plan.left, 0, 3), (plan.right, PERIOD_M, 14), (18, 3))  # lateral, z, length
        self.bends = rng.normal(0, 0.35, (18, 8)).cumsum(axis=1)

    def paint(self, canvas: Canvas, z0: float, lit) -> None:
        """Paint what lies from z0 on. lit: gives the colour by daylight or lamps of an RGB."""
        self._seams(canvas, z0, lit(self.asphalt * 0.55))
        self._edges(canvas, z0, lit)
        for kind, lateral, z, way in self.symbols:
            z = _nearest(z, z0)
            if z < z0 + AHEAD_M:
                self._symbol(canvas, kind, lateral, z, way, lit)

    def _symbol(self, canvas, kind, lateral, z, way, lit):
        x = float(self.plan.at(lateral, z))
        tone = lit({"grid": self.yellow, "manhole": self.asphalt * 0.5}.get(kind, self.white))
        if kind == "bicycle" and self.red:
            corners = np.array([(-1.3, -1.2), (1.3, -1.2), (1.3, 4.2), (-1.3, 4.2)])
            _fill(canvas, [corners + (x, z)], lit(np.array([128, 66, 58.0])))
        for strokes in _shape(kind):
            # Traffic reads from its own side; in both directions letters run from the reader's left to right.
            _fill(canvas, [strokes * way + (x, z)], tone)

    def _edges(self, canvas, z0, lit):
        if self.edge == "none":
            return
        z = z0 + np.array([-70.0, -32, -15, -6, 0, 3, 6, 10, 15, 22, 32, 48, 70])
        for edge, inwards in ((self.plan.left, 1), (self.plan.right, -1)):
            for gap in (0.25, 0.5):
                wave = np.zeros(len(z))
                if self.edge == "zigzag":
                    z, gap = z0 - z0 % 2 + np.arange(-30, 44, 2.0), gap + 0.15
                    wave = 0.35 * (np.arange(len(z)) % 2)
                middle = self.plan.at(edge + inwards * (gap + wave), z)
                band = np.concatenate([np.stack([middle - 0.05, z], 1), np.stack([middle + 0.05, z], 1)[::-1]])
                _fill(canvas, [band], lit(self.white if self.edge == "zigzag" else self.yellow))

    def _seams(self, canvas, z0, tone):
        """Lines of tar over cracks."""
        for (lateral, z, long), bend in zip(self.seams, self.bends):
            z = _nearest(z, z0) + np.linspace(0, long, 8)
            if z[0] < z0 + 40:
                x = self.plan.at(np.clip(lateral + bend, self.plan.left, self.plan.right - 0.1), z)
                _fill(canvas, [np.concatenate([np.stack([x, z], 1), np.stack([x + 0.07, z], 1)[::-1]])], tone)


def _nearest(z: float, z0: float) -> float:
    """The place of a repeated z that is at most BEHIND_M before z0."""
    return z0 - BEHIND_M + (z - z0 + BEHIND_M) % PERIOD_M


def _fill(canvas: Canvas, outlines, colour) -> None:
    """Paint outlines (N, 2), x and z in metres, on the ground; whose pixels they are does not change."""
    for outline in outlines:
        points = np.column_stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]])
        pixels = canvas.camera.polygon(points)
        if pixels is not None:
            canvas.fill_any([pixels], np.asarray(colour).tolist())


def _stroke(points, wide: float) -> list[np.ndarray]:
    """Straight pieces (4, 2) of a line through points (N, 2)."""
    points = np.asarray(points, float)
    pieces = []
    for a, b in zip(points[:-1], points[1:]):
        side = np.array([b[1] - a[1], a[0] - b[0]]) / max(np.hypot(*(b - a)), 1e-6) * wide / 2
        pieces.append(np.array([a - side, b - side, b + side, a + side]))
    return pieces


@cache
def _shape(kind: str) -> tuple[np.ndarray, ...]:
    """The outlines (N, 2) of a symbol: metres to the right and ahead, as read by who drives over it."""
    shapes = {"bicycle": _bicycle, "arrow": _arrow, "letters": _letters, "grid": _grid, "manhole": _manhole}
    return tuple(shapes[kind]())


def _bicycle():
    """Seen from its side, 1.5 m wide, stretched to be read from afar."""
    turn = np.linspace(0, 2 * np.pi, 13)
    pieces = []
    for hub in (-0.48, 0.48):
        pieces += _stroke(np.column_stack([hub + 0.29 * np.cos(turn), 0.7 + 0.65 * np.sin(turn)]), 0.075)
    rear, crank, seat, head, front = (-0.48, 0.7), (-0.08, 0.7), (-0.2, 1.75), (0.32, 1.75), (0.48, 0.7)
    fork, post = (front, head, (0.28, 2.2), (0.45, 2.25)), (crank, seat, (-0.23, 2.1))
    for line in ((rear, crank, head, seat, rear), post, fork):
        pieces += _stroke(line, 0.075)
    return pieces + _stroke([(-0.35, 2.1), (-0.1, 2.1)], 0.12)


def _arrow():
    shaft = np.array([(-0.09, 0), (0.09, 0), (0.09, 2.4), (-0.09, 2.4)])
    return [shaft, np.array([(-0.4, 2.3), (0.4, 2.3), (0.0, 4.2)])]


def _letters():
    """KEEP CLEAR, as the strokes of tall letters in two rows."""
    e = ((1, 0), (0, 0), (0, 1), (1, 1)), ((0, 0.5), (0.8, 0.5))
    strokes = {
        "K": (((0, 0), (0, 1)), ((1, 1), (0, 0.5), (1, 0))),
        "E": e,
        "P": (((0, 0), (0, 1), (1, 1), (1, 0.5), (0, 0.5)),),
        "C": (((1, 0), (0, 0), (0, 1), (1, 1)),),
        "L": (((0, 1), (0, 0), (1, 0)),),
        "A": (((0, 0), (0.5, 1), (1, 0)), ((0.25, 0.4), (0.75, 0.4))),
        "R": (((0, 0), (0, 1), (1, 1), (1, 0.5), (0, 0.5)), ((0.4, 0.5), (1, 0))),
    }
    pieces = []
    for word, z in (("KEEP", 0.0), ("CLEAR", 2.6)):
        for i, letter in enumerate(word):
            place = (i - len(word) / 2) * 0.5
            for line in strokes[letter]:
                pieces += _stroke([(place + 0.34 * u, z + 1.7 * v) for u, v in line], 0.09)
    return pieces


def _grid():
    """A yellow box, 3 m wide and 6 m long, with crossing diagonals."""
    pieces = _stroke([(-1.5, 0), (1.5, 0), (1.5, 6), (-1.5, 6), (-1.5, 0)], 0.12)
    for start in np.arange(-2.0, 6.0, 1.0):
        low, high = max(0.0, -start), min(3.0, 6 - start)
        for mirror in (1, -1):
            pieces += _stroke([(mirror * (low - 1.5), start + low), (mirror * (high - 1.5), start + high)], 0.1)
    return pieces


def _manhole():
    turn = np.arange(14) * (2 * np.pi / 14)
    return [np.column_stack([0.32 * np.cos(turn), 0.32 * np.sin(turn)])]
