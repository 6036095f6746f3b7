"""What stands or moves in the street: a place, a size, and a way to paint itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from .canvas import Canvas
from .figures import Part, draw_parts, hull
from .solid import Solid
from .texture import foliage


@dataclass(frozen=True, eq=False)
class Thing:
    """Something at x, z, turned by yaw. half: half its width and length, height: metres, for shadow and depth order.
    owners: (label id, class id or -1, track id) of each of its stamps."""

    x: float
    z: float
    yaw: float
    half: tuple[float, float]
    height: float
    owners: tuple[tuple[int, int, int], ...]

    @property
    def footprint(self) -> np.ndarray:
        """The corners on the ground (4, 3)."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        a, b = self.half
        return np.array(
            [(self.x + u * c + v * s, 0, self.z - u * s + v * c) for u, v in ((-a, -b), (a, -b), (a, b), (-a, b))]
        )

    def paint(self, canvas: Canvas) -> None:
        """Draw it."""
        stamps = tuple(canvas.mark(*owner) for owner in self.owners)
        self._paint(canvas, (self.x, 0.0, self.z), stamps)


@dataclass(frozen=True, eq=False)
class Body(Thing):
    """A solid thing. dirt: strength of its texture."""

    solid: Solid
    dirt: float = 0.12
    lamps: float | None = None

    def _paint(self, canvas, at, stamps):
        pixels = self.solid.draw(canvas, at, self.yaw, stamps[0], lamps=self.lamps)
        if pixels is not None and len(pixels):
            canvas.soil(pixels, stamps, self.dirt, int(self.x * 7 + self.owners[0][2]) % 512, 0.10)


@dataclass(frozen=True, eq=False)
class Figure(Thing):
    """Tubes and lumps: people, two-wheelers, poles. parts: makes them, called only if they are seen."""

    parts: Callable[[], list[Part]]

    def _paint(self, canvas, at, stamps):
        pixels = draw_parts(canvas, self.parts(), at, self.yaw, stamps)
        if pixels is not None:
            canvas.soil(pixels, stamps, 0.22, self.owners[0][2] % 512, 0.06)


@dataclass(frozen=True, eq=False)
class Plant(Thing):
    """A trunk and a crown. crown: (kind of foliage, its base height, its width). colour: of its leaves."""

    crown: tuple[int, float, float]
    colour: np.ndarray

    @property
    def outline(self) -> np.ndarray:
        """The crown from above (12, 3), around its middle."""
        turn, radius = np.arange(12) * (np.pi / 6), 0.4 * self.crown[2]
        return np.column_stack([radius * np.cos(turn), 0 * turn, radius * np.sin(turn)])

    def _paint(self, canvas, at, stamps):
        kind, base, width = self.crown
        camera, light = canvas.camera, canvas.light
        seen = camera.to_camera(np.array([at, (at[0], base + 0.3, at[2]), (at[0], self.height, at[2])], float))
        depth = seen[0, 2]
        if depth < 0.8:
            return
        foot, fork, top = camera.to_pixels(seen)
        scale = camera.focal_px / depth
        bark = light.through_haze(np.array([72, 62, 52]) * (light.ambient + 0.4 * light.direct), depth)
        if base > 0.4:
            canvas.fill(
                hull(np.stack([foot, fork]), np.array([0.022, 0.013]) * self.height * scale + 0.4),
                bark.tolist(),
                stamps[0],
            )
        leaves = light.through_haze(
            np.linspace(0, 1.75, 256)[:, None] * self.colour * (light.ambient + 0.62 * light.direct), depth
        )
        tall = max(fork[1] - top[1], 2.0) * (1.15 if base > 0.4 else 1.0)
        _sprite(
            canvas,
            kind,
            (top[0] - width * scale / 2, top[1], width * scale, tall),
            leaves,
            stamps[0],
            at[0] * 10 % 2 > 1,
        )


def _sprite(canvas: Canvas, kind: int, place, colours: np.ndarray, stamp: int, flipped: bool):
    x, y, w, h = place
    box = canvas.box(np.array([(x, y), (x + w, y + h)]))
    if box is None:
        return
    shade, alpha = _leaf_levels(kind)
    size, rows, columns = shade.shape[0], box[0].stop - box[0].start, box[1].stop - box[1].start
    along = -size / w if flipped else size / w
    start = (size if flipped else 0) + along * (box[1].start - x)
    matrix = np.array([[along, 0, start], [0, size / h, (box[0].start - y) * size / h]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    covered = cv2.compare(cv2.warpAffine(alpha, matrix, (columns, rows), flags=flags), 120, cv2.CMP_GT)
    level = cv2.warpAffine(shade, matrix, (columns, rows), flags=flags)
    painted = cv2.LUT(cv2.merge([level] * 3), colours[:, None, :].astype(np.uint8).reshape(1, 256, 3))
    cv2.copyTo(painted, covered, canvas.rgb[box])
    cv2.copyTo(np.full((rows, columns), stamp, np.uint16), covered, canvas.stamp[box])


@cache
def _leaf_levels(kind: int) -> tuple[np.ndarray, np.ndarray]:
    shade, alpha = foliage(kind)
    return np.clip(shade * (255 / 1.75), 0, 255).astype(np.uint8), alpha


def back_to_front(things: list[Thing], eye: np.ndarray) -> list[Thing]:
    """An order to paint in: nothing is painted after something it could hide. eye: x and z of the camera.

    B can hide A unless a line between their bounds, along x or z, has the camera on A's side; ties by distance.
    """
    if not things:
        return []
    feet = np.array([t.footprint[:, [0, 2]] for t in things])  # (N, 4, 2)
    low, high, near = feet.min(axis=1), feet.max(axis=1), feet.mean(axis=1) - eye
    distance = np.hypot(*near.T)
    hides = np.ones((len(things), len(things)), bool)  # [b, a]: b can hide a
    for axis in (0, 1):
        lo, hi, at = low[:, axis], high[:, axis], eye[axis]
        a_below = (hi[None] <= lo[:, None]) & (at <= lo)[:, None]
        a_above = (lo[None] >= hi[:, None]) & (at >= hi)[:, None]
        hides &= ~(a_below | a_above)
    np.fill_diagonal(hides, False)
    waits = hides & ~hides.T  # [b, a]: b after a
    open_count, order, todo = waits.sum(axis=1).astype(float), [], distance.copy()
    for _ in things:
        free = np.where(open_count <= 0, todo, -1.0)
        i = int(free.argmax()) if free.max() >= 0 else int(todo.argmax())
        order.append(things[i])
        todo[i] = -1.0
        open_count -= waits[:, i]
        open_count[i] = 1e9
    return order
