"""Houses: boxes with painted fronts, and gabled cottages."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from .canvas import Canvas
from .classes import BUILDING
from .shop_fronts import PX_PER_M, ground_floor, house_door
from .solid import Solid
from .texture import noise_tile
from .things import Body, Thing

WALLS = np.array(
    [
        (168, 150, 128),
        (186, 178, 165),
        (150, 96, 76),
        (128, 80, 64),
        (206, 198, 184),
        (140, 142, 146),
        (176, 160, 120),
        (110, 104, 98),
        (192, 184, 176),
        (160, 128, 104),
        (92, 100, 108),
        (214, 206, 190),
        (116, 72, 56),
        (98, 60, 50),
        (134, 116, 84),
        (150, 132, 96),
        (78, 66, 58),
        (236, 232, 224),
        (228, 220, 200),
    ],
    float,
)


@cache
def front(number: int) -> np.ndarray:
    """One of many house fronts, uint8 (H, W, 3), 16 m wide, 3.2 m a floor; floors = 2 + number % 5."""
    rng = np.random.default_rng([8, number])
    floors = 2 + number % 5
    h, w, storey = int(floors * 3.2 * PX_PER_M), 16 * PX_PER_M, int(3.2 * PX_PER_M)
    image = np.empty((h, w, 3), np.uint8)
    wall = WALLS[rng.integers(len(WALLS))] * rng.uniform(0.8, 1.1)
    image[:] = wall.astype(np.uint8)
    x, y = rng.integers(0, 250, 2)
    grain = noise_tile(1)[y : y + 200, x : x + 200]
    factor = 0.8 + 0.3 * cv2.resize(grain, (w, h)) + 0.12 * cv2.resize(noise_tile(0)[: h // 2, : w // 2], (w, h))
    if rng.random() < 0.5:  # courses of brick or stone
        factor[:: max(3, rng.integers(3, 6))] *= rng.uniform(0.68, 0.88)
    if rng.random() < 0.22:
        return _curtain_wall(rng, image, factor, storey)
    columns = rng.integers(4, 9)
    pitch = w / columns
    wide, tall = pitch * rng.uniform(0.35, 0.6), storey * rng.uniform(0.45, 0.66)
    frame = np.array([[236, 234, 228], [236, 234, 228], [44, 40, 38], [150, 146, 140]][rng.integers(4)], float)
    image = np.clip(image * factor[..., None], 0, 255).astype(np.uint8)
    mirrored = rng.choice([0.1, 0.35, 0.7])
    for floor in range(floors):
        base = h - floor * storey
        if floor == 0 and number % 3:
            ground_floor(rng, image, base, storey)
            continue
        if rng.random() < 0.4:
            cv2.rectangle(image, (0, base - 3), (w, base), tuple((wall * rng.choice([0.55, 1.3])).tolist()), -1)
        door = int(rng.integers(columns)) if floor == 0 else -1
        for column in range(columns):
            left, sill = int((column + 0.5) * pitch - wide / 2), int(base - storey * 0.22)
            if column == door:
                house_door(rng, image, left, base, storey)
            else:
                _window(rng, image, left, sill, int(wide), int(tall), frame, mirrored)
    _cornice(rng, image, wall)
    return image


def _cornice(rng, image, wall):
    """The edge of the roof: a pale ledge and its shadow, slates above them on some houses."""
    w, y = image.shape[1], 0
    if rng.random() < 0.35:
        y = int(rng.uniform(0.6, 1.6) * PX_PER_M)
        cv2.rectangle(image, (0, 0), (w, y), (np.array([62, 62, 68]) * rng.uniform(0.6, 1.2)).tolist(), -1)
    cv2.rectangle(image, (0, y), (w, y + 5), np.minimum(wall * rng.choice([0.6, 1.5]), 245).tolist(), -1)
    cv2.rectangle(image, (0, y + 6), (w, y + 8), (wall * 0.35).tolist(), -1)


def _window(rng, image, x, sill, w, h, frame, mirrored):
    """A sash window with its surround. mirrored: the chance that its panes show the bright sky."""
    cv2.rectangle(image, (x - 2, sill - h - 2), (x + w + 2, sill + 3), frame.tolist(), -1)
    dark = np.array([30, 34, 38]) * rng.uniform(0.3, 1.6)
    sky = np.array([196, 208, 220]) * rng.uniform(0.5, 1.15)
    for top, bottom in ((sill - h, sill - h // 2), (sill - h // 2 + 1, sill)):
        tone = sky * 0.85 + dark * 0.15 if rng.random() < mirrored else dark * rng.uniform(0.7, 1.6)
        cv2.rectangle(image, (x, top), (x + w, bottom), np.minimum(tone, 255).tolist(), -1)
    if rng.random() < 0.3:  # curtain or blind
        cloth = (np.array([206, 200, 188]) * rng.uniform(0.5, 1.1)).tolist()
        cv2.rectangle(image, (x, sill - h), (x + (w if rng.random() < 0.5 else w // 3), sill - h // 3), cloth, -1)
    cv2.rectangle(image, (x, sill - h), (x + w, sill - h + 1), (dark * 0.5).tolist(), -1)  # the lintel's shadow
    cv2.line(image, (x + w // 2, sill - h), (x + w // 2, sill), frame.tolist(), 1)
    cv2.line(image, (x, sill - h // 2), (x + w, sill - h // 2), frame.tolist(), 1)
    cv2.rectangle(image, (x - 3, sill + 2), (x + w + 3, sill + 4), np.minimum(frame * 1.05, 245).tolist(), -1)
    cv2.rectangle(image, (x - 3, sill + 5), (x + w + 3, sill + 6), (frame * 0.25).tolist(), -1)


def _curtain_wall(rng, image, factor, storey):
    h, w = image.shape[:2]
    glass, bright = np.array([84, 100, 116]) * rng.uniform(0.3, 1.2), rng.choice([0.0, 0.2, 0.45])
    pane = int(rng.uniform(1.0, 2.2) * PX_PER_M)
    for y in range(0, h, storey):
        cv2.rectangle(image, (0, y + storey // 4), (w, y + storey), glass.tolist(), -1)
        for x in range(0, w, pane):
            tone = np.array([190, 205, 220]) if rng.random() < bright else glass * rng.uniform(0.5, 1.4)
            cv2.rectangle(image, (x, y + storey // 4), (x + pane - 2, y + storey - 2), tone.tolist(), -1)
    return np.clip(image * (0.4 + 0.6 * factor[..., None]), 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class House(Thing):
    """A box with a front on each wall that shows."""

    number: int
    tint: float

    def _paint(self, canvas, at, stamps):
        feet, up = self.footprint, np.array([0, self.height, 0.0])
        eye = canvas.camera.position
        for i in range(4):
            a, b = feet[i], feet[(i + 1) % 4]
            normal = np.array([b[2] - a[2], 0, a[0] - b[0]])  # the corners turn so that this one looks outwards
            normal /= np.linalg.norm(normal)
            if (eye - a) @ normal > 0:
                paste(canvas, front(self.number), a, b, up, normal, self.tint, stamps[0])


def paste(canvas: Canvas, texture: np.ndarray, a, b, up, normal, tint: float, stamp: int) -> None:
    """Paint a texture on the upright rectangle from a to b on the ground and `up` high."""
    camera, light = canvas.camera, canvas.light
    outline = camera.polygon(np.array([a, b, b + up, a + up]))
    box = None if outline is None else canvas.box(outline)
    if box is None:
        return
    depth = max(np.hypot(*((a + b) / 2 - camera.position)[[0, 2]]) - np.linalg.norm(b - a) / 3, 2)
    gain = light.ambient * 0.85 + light.direct * max(0.0, float(normal @ light.sun))
    kept = np.exp(-depth * light.haze_per_m)
    repeat = max(1, round(np.linalg.norm(b - a) / 16))
    h, w = texture.shape[:2]
    fine = np.ptp(outline[:, 1]) / h
    if fine < 0.6:
        shrink = max(fine, 0.05)
        texture = cv2.resize(
            texture, (max(8, int(w * shrink * 1.5)), max(8, int(h * shrink * 1.5))), interpolation=cv2.INTER_AREA
        )
        h, w = texture.shape[:2]
    table = np.clip(np.arange(256)[:, None] * gain * tint * kept + light.haze * (1 - kept), 0, 255).astype(np.uint8)
    texture = cv2.LUT(texture, table.reshape(1, 256, 3))
    matrix = camera.plane(a + up, (b - a) * repeat / (w * repeat), -up / h)
    shift = np.array([[1, 0, -box[1].start], [0, 1, -box[0].start], [0, 0, 1.0]])
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    painted = cv2.warpPerspective(
        texture, shift @ matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    mask = np.zeros(size[::-1], np.uint8)
    fixed = np.rint((outline - 0.5) * 16).astype(np.int32) - np.array([box[1].start, box[0].start]) * 16
    cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_8, 4)
    cv2.copyTo(painted, mask, canvas.rgb[box])
    cv2.copyTo(np.full(mask.shape, stamp, np.uint16), mask, canvas.stamp[box])


def house(rng: np.random.Generator, x: float, z: float, wide: float, deep: float) -> House:
    """A town house whose middle is at x, z; wide across the street's direction, deep along it."""
    number = int(rng.integers(60))
    height = (2 + number % 5) * 3.2 * rng.uniform(0.95, 1.15)
    return House(x, z, 0.0, (wide / 2, deep / 2), height, ((BUILDING, -1, 0),), number, rng.uniform(0.75, 1.1))


def cottage(rng: np.random.Generator, x: float, z: float, yaw: float) -> Body:
    """A small house with a gabled roof."""
    number = int(rng.integers(30))
    solid = _cottage(number)
    high = solid.corners.max(axis=0).tolist()
    return Body(x, z, yaw, (high[0], high[2]), high[1], ((BUILDING, -1, number),), solid, dirt=0.2)


@cache
def _cottage(number: int) -> Solid:
    rng = np.random.default_rng([24, number])
    solid, wall = Solid(), WALLS[rng.integers(len(WALLS))] * rng.uniform(0.9, 1.1)
    half, deep, eaves = rng.uniform(3.5, 6), rng.uniform(3.5, 5), rng.uniform(2.6, 5)
    roof = np.array([[96, 70, 60], [80, 80, 84], [120, 84, 64]][rng.integers(3)], float)
    quads = solid.box((-half, half), (0, eaves), (-deep, deep), wall)
    inside, ridge = (0, 1.5, 0), eaves + deep * 0.7
    for quad in quads[:4]:
        for u in np.arange(0.12, 0.85, 0.26):
            solid.pane(quad, u - 0.01, u + 0.15, 0.33, 0.78, (222, 220, 214), inside)
            solid.pane(quad, u, u + 0.14, 0.36, 0.75, (50, 55, 62), inside, gloss=0.15, glow=(150, 120, 60))
    solid.pane(quads[0], 0.42, 0.5, 0, 0.75, (90, 50, 40), inside)
    for z_eaves in (-deep - 0.4, deep + 0.4):
        solid.face(
            [
                (-half - 0.4, eaves - 0.2, z_eaves),
                (half + 0.4, eaves - 0.2, z_eaves),
                (half + 0.4, ridge, 0),
                (-half - 0.4, ridge, 0),
            ],
            roof,
            inside,
        )
    for s in (-half, half):
        solid.face([(s, eaves, -deep), (s, eaves, deep), (s, ridge, 0)], wall * 0.95, inside)
    return solid
