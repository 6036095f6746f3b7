"""Paint and truth together: every stroke colours pixels and says whose they are."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from .camera import Camera
from .light import Light
from .texture import noise_tile

SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Mark:
    """Whose pixels: a Cityscapes label id and, for an instance, its class (else -1) and track."""

    label: int
    class_id: int = -1
    track_id: int = 0


@dataclass(eq=False)
class Canvas:
    """What one render paints on. rgb: uint8 (H, W, 3). stamp: uint16 (H, W), the index into `marks` of each pixel."""

    rgb: np.ndarray
    stamp: np.ndarray
    camera: Camera
    light: Light
    smooth: bool
    marks: list[Mark] = field(default_factory=list)

    def mark(self, label: int, class_id: int = -1, track_id: int = 0) -> int:
        """A new stamp."""
        self.marks.append(Mark(label, class_id, track_id))
        return len(self.marks) - 1

    def fill(self, pixels: np.ndarray, colour, stamp: int | None = None) -> None:
        """Paint a convex polygon (N, 2); without a stamp it lies on what is there and changes no owner."""
        self.fill_fixed(fixed_point(pixels), colour, stamp)

    def fill_fixed(self, fixed: np.ndarray, colour, stamp: int | None = None) -> None:
        """`fill` for corners that are already what `fixed_point` returns."""
        cv2.fillConvexPoly(self.rgb, fixed, colour, cv2.LINE_AA if self.smooth else cv2.LINE_8, SUBPIXEL_BITS)
        if stamp is not None:
            cv2.fillConvexPoly(self.stamp, fixed, stamp, cv2.LINE_8, SUBPIXEL_BITS)

    def fill_any(self, contours: list[np.ndarray], colour, stamp: int | None = None) -> None:
        """Paint polygons that need not be convex; where two overlap there is a hole."""
        fixed = [fixed_point(c) for c in contours]
        cv2.fillPoly(self.rgb, fixed, colour, cv2.LINE_AA if self.smooth else cv2.LINE_8, SUBPIXEL_BITS)
        if stamp is not None:
            cv2.fillPoly(self.stamp, fixed, stamp, cv2.LINE_8, SUBPIXEL_BITS)

    def box(self, pixels: np.ndarray) -> tuple[slice, slice] | None:
        """The part of the image that holds these pixels (N, 2), None if it is outside or smaller than a pixel."""
        h, w = self.stamp.shape
        x0, y0 = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, (w, h))
        return (slice(y0, y1), slice(x0, x1)) if x1 - x0 > 1 and y1 - y0 > 1 else None

    def soil(self, pixels: np.ndarray, stamps: tuple[int, ...], strength: float, seed: int, fall: float = 0.0) -> None:
        """Vary the brightness of an object by noise and downwards by `fall`. pixels (N, 2): its corners."""
        box = self.box(pixels)
        if box is None or box[0].stop - box[0].start < 8:
            return
        patch = self.rgb[box]
        h, w = patch.shape[:2]
        tile = noise_tile(2 if seed % 2 else 1)
        x, y, side = (seed * 37) % 256, (seed * 91) % 256, 100 + seed % 100
        factor = cv2.resize(tile[y : y + side, x : x + side], (w, h), interpolation=cv2.INTER_LINEAR)
        factor = (factor - 0.5) * (2 * strength) + np.linspace(1 + fall, 1 - fall, h, dtype=np.float32)[:, None]
        changed = cv2.multiply(patch, cv2.merge([factor] * 3), dtype=cv2.CV_8U)
        owned = cv2.inRange(self.stamp[box], min(stamps), max(stamps))
        cv2.copyTo(changed, owned, patch)


def fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixels (N, 2), 0 at the image's edge, as what OpenCV draws with SUBPIXEL_BITS: int32, 0 at a pixel's middle."""
    return np.rint((pixels - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)
