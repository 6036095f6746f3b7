"""What a real camera adds: bloom, blur, exposure, vignetting, chroma shift, noise, jpeg."""

import cv2
import numpy as np

from .camera import Camera
from .light import Light


class Lens:
    """The character of one camera."""

    def __init__(self, rng: np.random.Generator):
        self.exposure = float(np.exp(rng.normal(0.0, 0.17)))
        self.contrast, self.lift = rng.uniform(0.82, 1.18), rng.uniform(0, 14)
        self.saturation = rng.uniform(0.55, 1.1)
        self.balance = np.array([1 + rng.normal(0, 0.035), 1.0, 1 + rng.normal(0, 0.045)])
        self.vignette = rng.uniform(0.0, 0.35)
        self.shift = rng.normal(0, 0.0012)
        self.noise = rng.gamma(1.6, 1.6)
        self.soft = rng.choice([0.0, 0.4, 0.7, 1.0])
        self.smear = rng.choice([0.0, 0.0, 0.004, 0.010])
        self.quality = int(rng.choice([100, 95, 88, 75, 60]))
        self.steep = rng.uniform(1.35, 2.1) if rng.random() < 0.67 else None
        self.road, self.black = float(np.exp(rng.uniform(np.log(40), np.log(115)))), rng.uniform(0, 9)

    def expose(self, rgb: np.ndarray, camera: Camera, light: Light, rng: np.random.Generator) -> np.ndarray:
        """The picture the camera gives of a painted scene, uint8 (H, W, 3). camera: with pixels of `rgb`."""
        h, w = rgb.shape[:2]
        if self.smear:
            rgb = self._zoom_blur(rgb, camera)
        if self.soft:
            rgb = cv2.GaussianBlur(rgb, (0, 0), self.soft * h / 512 + 0.2)
        if light.lamps > 0.5:
            rgb = self._bloom(rgb, h)
        if abs(self.shift) > 3e-4:
            rgb = self._chroma(rgb, w, h)
        steep = self.steep is not None and light.lamps < 0.9
        image = cv2.LUT(rgb, self._steep_tones(rgb) if steep else self._tones(rgb, light))
        grey = cv2.transform(image, np.full((1, 3), 1 / 3, np.float32))
        kept = self.saturation * (0.72 if steep else 1.0)  # a steep curve pulls the channels apart
        image = cv2.addWeighted(image, kept, cv2.merge([grey] * 3), 1 - kept, 0)
        x, y = np.linspace(-1, 1, w, dtype=np.float32) ** 2, np.linspace(-1, 1, h, dtype=np.float32) ** 2
        image *= (1 - self.vignette * 0.5 * (x[None] + y[:, None]))[..., None] * self.balance.astype(np.float32)
        # A sensor's noise grows with the root of the light; it is coarser at larger pictures' own pixels.
        image += (
            cv2.merge([self._grain(rng, h, w) for _ in range(3)])
            * (0.6 + 0.4 * np.sqrt(np.maximum(grey, 1) / 128))[..., None]
        )
        image = np.clip(image, 0, 255).astype(np.uint8)
        if self.quality < 100:
            image = cv2.imdecode(
                cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1], cv2.IMREAD_COLOR
            )
        return image

    def _tones(self, rgb, light):
        """Brightness (256,) float32 of each painted level: most of the way to a middle grey, except in the dark."""
        target = 108 if light.lamps < 0.7 else 70 if light.lamps < 0.9 else 45
        metered = (target / max(float(np.mean(cv2.mean(rgb)[:3])), 12.0)) ** 0.6
        gain, offset = self.exposure * self.contrast * metered, 128 * (1 - self.contrast) * 0.6 + self.lift
        return (np.arange(256) * gain + offset).astype(np.float32)

    def _steep_tones(self, rgb):
        """Brightness (256,) float32 with the ground well exposed: the sky leaves the range, shade falls to black."""
        lower = rgb[rgb.shape[0] * 11 // 20 :: 4, ::4]
        ground = float(np.clip(np.median(lower), 40, 140))
        tones = self.road * (np.arange(256) / ground) ** self.steep - self.black
        return np.clip(tones, 0, 360).astype(np.float32)

    def _grain(self, rng, h, w):
        return rng.standard_normal((h, w), dtype=np.float32) * np.float32(self.noise)

    def _zoom_blur(self, rgb, camera):
        """Blur away from the vanishing point, as driving does during the exposure."""
        total = rgb
        for i, scale in enumerate((1 + self.smear, 1 + 2 * self.smear)):
            matrix = np.array([[scale, 0, camera.centre_x * (1 - scale)], [0, scale, camera.horizon_y * (1 - scale)]])
            moved = cv2.warpAffine(rgb, matrix, rgb.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            total = cv2.addWeighted(total, (i + 1) / (i + 2), moved, 1 / (i + 2), 0)
        return total

    @staticmethod
    def _bloom(rgb, h):
        bright = cv2.subtract(cv2.resize(rgb, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), (150, 150, 150, 0))
        glow = cv2.GaussianBlur(bright, (0, 0), h / 80)
        return cv2.add(rgb, cv2.resize(cv2.add(glow, glow), rgb.shape[1::-1]))

    def _chroma(self, rgb, w, h):
        red, green, blue = cv2.split(rgb)
        moved = []
        for plane, scale in ((red, 1 + self.shift), (blue, 1 - self.shift)):
            matrix = np.array([[scale, 0, w / 2 * (1 - scale)], [0, scale, h / 2 * (1 - scale)]])
            moved.append(cv2.warpAffine(plane, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE))
        return cv2.merge([moved[0], green, moved[1]])
