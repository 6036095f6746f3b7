"""Solid things made of flat faces: built once in their own axes (x right, y up, z forward), drawn from any side."""

import numpy as np

from .camera import Camera, clip_near
from .canvas import Canvas, fixed_point

Point = tuple[float, float, float]


class Solid:
    """Faces in groups. A group's faces are drawn in the order they were added, groups by rank, then far to near."""

    def __init__(self):
        self._points: list[np.ndarray] = []
        self._insides: list[Point] = []
        self._looks: list[tuple] = []  # albedo, gloss, glow, outline, group
        self._ranks: list[int] = []
        self._frozen = None

    def group(self, rank: int = 1) -> None:
        """What is added from now on is one convex lump with what lies on it."""
        self._ranks.append(rank)

    def face(self, points, colour, inside: Point, *, gloss: float = 0.0, glow=None, outline: bool = True) -> np.ndarray:
        """Add a flat convex face (N, 3) that looks away from `inside`. An outline face owns pixels, others lie on one.
        glow: RGB it emits when lamps are lit. Returns the points."""
        points = np.asarray(points, float)
        if not self._ranks:
            self.group()
        self._points.append(points)
        self._insides.append(inside)
        self._looks.append((colour, gloss, (0, 0, 0) if glow is None else glow, outline, len(self._ranks) - 1))
        self._frozen = None
        return points

    def on(self, quad: np.ndarray, uv, colour, inside: Point, **look) -> None:
        """A flat shape on a quad (4, 3): uv (N, 2) runs along the first edge (u) and towards the fourth corner (v)."""
        u, v = np.asarray(uv, float).T[:, :, None]
        a, b, c, d = quad
        self.face((a * (1 - u) + b * u) * (1 - v) + (d * (1 - u) + c * u) * v, colour, inside, outline=False, **look)

    def pane(self, quad: np.ndarray, u0, u1, v0, v1, colour, inside: Point, **look) -> None:
        """A rectangle on a quad, in its u and v."""
        self.on(quad, [(u0, v0), (u1, v0), (u1, v1), (u0, v1)], colour, inside, **look)

    def glass(
        self, quad: np.ndarray, u0, u1, v0, v1, tint, inside: Point, *, line: float = 0.5, sky: float = 0.5, glow=None
    ) -> None:
        """A window on a quad that mirrors the street: the bright sky (its share `sky`) above a hard line of roofs."""
        line, lean = v0 + line * (v1 - v0), 0.12 * (v1 - v0) * (1 if sky > 0.5 else -1)
        self.pane(quad, u0, u1, v0, v1, tint, inside, gloss=0.05, glow=glow)
        self.on(quad, [(u0, line - lean), (u1, line + lean), (u1, v1), (u0, v1)], tint, inside, gloss=sky, glow=glow)

    def ring(self, lower: np.ndarray, upper: np.ndarray, colour, *, gloss: float = 0.0) -> list[np.ndarray]:
        """The walls between two rings of corners (N, 3), as quads lower-lower-upper-upper. Returns them."""
        inside = (lower.mean(axis=0) + upper.mean(axis=0)) / 2
        return [
            self.face([lower[i - 1], lower[i], upper[i], upper[i - 1]], colour, inside, gloss=gloss)
            for i in range(len(lower))
        ]

    def box(self, x, y, z, colour, **look) -> list[np.ndarray]:
        """A box over (x0, x1), (y0, y1), (z0, z1): quads rear, right, front, left, top."""
        low, high = rectangle(x, y[0], z), rectangle(x, y[1], z)
        walls = self.ring(low, high, colour, **look)
        top = self.face(high, colour, tuple(low.mean(axis=0)), **look)
        return [walls[1], walls[2], walls[3], walls[0], top]

    def disc(
        self, centre: Point, radius: float, side: int, colour, *, corners: int = 14, floor: float = -1.0, **look
    ) -> None:
        """A disc that faces x * side, cut off below y = floor."""
        turn = np.arange(corners) * (2 * np.pi / corners)
        points = np.stack(
            [
                np.full(corners, centre[0]),
                np.maximum(centre[1] + radius * np.sin(turn), floor),
                centre[2] + radius * np.cos(turn),
            ],
            axis=1,
        )
        self.face(points, colour, (centre[0] - side, centre[1], centre[2]), **look)

    def _freeze(self):
        counts = np.array([len(p) for p in self._points])
        ends = np.cumsum(counts)
        begins, points = ends - counts, np.concatenate(self._points)
        looks = list(zip(*self._looks))
        centres = np.add.reduceat(points, begins) / counts[:, None]
        reach = (np.maximum.reduceat(points, begins) - np.minimum.reduceat(points, begins)).max(axis=1)
        reach /= np.where(looks[3], 0.8, 2.0)  # pixels below which a face is left out: what lies on another goes sooner
        groups = np.array(looks[4])
        size = np.bincount(groups, minlength=len(self._ranks))
        middle = (
            np.stack([np.bincount(groups, c, len(self._ranks)) for c in centres.T], axis=1)
            / np.maximum(size, 1)[:, None]
        )
        self._frozen = (
            points,
            begins,
            ends,
            self._normals(points, begins, ends, centres),
            centres,
            reach,
            np.array(looks[0], float),
            np.array(looks[1], float),
            np.array(looks[2], float),
            looks[3],
            groups,
            middle,
            np.array(self._ranks)[groups],
        )
        return self._frozen

    def _normals(self, points, begins, ends, centres) -> np.ndarray:
        """Unit normals (F, 3) away from each face's inside; a quad with two equal first corners uses its last ones."""
        first, last = points[begins], points[ends - 1]
        normals = np.cross(points[begins + 1] - first, points[begins + 2] - first)
        flat = (np.abs(normals).sum(axis=1) < 1e-12)[:, None]
        normals = np.where(flat, np.cross(points[begins + 2] - first, last - first), normals)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        outward = (normals * (centres - np.array(self._insides, float))).sum(axis=1, keepdims=True)
        return np.where(outward < 0, -normals, normals)

    @property
    def corners(self) -> np.ndarray:
        """All points (N, 3), own axes."""
        return (self._frozen or self._freeze())[0]

    def draw(
        self, canvas: Canvas, at: Point, yaw: float, stamp: int, *, lamps: float | None = None
    ) -> np.ndarray | None:
        """Paint the solid standing `at`, turned by yaw. Returns the pixels of its corners, None if nothing shows."""
        points, begins, ends, normals, centres, reach, albedo, gloss, glow, outline, groups, middle, ranks = (
            self._frozen or self._freeze()
        )
        camera, light = canvas.camera, canvas.light
        turn = Camera(0, 0, 0, yaw, 1, 0, 0).rotation  # world to own axes
        seen = camera.to_camera(points @ turn + at)
        eye = turn @ (camera.position - at)
        shown = ((eye - centres) * normals).sum(axis=1) > 0
        nearest = max(seen[:, 2].min(), 0.5)
        if seen[:, 2].max() <= 0.5:
            return None
        shown &= reach * camera.focal_px > nearest
        distance = np.hypot(*(np.asarray(at)[[0, 2]] - camera.position[[0, 2]]))
        colours = light.shade(albedo, normals @ turn, gloss) + glow * (light.lamps if lamps is None else lamps)
        colours = light.through_haze(colours, distance).tolist()
        far = -((middle - eye) ** 2).sum(axis=1)
        order = np.lexsort((np.arange(len(groups)), far[groups], ranks))
        cut = seen[:, 2].min() < 0.5
        pixels = None if cut else camera.to_pixels(seen)
        fixed = None if cut else fixed_point(pixels)
        for i in order[shown[order]].tolist():
            if cut:
                part = clip_near(seen[begins[i] : ends[i]])
                if part is None:
                    continue
                canvas.fill(camera.to_pixels(part), colours[i], stamp if outline[i] else None)
            else:
                canvas.fill_fixed(fixed[begins[i] : ends[i]], colours[i], stamp if outline[i] else None)
        return camera.to_pixels(seen[seen[:, 2] >= 0.4]) if cut else pixels


def rectangle(x, y, z) -> np.ndarray:
    """Corners (4, 3) over (x0, x1), (z0, z1) at height y: rear left, rear right, front right, front left."""
    return np.array([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], float)
