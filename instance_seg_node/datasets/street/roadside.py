"""What fills each 30 m of a street beside the moving traffic: houses, plants, furniture, parked vehicles, people."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import furniture as f
from .buildings import cottage, house
from .classes import BICYCLE, BUS, CAR, MOTORCYCLE, TRUCK
from .layout import CHUNK_M, Layout
from .road_users import Cyclist, Vehicle, Walker
from .things import Thing

Scene = Callable[[float], Thing]


@dataclass(frozen=True, eq=False)
class Chunk:
    """static: things that stay. moving: things as functions of time, seconds. junction: (z, half width) or None."""

    static: list[Thing]
    moving: list[Scene]
    junction: tuple[float, float] | None


def chunk(plan: Layout, seed: int, index: int, crowd: float) -> Chunk:
    """The `index`-th 30 m of a street. crowd: about how many people walk in it."""
    rng = np.random.default_rng([seed, 77, index + 10_000])
    z0, static, moving, junction = index * CHUNK_M, [], [], None
    tracks = iter(range(100_000 + (index + 500) * 200, 1_000_000_000))
    if plan.built and index >= 1 and rng.random() < 0.28:
        junction = (z0 + CHUNK_M / 2, rng.uniform(4, 7))
    for sign, edge in ((-1, plan.left), (1, plan.right)):
        side = _Side(plan, rng, z0, sign, edge, junction, static, moving, tracks)
        side.houses() if plan.built else side.open_land()
        side.furniture()
        if plan.parking:
            side.parked()
        if plan.walk or rng.random() < 0.04:  # off the pavements, someone beside the road now and then
            side.people(crowd)
    if junction:
        _cross_traffic(plan, rng, junction, moving, tracks)
    elif plan.built and rng.random() < 0.35:
        _crossing_people(plan, rng, z0 + rng.uniform(3, 27), moving, tracks)
    if plan.kind == "highway" and index % 9 == 4 and rng.random() < 0.7:
        static.append(
            f.gantry(rng, float(plan.at((plan.left + plan.right) / 2, z0)), z0, (plan.right - plan.left) / 2 + 2)
        )
    return Chunk(static, moving, junction)


@dataclass
class _Side:
    plan: Layout
    rng: np.random.Generator
    z0: float
    sign: int
    edge: float
    junction: tuple[float, float] | None
    static: list
    moving: list
    tracks: object

    def place(self, beyond: float, z: float) -> tuple[float, float]:
        """x, z of a place `beyond` the asphalt's edge."""
        return float(self.plan.at(self.edge + self.sign * beyond, z)), float(z)

    def free(self, z: float, margin: float) -> bool:
        return self.junction is None or abs(z - self.junction[0]) > self.junction[1] + margin

    def spots(self, least: float, most: float, margin: float):
        z = self.z0 + self.rng.uniform(0, least)
        while z < self.z0 + CHUNK_M:
            if self.free(z, margin):
                yield z
            z += self.rng.uniform(least, most)

    def houses(self):
        rng, z = self.rng, self.z0
        town = self.plan.kind == "town"
        while z < self.z0 + CHUNK_M - 1:
            deep = min(rng.uniform(9, 20), self.z0 + CHUNK_M - z) if town else rng.uniform(11, 16)
            if self.free(z + deep / 2, deep / 2) and rng.random() < (0.93 if town else 0.75):
                back = self.plan.walk + (rng.choice([0, 0, rng.uniform(0, 4)]) if town else rng.uniform(4, 11))
                x, _ = self.place(back + 7, z + deep / 2)
                self.static.append(
                    house(rng, x, z + deep / 2, 14, deep - 0.05)
                    if town
                    else cottage(rng, x, z + deep / 2, self.plan.heading(z) + rng.choice([0, np.pi / 2]))
                )
            elif self.free(z + deep / 2, 1):
                self.static.append(f.tree(rng, *self.place(self.plan.walk + rng.uniform(2, 9), z + deep / 2)))
            z += deep
        if not town:
            for z in self.spots(3, 9, 2):
                make = f.bush if rng.random() < 0.6 else f.tree
                self.static.append(make(rng, *self.place(self.plan.walk + rng.uniform(0.6, 5), z)))

    def open_land(self):
        rng, rail = self.rng, self.plan.rail
        near = 3.0 if self.plan.kind == "highway" else 1.5
        wood = rng.random() < 0.65
        for z in self.spots(2.0, 5 if wood else 18, 0):
            far = near + rng.gamma(1.5, 6)
            if rail is None or abs(self.edge + self.sign * far - rail) > 4:
                make = f.tree if rng.random() < 0.7 else f.bush
                self.static.append(make(rng, *self.place(far, z)))
        style = int(np.random.default_rng(int(abs(self.edge) * 1000)).integers(6 if self.plan.kind == "highway" else 9))
        for z in np.arange(self.z0 + 5, self.z0 + CHUNK_M, 10.0) if style < 4 else ():
            x, _ = self.place(0.5 if style < 2 else 1.5, z)
            self.static.append(f.barrier(int(rng.integers(1 << 30)), x, z, self.plan.heading(z), 10.0, style))
        if self.sign > 0 and self.plan.kind == "highway" and abs(self.plan.lanes[0]) > 2.5:
            for z in np.arange(self.z0 + 5, self.z0 + CHUNK_M, 10.0):
                self.static.append(
                    f.barrier(
                        int(abs(self.edge) * 100),
                        float(self.plan.at(0, z)),
                        z,
                        self.plan.heading(z),
                        10.0,
                        int(abs(self.edge) * 10) % 2,
                    )
                )
        if rng.random() < 0.15:
            self.static.append(cottage(rng, *self.place(rng.uniform(14, 40), self.z0 + 15), 0.0))

    def furniture(self):
        rng, walk = self.rng, self.plan.walk
        beside = 0.45 if walk else 1.2
        if (int(self.z0 / CHUNK_M) + (self.sign > 0)) % 2 and rng.random() < 0.8:
            self.static.append(
                f.lamp_post(rng, *self.place(beside, self.z0 + 2), -self.sign * self.plan.side, rng.uniform(5, 9))
            )
        makers = [
            (0.35, lambda x, z: f.sign(rng, x, z, rng.choice([0, 0, np.pi]))),
            (0.25, lambda x, z: f.pole(rng, x, z, rng.uniform(3, 10))),
        ]
        if walk:
            makers += [
                (0.5, lambda x, z: f.small_box(rng, x, z)),
                (0.15, lambda x, z: f.hoarding(rng, x, z, rng.choice([0.0, np.pi / 2]))),
            ]
        else:
            makers += [(0.06, lambda x, z: f.hoarding(rng, x, z, 0.0))]
        for chance, make in makers:
            for z in self.spots(7, 16, 1.5):
                if rng.random() < chance:
                    self.static.append(
                        make(*self.place(beside + rng.uniform(0, 0.5) + (walk * 0.7 if rng.random() < 0.4 else 0), z))
                    )
        if walk and rng.random() < 0.3:  # street trees or bollards
            for z in self.spots(7, 9, 2):
                self.static.append(f.tree(rng, *self.place(1.0, z), tall=rng.uniform(5, 8)))
        elif walk and rng.random() < 0.15:
            for z in self.spots(1.6, 1.7, 1):
                self.static.append(f.bollard(*self.place(0.4, z), (60, 60, 62)))
        if self.junction and self.plan.kind == "town":
            self.static.append(f.traffic_light(rng, *self.place(0.4, self.junction[0] - self.junction[1] - 1)))

    def parked(self):
        rng, z = self.rng, self.z0 + self.rng.uniform(0, 3)
        full = rng.uniform(0.3, 1.0)
        while True:
            class_id = CAR if rng.random() < 0.93 else TRUCK
            if rng.random() < 0.08:
                vehicle = Cyclist(MOTORCYCLE, rng, ridden=False)
            else:
                vehicle = Vehicle(class_id, rng)
            if z + 2 * vehicle.half_length > self.z0 + CHUNK_M:
                return
            middle = z + vehicle.half_length
            if rng.random() < full and self.free(middle, 3 + vehicle.half_length):
                x, _ = self.place(-1.15, middle)
                yaw = (
                    self.plan.heading(middle)
                    + rng.normal(0, 0.02)
                    + (np.pi if (self.sign < 0) != (rng.random() < 0.15) else 0)
                )
                self.static.append(vehicle.at(x, middle, yaw, next(self.tracks), 0.0))
                next(self.tracks)
            z += 2 * vehicle.half_length + rng.uniform(0.5, 1.6)

    def people(self, crowd: float):
        rng, walk = self.rng, self.plan.walk
        for _ in range(rng.poisson(crowd / 2)):
            z, beyond, group = (
                self.z0 + rng.uniform(0, CHUNK_M),
                rng.uniform(0.6, max(walk - 0.5, 0.8)),
                rng.choice([1, 1, 2, 3]),
            )
            way, standing = rng.choice([-1, 1]), rng.random() < 0.25
            speed = 0.0 if standing else way * rng.uniform(1.0, 1.6)
            for i in range(group):
                self.walk(
                    Walker(rng, standing=standing), z + rng.normal(0, 0.3), beyond + 0.6 * i, speed, rng.uniform(0, 7)
                )
        if rng.random() < 0.22:  # parked bicycles
            start = rng.uniform(2, 24)
            for i in range(rng.integers(1, 6)):
                x, z = self.place(0.7, self.z0 + start + 0.75 * i)
                if self.free(z, 1):
                    yaw = rng.normal(np.pi / 2, 0.15) if i % 2 else rng.normal(-np.pi / 2, 0.15)
                    self.static.append(Cyclist(BICYCLE, rng, ridden=False).at(x, z, yaw, next(self.tracks), 0.0))
                    next(self.tracks)

    def walk(self, person: Walker, z: float, beyond: float, speed: float, facing: float):
        track = next(self.tracks)

        def at(time_s: float) -> Thing:
            here = z + speed * time_s
            yaw = facing if speed == 0 else self.plan.heading(here) + (0 if speed > 0 else np.pi)
            return person.at(*self.place(beyond, here), yaw, track, time_s)

        self.moving.append(at)


def _across(plan: Layout, z: float, start: float, speed: float, span: float, user, track: int) -> Scene:
    """A road user going across the street, coming again from the far side when gone."""

    def at(time_s: float) -> Thing:
        x = plan.middle(z) + (start + speed * time_s + span) % (2 * span) - span
        lap = int((start + speed * time_s + span) // (2 * span))
        return user.at(float(x), z, np.pi / 2 if speed > 0 else -np.pi / 2, track + lap * 10_000_000, time_s)

    return at


def _cross_traffic(plan, rng, junction, moving, tracks):
    at, half = junction
    for way in (-1, 1):
        x = rng.uniform(-70, -30)
        speed = way * rng.uniform(2, 9)
        while x < 70:
            class_id = int(rng.choice([CAR, TRUCK, BUS], p=[0.76, 0.12, 0.12]))
            vehicle = Vehicle(class_id, rng)
            moving.append(
                _across(
                    plan,
                    at - way * plan.side * half * 0.45,
                    x + vehicle.half_length,
                    speed,
                    80.0,
                    vehicle,
                    next(tracks),
                )
            )
            x += 2 * vehicle.half_length + rng.uniform(3, 40)
    for z in (at - half - 3.0, at + half + 3.0):
        _crossing_people(plan, rng, z, moving, tracks, rng.poisson(1.5))


def _crossing_people(plan, rng, z, moving, tracks, count=1):
    width = (plan.right - plan.left) / 2 + 2
    for _ in range(count):
        moving.append(
            _across(
                plan,
                z + rng.uniform(-1, 1),
                rng.uniform(-width, width),
                rng.choice([-1.3, 1.2, 1.5]),
                width,
                Walker(rng),
                next(tracks),
            )
        )
