"""Sky with clouds, and what closes the view: hills, woods, a skyline."""

import cv2
import numpy as np

from .canvas import Canvas
from .classes import BUILDING, PLANT, SKY, TERRAIN
from .texture import noise_tile


class Backdrop:
    """Everything too far away to move past; fixed to directions."""

    def __init__(self, kind: str, rng: np.random.Generator):
        self.wind = rng.uniform(0, 512, 2)
        self.ridges = []  # label, colour, elevation (tangent) over 256 directions, distance of haze
        turn = np.arange(256) * (2 * np.pi / 256)

        def ridge(low, high, rough):
            waves = sum(np.sin(turn * k + rng.uniform(0, 7)) / k**rough for k in range(2, 40))
            return low + (high - low) * (waves - waves.min()) / np.ptp(waves)

        if rng.random() < 0.7:
            tone = np.array([[120, 118, 84], [150, 132, 92], [84, 100, 72], [90, 100, 112]][rng.integers(4)], float)
            self.ridges.append((TERRAIN, tone, ridge(0.0, rng.uniform(0.02, 0.10), 1.6), 1400))
        if kind == "town":
            blocks = np.repeat(rng.uniform(0.01, 0.06, 64), 4)
            self.ridges.append((BUILDING, np.array([128, 124, 120.0]) * rng.uniform(0.7, 1.1), blocks, 350))
        self.ridges.append(
            (PLANT, np.array([64, 76, 48.0]) * rng.uniform(0.7, 1.2), ridge(0.004, rng.uniform(0.02, 0.05), 0.7), 330)
        )

    def paint(self, canvas: Canvas) -> None:
        """Fill everything above the horizon."""
        camera, light = canvas.camera, canvas.light
        h, w = canvas.stamp.shape
        stamp = canvas.mark(SKY)
        canvas.stamp[:] = stamp
        rows = int(np.clip(np.ceil(camera.horizon_y) + 1, 0, h))
        if rows:
            self._sky(canvas, rows, w)
        for label, colour, heights, distance in self.ridges:
            x = np.linspace(0, w, 96)
            bearing = camera.yaw + np.arctan2(x - camera.centre_x, camera.focal_px)
            tall = np.interp(bearing % (2 * np.pi), np.arange(257) * (2 * np.pi / 256), np.append(heights, heights[0]))
            y = camera.horizon_y - camera.focal_px * tall
            lit = light.through_haze(colour * (light.ambient + 0.55 * light.direct), distance)
            outline = np.concatenate([np.stack([x, y], axis=1), [(w, camera.horizon_y + 2), (0, camera.horizon_y + 2)]])
            owner = canvas.mark(label)
            canvas.fill_any([outline], lit.tolist(), owner)
            canvas.soil(outline, (owner,), 0.22, 3 + int(distance), 0.0)

    def _sky(self, canvas, rows, w):
        camera, light = canvas.camera, canvas.light
        small = (max(2, w // 3), max(2, rows // 3))
        y = (np.arange(small[1]) + 0.5) * rows / small[1]
        rise = np.clip((camera.horizon_y - y) / camera.focal_px, 0.002, None)
        blend = np.clip(rise / 0.55, 0, 1)[:, None, None] ** 0.6
        sky = np.repeat(light.horizon * (1 - blend) + light.zenith * blend, small[0], axis=1).astype(np.float32)
        if light.cloud > 0:
            tile = 3.0 / 512
            matrix = camera.plane(
                camera.position + (self.wind[0] * 0.01, 1.0, self.wind[1] * 0.01),
                np.array([tile, 0, 0]),
                np.array([0, 0, tile]),
            )
            matrix = np.diag([small[0] / w, small[1] / rows, 1.0]) @ matrix
            noise = cv2.warpPerspective(
                noise_tile(2), matrix, small, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
            )
            cover = np.clip((noise - (1 - light.cloud) * 0.8) * 2.2, 0, 1) * np.clip(rise / 0.12, 0, 1)[:, None]
            white = np.clip(light.horizon * 1.12 + 18 * (light.lamps < 0.9), 0, 255) * (0.75 + 0.3 * noise[..., None])
            sky += (white - sky) * (cover * (0.55 if light.cloud >= 1 else 0.85))[..., None].astype(np.float32)
        canvas.rgb[:rows] = cv2.resize(np.clip(sky, 0, 255).astype(np.uint8), (w, rows), interpolation=cv2.INTER_LINEAR)
