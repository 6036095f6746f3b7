"""The plan of a street: which lanes, how wide, where it bends, what stands beside it."""

from dataclasses import dataclass

import numpy as np

CHUNK_M = 30.0


@dataclass(frozen=True)
class Layout:
    """Laterals are metres right of the middle line, for traffic that keeps right; side -1 mirrors everything.

    kind: town, suburb, highway or country. lanes: laterals of the lane middles in our direction, oncoming: against it.
    left, right: edges of the asphalt. walk: width of the pavements, 0 for none. parking: width of the parking lanes.
    rail: lateral of a tram or railway track or None. bend: amplitude (m), wavelength / 2 pi (m) and phase of the curve.
    """

    kind: str
    side: int
    lanes: tuple[float, ...]
    oncoming: tuple[float, ...]
    own: int
    lane_m: float
    left: float
    right: float
    walk: float
    parking: float
    rail: float | None
    bend: tuple[float, float, float]
    jam: bool
    speed: float

    def middle(self, z):
        """Where the middle line is, x at z."""
        amplitude, length, phase = self.bend
        return amplitude * (np.sin(np.asarray(z) / length + phase) - np.sin(phase))

    def heading(self, z: float) -> float:
        """Yaw of the street at z."""
        amplitude, length, phase = self.bend
        return float(np.arctan(amplitude / length * np.cos(z / length + phase)))

    def at(self, lateral, z):
        """x of a place beside the middle line."""
        return self.middle(z) + self.side * lateral

    @property
    def built(self) -> bool:
        return self.kind in ("town", "suburb")


def draw_layout(rng: np.random.Generator) -> Layout:
    """A random street."""
    kind = str(rng.choice(["town", "suburb", "highway", "country"], p=[0.50, 0.13, 0.25, 0.12]))
    count, against, lane_m, parking, walk, gap = {
        "town": (
            rng.integers(1, 3),
            rng.integers(1, 3),
            rng.uniform(3.0, 3.5),
            2.3 * (rng.random() < 0.75),
            rng.uniform(2, 5),
            0,
        ),
        "suburb": (1, 1, rng.uniform(3.0, 3.8), 2.2 * (rng.random() < 0.6), rng.uniform(1.5, 2.5), 0),
        "highway": (rng.integers(2, 5), rng.integers(2, 4), 3.7, 0.0, 0.0, rng.uniform(1.5, 6)),
        "country": (1, 1, rng.uniform(3.0, 3.6), 0.0, 0.0, 0),
    }[kind]
    lanes = tuple(gap / 2 + (i + 0.5) * lane_m + (1.0 if kind == "highway" else 0) for i in range(count))
    oncoming = tuple(-(gap / 2 + (i + 0.5) * lane_m + (1.0 if kind == "highway" else 0)) for i in range(against))
    shoulder = {"highway": rng.uniform(1.5, 3.2), "country": 0.4}.get(kind, 0.25)
    right, left = lanes[-1] + lane_m / 2 + shoulder + parking, oncoming[-1] - lane_m / 2 - shoulder - parking
    rail = None
    if kind == "town" and rng.random() < 0.55:
        rail = oncoming[0] if rng.random() < 0.6 or count == 1 else lanes[0]
    elif kind != "town" and rng.random() < 0.45:
        rail = rng.choice([left - rng.uniform(6, 14), right + rng.uniform(6, 14)])
    bend = (0.0, 100.0, 0.0)
    if kind != "town" or rng.random() < 0.3:
        length = rng.uniform(90, 200)
        bend = (length * rng.uniform(0.0, 0.06 if kind == "town" else 0.14), length, rng.uniform(0, 2 * np.pi))
    own = int(rng.integers(count))
    if rail is not None and rail == lanes[own]:
        own = count - 1
    jam = bool(rng.random() < (0.3 if kind in ("town", "highway") else 0.05))
    speed = {
        "town": rng.uniform(4, 13),
        "suburb": rng.uniform(4, 10),
        "highway": rng.uniform(18, 32),
        "country": rng.uniform(12, 24),
    }[kind] * (0.3 if jam else 1)
    return Layout(
        kind,
        -1 if rng.random() < 0.22 else 1,
        lanes,
        oncoming,
        own,
        float(lane_m),
        float(left),
        float(right),
        float(walk),
        float(parking),
        None if rail is None else float(rail),
        bend,
        jam,
        float(speed),
    )
