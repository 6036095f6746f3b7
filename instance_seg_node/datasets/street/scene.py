"""One generated street: a world with time, seen by the cameras of our vehicle."""

import cv2
import numpy as np

from ..labelled_image import LabelledImage
from .backdrop import Backdrop
from .camera import Camera
from .canvas import Canvas
from .classes import OWN_VEHICLE
from .ground import Ground
from .layout import CHUNK_M, draw_layout
from .lens import Lens
from .light import draw_light
from .roadside import Chunk, chunk
from .things import Thing, back_to_front
from .traffic import traffic

VIEW_M = 210.0
SMALLEST = 12 / (256 * 512)
"""Instances with a smaller share of the image (12 pixels at 256x512) are not instances but `ignore`."""

SHORTEST = 1 / 200
"""Things less high than this share of the image's width are left out."""

MOUNTS = ((0.0, 0.0), (-0.95, -0.6), (0.95, 0.6), (np.pi, 0.0))
"""Yaw (radians) and lateral offset (m) of cameras 0 to 3: ahead, left, right, behind; then again, turned a bit."""


class Street:
    """A world drawn from `seed`; the same arguments give the same pixels.

    height, width: pixels of the images, at least 32 each; the size scales the content and does not change it.
    camera_index: which camera of the same vehicle in the same world (0 ahead, 1 left, 2 right, 3 behind, ...).
    Raises ValueError on a smaller side or a negative seed or index.
    """

    def __init__(self, seed: int, height: int = 512, width: int = 1024, camera_index: int = 0):
        if height < 32 or width < 32 or seed < 0 or camera_index < 0:
            raise ValueError(
                f"a street needs height and width >= 32 and seed and camera_index >= 0, got "
                f"{height} x {width}, seed {seed}, camera_index {camera_index}"
            )
        self.seed, self.height, self.width, self.camera_index = seed, height, width, camera_index
        rng = np.random.default_rng([seed, 1])
        self.plan, self.light = draw_layout(rng), draw_light(rng)
        self.ground, self.backdrop = Ground(self.plan, rng), Backdrop(self.plan.kind, rng)
        self.traffic = traffic(self.plan, rng)
        self.crowd = float(rng.choice([1.0, 3.5, 8.0]) if self.plan.kind == "town" else 1.2)
        self.eye_m = rng.uniform(1.15, 1.75) + 0.9 * (rng.random() < 0.08)
        self._chunks: dict[int, Chunk] = {}
        own = np.random.default_rng([seed, 2, camera_index])
        self.lens, self.field = Lens(own), float(np.radians(own.uniform(52, 92)))
        self.skyline, self.tilt = own.uniform(0.42, 0.60), own.normal(0, 0.02)
        self.bonnet = own.uniform(0.03, 0.10) if camera_index % 4 == 0 and own.random() < 0.3 else 0.0
        self.bonnet_tone = (own.uniform(20, 120) + own.uniform(-12, 12, 3)) * own.uniform(0.3, 1.0) + 10

    def render(self, time_s: float = 0.0) -> LabelledImage:
        """The image at a time in seconds and what can be seen in it."""
        fine = 2 if self.height * self.width <= 300_000 else 1
        h, w = self.height * fine, self.width * fine
        own_z = self.plan.speed * time_s
        camera = self._camera(time_s, own_z, h, w)
        canvas = Canvas(np.zeros((h, w, 3), np.uint8), np.zeros((h, w), np.uint16), camera, self.light, fine == 1)
        behind = 60 if np.cos(camera.yaw) > 0.3 else VIEW_M
        chunks = [self._chunk(k) for k in range(int((own_z - behind) // CHUNK_M), int((own_z + VIEW_M) // CHUNK_M) + 1)]
        things = [t for t in self._things(chunks, time_s, own_z) if _in_view(t, camera, w)]
        self.backdrop.paint(canvas)
        self.ground.paint(canvas, own_z, [c.junction for c in chunks if c.junction])
        self.ground.shade(canvas, things)
        for thing in back_to_front(things, camera.position[[0, 2]]):
            thing.paint(canvas)
        self._paint_bonnet(canvas)
        rng = np.random.default_rng([self.seed, 3, self.camera_index, int(round(abs(time_s) * 1e6)), int(time_s < 0)])
        rgb = (
            canvas.rgb if fine == 1 else cv2.resize(canvas.rgb, (self.width, self.height), interpolation=cv2.INTER_AREA)
        )
        seen = Camera(
            camera.x,
            camera.height,
            camera.z,
            camera.yaw,
            camera.focal_px / fine,
            camera.centre_x / fine,
            camera.horizon_y / fine,
        )
        return _labelled(
            self.lens.expose(rgb, seen, self.light, rng), np.ascontiguousarray(canvas.stamp[::fine, ::fine]), canvas
        )

    def _camera(self, time_s: float, own_z: float, h: int, w: int) -> Camera:
        yaw, across = MOUNTS[self.camera_index % len(MOUNTS)]
        yaw += 0.25 * (self.camera_index // len(MOUNTS)) + self.tilt
        lateral = self.plan.lanes[self.plan.own] + 0.15 * np.sin(0.4 * time_s + self.seed)
        x = float(self.plan.at(lateral, own_z)) + across
        shake = 0.0022 * np.sin(7.3 * time_s + self.seed) + 0.0016 * np.sin(17.1 * time_s)
        focal = w / 2 / np.tan(self.field / 2)
        return Camera(
            x, self.eye_m, own_z, self.plan.heading(own_z) + yaw, focal, w / 2, h * self.skyline + focal * shake
        )

    def _chunk(self, index: int) -> Chunk:
        if index not in self._chunks:
            self._chunks[index] = chunk(self.plan, self.seed, index, self.crowd)
        return self._chunks[index]

    def _things(self, chunks: list[Chunk], time_s: float, own_z: float) -> list[Thing]:
        things = [slot.at(self.plan, time_s, own_z) for slot in self.traffic]
        for piece in chunks:
            things += piece.static
            things += [scene(time_s) for scene in piece.moving]
        return things

    def _paint_bonnet(self, canvas: Canvas):
        if self.bonnet:
            h, w = canvas.stamp.shape
            x = np.linspace(0, 1, 25)
            y = 1 - self.bonnet * (1 - 0.55 * (2 * x - 1) ** 2)
            outline = np.concatenate([np.stack([x * w, y * h], axis=1), [(w, h + 2), (0, h + 2)]])
            owner = canvas.mark(OWN_VEHICLE)
            tone = self.bonnet_tone * (self.light.ambient + self.light.direct * 0.6) + self.light.horizon * 0.12
            canvas.fill_any([outline], np.clip(tone, 0, 255).tolist(), owner)
            canvas.soil(outline, (owner,), 0.25, self.seed % 512, -0.1)


def _in_view(thing: Thing, camera: Camera, width: int) -> bool:
    seen = camera.to_camera(thing.footprint)
    reach = width / 2 / camera.focal_px
    if thing.height * camera.focal_px < SHORTEST * width * seen[:, 2].min():
        return False
    margin = max(thing.height * 0.6, 1.0)  # crowns are wider than trunks
    return bool(
        seen[:, 2].max() > 0.3
        and (seen[:, 0] - margin < reach * np.maximum(seen[:, 2], 0.3)).any()
        and (seen[:, 0] + margin > -reach * np.maximum(seen[:, 2], 0.3)).any()
    )


def _labelled(rgb: np.ndarray, stamp: np.ndarray, canvas: Canvas) -> LabelledImage:
    pixels = np.bincount(stamp.ravel(), minlength=len(canvas.marks))
    ids, ignored = np.zeros(len(canvas.marks), np.uint16), np.zeros(len(canvas.marks), bool)
    rows = []
    for i, mark in enumerate(canvas.marks):
        if mark.class_id < 0 or pixels[i] == 0:
            continue
        if pixels[i] < SMALLEST * stamp.size:
            ignored[i] = True
            continue
        rows.append(mark)
        ids[i] = len(rows)
    labels = np.array([0 if gone else m.label for m, gone in zip(canvas.marks, ignored)], np.uint8)
    return LabelledImage(
        rgb,
        ids[stamp],
        np.array([m.class_id for m in rows], np.int64).reshape(-1),
        np.array([m.track_id for m in rows], np.int64).reshape(-1),
        ignored[stamp],
        labels[stamp],
    )
