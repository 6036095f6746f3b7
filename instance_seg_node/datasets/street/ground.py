"""The ground: asphalt, markings, pavements, rails, verges, and the shadows on all of it."""

import cv2
import numpy as np

from .canvas import Canvas
from .classes import PAVEMENT, RAIL, ROAD, TERRAIN
from .layout import Layout
from .road_symbols import RoadSymbols
from .texture import noise_tile
from .things import Plant, Thing

SHADOWS_M = 75.0
UP = np.array([[0.0, 1.0, 0.0]])
STEPS = np.concatenate([-np.geomspace(600, 3, 20), np.linspace(-2, 30, 17), np.geomspace(33, 600, 26)])


class Ground:
    """How one street's ground looks; the same for every render of it."""

    def __init__(self, layout: Layout, rng: np.random.Generator):
        self.layout = layout
        tone = rng.uniform(70, 135)
        self.asphalt = np.array([1.0, 1.0, 1.02]) * tone + rng.normal(0, 2, 3)
        self.verge = np.array(
            [[92, 108, 56], [80, 96, 50], [168, 148, 100], [142, 124, 84], [110, 110, 70]][rng.integers(5)], float
        )
        self.paving = np.array([150, 146, 140]) * rng.uniform(0.75, 1.15)
        self.yellow = bool(rng.random() < 0.35)
        self.worn = rng.uniform(0.55, 1.0)
        self.tracks = rng.uniform(0.86, 1.05)
        self.strengths = (rng.uniform(0.10, 0.25), rng.uniform(0.15, 0.4))
        self.patches = [
            (
                rng.uniform(layout.left, layout.right),
                rng.uniform(0, 400),
                rng.uniform(0.6, 2.5),
                rng.uniform(2, 14),
                rng.uniform(0.75, 1.12),
            )
            for _ in range(14)
        ]
        self.white = np.array([232, 232, 226]) * self.worn + self.asphalt * (1 - self.worn)
        self.symbols = RoadSymbols(layout, rng.spawn(1)[0], self.asphalt, self.white)

    def paint(self, canvas: Canvas, z0: float, junctions: list[tuple[float, float]]) -> None:
        """Everything flat, as seen from z0 along the street. junctions: (z, half width) of the streets that cross."""
        h = canvas.stamp.shape[0]
        horizon = int(np.clip(canvas.camera.horizon_y, 0, h))
        owners = {label: canvas.mark(label) for label in (TERRAIN, PAVEMENT, ROAD, RAIL)}
        base = PAVEMENT if self.layout.kind == "town" else TERRAIN
        canvas.rgb[horizon:] = self._lit(canvas, self.paving * 0.9 if base == PAVEMENT else self.verge)
        canvas.stamp[horizon:] = owners[base]
        z = z0 + STEPS
        road, plan = self.layout, self
        if road.walk:
            for a, b in ((road.left - road.walk, road.left), (road.right, road.right + road.walk)):
                self._strip(canvas, a, b, z, self.paving, owners[PAVEMENT])
        if road.kind == "highway":
            self._strip(canvas, road.left - 1.5, road.right + 1.5, z, self.verge * 0.85 + 15, owners[TERRAIN])
        self._strip(canvas, road.left, road.right, z, self.asphalt, owners[ROAD])
        if road.parking:
            for a, b in ((road.left, road.left + road.parking), (road.right - road.parking, road.right)):
                self._strip(canvas, a, b, z, self.asphalt * 0.93)
        for lateral in road.lanes + road.oncoming:
            for offset in (-0.8, 0.8):
                self._strip(canvas, lateral + offset - 0.28, lateral + offset + 0.28, z, self.asphalt * self.tracks)
        for lateral, start, wide, long, tone in plan.patches:
            begin = z0 - 20 + (start - z0) % 400
            self._strip(
                canvas,
                lateral,
                min(lateral + wide, road.right),
                np.linspace(begin, begin + long, 4),
                self.asphalt * tone,
            )
        for at, half in junctions:
            self._crossing(canvas, at, half, owners[ROAD])
        self._kerbs(canvas, z, junctions)
        self._rails(canvas, z, owners[RAIL])
        self._markings(canvas, z0, junctions)
        self.symbols.paint(canvas, z0, lambda colour: self._lit(canvas, colour))

    def _lit(self, canvas: Canvas, colour) -> np.ndarray:
        light = canvas.light
        bright = light.shade(np.asarray(colour, float)[None], UP, np.array([0.08 * light.wet]))[0] * (
            1 - 0.45 * light.wet
        )
        return np.clip(bright, 0, 255)

    def _strip(self, canvas: Canvas, a: float, b: float, z: np.ndarray, colour, stamp: int | None = None):
        points = np.concatenate(
            [
                np.stack([self.layout.at(a, z), 0 * z, z], axis=1),
                np.stack([self.layout.at(b, z), 0 * z, z], axis=1)[::-1],
            ]
        )
        pixels = canvas.camera.polygon(points)
        if pixels is not None:
            canvas.fill_any([pixels], self._lit(canvas, colour).tolist(), stamp)

    def _crossing(self, canvas, at, half, stamp):
        x = self.layout.middle(at)
        points = np.array(
            [(x - 90, 0, at - half), (x + 90, 0, at - half), (x + 90, 0, at + half), (x - 90, 0, at + half)]
        )
        pixels = canvas.camera.polygon(points)
        if pixels is not None:
            canvas.fill(pixels, self._lit(canvas, self.asphalt * 1.02).tolist(), stamp)

    def _kerbs(self, canvas, z, junctions):
        if not self.layout.walk:
            return
        gaps = sorted([(at - half, at + half) for at, half in junctions])
        edges = [z[0]] + [e for gap in gaps for e in gap] + [z[-1]]
        for begin, end in zip(edges[::2], edges[1::2]):
            if end - begin > 1:
                piece = np.concatenate([[begin], z[(z > begin) & (z < end)], [end]])
                for lateral, out in ((self.layout.left, -1), (self.layout.right, 1)):
                    a, b, c = lateral, lateral + out * 0.12, lateral + out * 0.32
                    self._strip(canvas, min(a, b), max(a, b), piece, self.paving * 0.62)
                    self._strip(canvas, min(b, c), max(b, c), piece, self.paving * 1.12)

    def _rails(self, canvas, z, stamp):
        rail = self.layout.rail
        if rail is None:
            return
        if self.layout.kind != "town":
            self._strip(canvas, rail - 1.8, rail + 1.8, z, (122, 112, 104), stamp)
        for offset in (-0.72, 0.72):
            self._strip(canvas, rail + offset - 0.11, rail + offset + 0.11, z, self.asphalt * 0.55)
            self._strip(canvas, rail + offset - 0.04, rail + offset + 0.04, z, (176, 176, 178))

    def _markings(self, canvas, z0, junctions):
        road = self.layout
        white = self.white
        middle = np.array([222, 170, 44]) * self.worn + self.asphalt * (1 - self.worn) if self.yellow else white
        half, lines = road.lane_m / 2, []
        wide = 0.09 if road.kind != "highway" else 0.11
        lines += [(lane + half, white, True) for lane in road.lanes[:-1]] + [
            (lane - half, white, True) for lane in road.oncoming[:-1]
        ]
        if road.kind == "highway":
            lines += [(road.lanes[0] - half, middle, False), (road.oncoming[0] + half, middle, False)]
        else:
            lines.append((0.0, middle, road.kind != "suburb" and not self.yellow))
        if road.kind in ("highway", "country") or road.parking:
            lines += [(road.lanes[-1] + half, white, False), (road.oncoming[-1] - half, white, False)]
        for lateral, colour, dashed in lines:
            if dashed:
                self._dashes(
                    canvas, lateral, wide, z0, colour, (3.0, 9.0) if road.kind == "highway" else (3.0, 4.5), junctions
                )
            else:
                gaps = sorted([(at - h, at + h) for at, h in junctions])
                edges = [z0 - 30] + [e for gap in gaps for e in gap] + [z0 + 400]
                for begin, end in zip(edges[::2], edges[1::2]):
                    if end > begin:
                        self._strip(
                            canvas,
                            lateral - wide,
                            lateral + wide,
                            np.concatenate([np.arange(begin, end, 6.0), [end]]),
                            colour,
                        )
        for at, h in junctions:
            for begin in (at - h - 4.5, at + h + 1.5):
                for lateral in np.arange(road.left + 0.5, road.right - 0.5, 1.1):
                    self._strip(canvas, lateral, lateral + 0.5, np.array([begin, begin + 3.0]), white)
            a, b = (road.lanes[0] - half + 0.2, road.lanes[-1] + half - 0.2)
            self._strip(canvas, a, b, np.array([at - h - 6.3, at - h - 5.8]), white)

    def _dashes(self, canvas, lateral, wide, z0, colour, period, junctions):
        on, off = period
        starts = (np.floor((z0 - 12) / (on + off)) + np.arange(1 + int(110 / (on + off)))) * (on + off)
        starts = [s for s in starts if not any(abs(s + on / 2 - at) < half + on for at, half in junctions)]
        for start in starts:
            self._strip(canvas, lateral - wide, lateral + wide, np.array([start, start + on]), colour)

    def shade(self, canvas: Canvas, things: list[Thing]) -> None:
        """Grain on the ground, shadows of things, haze with distance and, at night, the reach of our headlights."""
        camera, light = canvas.camera, canvas.light
        h, w = canvas.stamp.shape
        top = int(np.clip(np.floor(camera.horizon_y) + 1, 0, h))
        if h - top < 4:
            return
        shadow = self._shadows(canvas, things, top)
        half = ((w + 1) // 2, (h - top + 1) // 2)
        rows = top + np.arange(half[1]) * 2 + 1.5 - camera.horizon_y
        depth = np.clip(camera.height * camera.focal_px / np.maximum(rows, 0.3), 0.5, 3000).astype(np.float32)
        factor = np.ones(half[::-1], np.float32)
        lift = np.diag([0.5, 0.5, 1.0]) @ np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]])
        for tile, metres, strength, reach in (
            (0, 4.0, self.strengths[0], 12.0),
            (1, 14.0, self.strengths[0], 40.0),
            (2, 70.0, self.strengths[1], 200.0),
        ):
            matrix = lift @ camera.plane(np.zeros(3), np.array([metres / 512, 0, 0]), np.array([0, 0, metres / 512]))
            noise = cv2.warpPerspective(
                noise_tile(tile), matrix, half, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
            )
            factor += (noise - 0.5) * (strength / (1 + (depth / reach) ** 2))[:, None]
        if light.lamps > 0.9:
            factor *= (0.8 + 2.6 * np.exp(-(((depth - 10) / 14) ** 2)))[:, None]
        kept = np.exp(-depth * light.haze_per_m)[:, None]
        factor *= kept
        factor = cv2.resize(factor, (w, h - top)) * shadow
        patch = canvas.rgb[top:]
        hazy = np.repeat(((1 - np.repeat(kept, 2, axis=0)[: h - top])[:, :, None] * light.haze), w, axis=1)
        canvas.rgb[top:] = cv2.add(cv2.multiply(patch, cv2.merge([factor] * 3), dtype=cv2.CV_8U), hazy.astype(np.uint8))

    def _shadows(self, canvas, things, top):
        light, h, w = canvas.light, *canvas.stamp.shape
        eye = canvas.camera.position
        things = [t for t in things if np.hypot(t.x - eye[0], t.z - eye[2]) < SHADOWS_M + t.half[1]]
        mask = np.zeros((h, w), np.uint8)
        away = light.sun / max(light.sun[1], 0.12) * (1, 0, 1)
        strength = light.direct.mean() * light.sun[1]
        cast = int(235 * strength / (strength + light.ambient.mean() * 0.8))
        if cast > 40:
            for thing in things:
                feet = thing.footprint
                if isinstance(thing, Plant):
                    self._fill_hull(canvas, mask, feet[:1] + thing.outline - away * 0.62 * thing.height, cast)
                self._fill_hull(canvas, mask, np.concatenate([feet, feet - away * min(thing.height, 16)]), cast)
        for thing in things:
            if thing.half[0] > 0.15:
                self._fill_hull(
                    canvas,
                    mask,
                    (thing.footprint - (thing.x, 0, thing.z)) * 1.06 + (thing.x, 0, thing.z),
                    max(cast, 150),
                )
        size = max(3, h // 170) | 1
        return 1 - cv2.blur(mask[top:], (size * 2 + 1, size)).astype(np.float32) * (0.78 / 255)

    @staticmethod
    def _fill_hull(canvas, mask, points, value):
        outline = cv2.convexHull(points[:, [0, 2]].astype(np.float32))[:, 0]
        pixels = canvas.camera.polygon(
            np.column_stack([outline[:, 0], np.zeros(len(outline)), outline[:, 1]]).astype(float)
        )
        if pixels is not None:
            cv2.fillConvexPoly(mask, np.rint(pixels).astype(np.int32), value)
