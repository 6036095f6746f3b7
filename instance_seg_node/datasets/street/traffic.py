"""Moving traffic: queues of vehicles in the lanes, two-wheelers at the edge, trams on rails."""

from dataclasses import dataclass

import numpy as np

from .classes import BICYCLE, BUS, CAR, MOTORCYCLE, TRAIN, TRUCK
from .layout import Layout
from .road_users import Cyclist, Vehicle
from .things import Thing

BEHIND_M, SPAN_M = 70.0, 270.0


@dataclass(frozen=True, eq=False)
class Slot:
    """A road user in a lane. lateral: metres right of the middle line. start: z at time 0. way: 1 ours, else -1."""

    user: object
    lateral: float
    start: float
    speed: float
    way: int
    track_id: int

    def at(self, plan: Layout, time_s: float, own_z: float) -> Thing:
        """Where it is now. What falls out of the 270 m around us comes back at the other end, as another track."""
        ahead = self.start + self.way * self.speed * time_s - own_z + BEHIND_M
        lap = int(ahead // SPAN_M)
        z = ahead - lap * SPAN_M - BEHIND_M + own_z
        yaw = plan.heading(z) + (0 if self.way > 0 else np.pi)
        return self.user.at(
            float(plan.at(self.lateral, z)), z, yaw, self.track_id + (lap % 1000) * 1_000_000_000, time_s
        )


def traffic(plan: Layout, rng: np.random.Generator) -> list[Slot]:
    """The traffic of a street at time 0, ourselves at z = 0 left out."""
    slots: list[Slot] = []
    shares = _shares(plan, rng)
    dense = rng.uniform(15, 80) if plan.kind == "highway" else rng.uniform(10, 60)
    for way, laterals in ((1, plan.lanes), (-1, plan.oncoming)):
        for i, lateral in enumerate(laterals):
            if lateral == plan.rail:
                continue
            own = way > 0 and i == plan.own
            speed = plan.speed if own else plan.speed * rng.uniform(0.8, 1.15)
            _fill_lane(slots, rng, shares, lateral, speed, way, own, 4.0 if plan.jam and way > 0 else dense)
    _two_wheelers(plan, rng, slots)
    _rails(plan, rng, slots)
    return slots


def _shares(plan: Layout, rng) -> np.ndarray:
    truck = rng.choice([0.03, 0.15, 0.35]) if plan.kind == "highway" else rng.choice([0.02, 0.08, 0.18])
    bus = rng.choice([0.01, 0.10, 0.22]) if plan.kind == "town" else rng.choice([0.01, 0.06, 0.14])
    return np.array([1 - truck - bus, truck, bus])


def _fill_lane(slots, rng, shares, lateral, speed, way, own, dense):
    if own:
        z, end = (rng.uniform(4, 12) if rng.random() < 0.25 else rng.uniform(8, 45)), SPAN_M - BEHIND_M - 15
    else:
        z, end = rng.uniform(-60, -20), SPAN_M - BEHIND_M - 15
    while z < end:
        user = Vehicle(int(rng.choice([CAR, TRUCK, BUS], p=shares)), rng)
        if rng.random() < 0.05:
            user = Cyclist(MOTORCYCLE, rng)
        slots.append(Slot(user, lateral + rng.normal(0, 0.18), z + user.half_length, speed, way, len(slots) * 2 + 1))
        z += 2 * user.half_length + rng.uniform(1.5, 4.0) + rng.exponential(dense)


def _two_wheelers(plan, rng, slots):
    """Cyclists keep to the right edge of the lanes, motorcycles filter between them."""
    half = plan.lane_m / 2
    if plan.kind != "highway" and rng.random() < 0.62:
        for way, lateral in ((1, plan.lanes[-1] + half - 0.25), (-1, plan.oncoming[-1] - half + 0.25)):
            z = rng.uniform(5, 22)
            for _ in range(rng.integers(0, 4)):
                slots.append(Slot(Cyclist(BICYCLE, rng), lateral, z, rng.uniform(3.5, 6), way, len(slots) * 2 + 1))
                z += rng.uniform(2.5, 25)
    if rng.random() < 0.5:
        gaps = [lane + half for lane in plan.lanes[:-1]] or [plan.lanes[-1] + half - 0.4]
        gaps = gaps if rng.random() < 0.7 else [plan.oncoming[-1] - half + 0.4]
        way, z = (1 if gaps[0] > 0 else -1), rng.uniform(6, 30)
        for _ in range(rng.integers(1, 4)):
            slots.append(
                Slot(
                    Cyclist(MOTORCYCLE, rng),
                    float(rng.choice(gaps)),
                    z,
                    plan.speed * rng.uniform(0.9, 1.2),
                    way,
                    len(slots) * 2 + 1,
                )
            )
            z += rng.uniform(4, 30)


def _rails(plan, rng, slots):
    if plan.rail is None:
        return
    way, z = (1 if plan.rail in plan.lanes else -1), rng.uniform(14, 45)
    speed = rng.uniform(3, 11) if plan.kind == "town" else rng.uniform(12, 30)
    while z < 130:
        tram = Vehicle(TRAIN, rng)
        slots.append(Slot(tram, plan.rail, z + tram.half_length, speed, way, len(slots) * 2 + 1))
        z += 2 * tram.half_length + (rng.uniform(0.6, 1.0) if plan.kind != "town" else rng.uniform(15, 90))
