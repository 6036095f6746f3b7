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
        image = rgb.astype(np.float32)
        grey = cv2.transform(image, np.full((1, 3), 1 / 3, np.float32))
        image = cv2.addWeighted(image, self.saturation, cv2.merge([grey] * 3), 1 - self.saturation, 0)
        x, y = np.linspace(-1, 1, w, dtype=np.float32) ** 2, np.linspace(-1, 1, h, dtype=np.float32) ** 2
        # Automatic exposure: most of the way to a middle grey, except in the dark.
        target = 108 if light.lamps < 0.7 else 70 if light.lamps < 0.9 else 45
        metered = (target / max(float(grey.mean()), 12.0)) ** 0.6
        gain = (1 - self.vignette * 0.5 * (x[None] + y[:, None])) * (self.exposure * self.contrast * metered)
        image *= gain[..., None] * self.balance.astype(np.float32)
        image += np.float32(128 * (1 - self.contrast) * 0.6 + self.lift)
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
