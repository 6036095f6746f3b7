"""Every road user as a thing with its class: which model, how big, and how it moves its limbs over time."""

from functools import cache

import numpy as np

from .cars import car, paint
from .classes import BICYCLE, BUS, CAR, CITYSCAPES_ID, MOTORCYCLE, PERSON, RIDER, TRAIN, TRUCK
from .cycles import bicycle, motorcycle, with_rider
from .figures import Part
from .heavy import bus, tram, truck
from .people import Looks, looks, walker
from .solid import Solid
from .things import Body, Figure

BUILDERS = {
    CAR: (car, 120, (8, 10)),
    TRUCK: (truck, 60, (11, 12)),
    BUS: (bus, 40, (13, 14)),
    TRAIN: (tram, 32, (15, 16)),
}
"""How each class is built, how many models of it there are in the world, and the start of their seeds."""


@cache
def model(class_id: int, number: int) -> tuple[Solid, float, float, float]:
    """One of the vehicle models of a class, with half its width and length and its height, metres."""
    build, _, seed = BUILDERS[class_id]
    solid = build(np.random.default_rng([*seed, number]))
    low, high = solid.corners.min(axis=0), solid.corners.max(axis=0)
    return solid, float(high[0]), float((high[2] - low[2]) / 2), float(high[1])


def owner(class_id: int, track_id: int) -> tuple[int, int, int]:
    return CITYSCAPES_ID[class_id], class_id, track_id


class Vehicle:
    """A car, truck, bus or tram that can be put anywhere."""

    tracks = 1

    def __init__(self, class_id: int, rng: np.random.Generator):
        self.class_id = class_id
        self.solid, half, self.half_length, self.height = model(class_id, int(rng.integers(BUILDERS[class_id][1])))
        self.half = (half, self.half_length)
        self.dirt = rng.uniform(0.08, 0.25)
        self.lamps = [None, 0.6, 1.0][rng.choice(3, p=[0.62, 0.18, 0.2])]  # lit by day, or braking

    def at(self, x: float, z: float, yaw: float, track_id: int, time_s: float) -> Body:
        return Body(
            x,
            z,
            yaw,
            self.half,
            self.height,
            (owner(self.class_id, track_id),),
            self.solid,
            dirt=self.dirt,
            lamps=self.lamps,
        )


class Cyclist:
    """A person on a two-wheeler, or the two-wheeler alone, parked. The rider's track comes first, then the wheels'."""

    tracks = 2
    half_length = 0.9

    def __init__(self, class_id: int, rng: np.random.Generator, *, ridden: bool = True):
        self.class_id, self.ridden = class_id, ridden
        self.colour, self.who = paint(rng), looks(rng)
        self.helmet = paint(rng) if class_id == MOTORCYCLE or rng.random() < 0.5 else None
        self.style = (bool(rng.random() < 0.4), bool(rng.random() < 0.5))
        self.phase, self.cadence = rng.uniform(0, 7), rng.uniform(5, 8)

    def at(self, x: float, z: float, yaw: float, track_id: int, time_s: float) -> Figure:
        owners = (owner(RIDER, track_id), owner(self.class_id, track_id + 1))
        return Figure(x, z, yaw, (0.28, 0.9), 1.75 if self.ridden else 1.1, owners, lambda: self._parts(time_s))

    def _parts(self, time_s: float) -> list[Part]:
        if self.class_id == BICYCLE:
            made = bicycle(
                self.colour,
                self.phase - self.cadence * time_s * self.ridden,
                basket=self.style[0],
                upright=self.style[1],
            )
        else:
            made = motorcycle(self.colour, scooter=self.style[0], case=self.style[1])
        return with_rider(made, self.who, self.helmet) if self.ridden else made[0]


class Walker:
    """A person on foot."""

    tracks = 1
    half_length = 0.3

    def __init__(self, rng: np.random.Generator, *, standing: bool = False):
        self.who: Looks = looks(rng)
        self.phase, self.stride = rng.uniform(0, 7), 0.12 if standing else rng.uniform(0.7, 1.0)
        self.pace = 0.0 if standing else rng.uniform(5.5, 7.0)

    def at(self, x: float, z: float, yaw: float, track_id: int, time_s: float) -> Figure:
        return Figure(
            x,
            z,
            yaw,
            (0.28, 0.25),
            self.who.tall,
            (owner(PERSON, track_id),),
            lambda: walker(self.who, self.phase + self.pace * time_s, self.stride),
        )
