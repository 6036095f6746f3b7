"""A pinhole camera over flat ground. World axes: x right, y up, z along the street, metres."""

from dataclasses import dataclass

import numpy as np

NEAR_M = 0.4


@dataclass(frozen=True)
class Camera:
    """Where the camera is and what it sees; the horizon is a row, so uprights stay upright.

    x, height, z: position in metres. yaw: radians from the z axis towards x. focal_px, centre_x, horizon_y: pixels.
    """

    x: float
    height: float
    z: float
    yaw: float
    focal_px: float
    centre_x: float
    horizon_y: float

    @property
    def position(self) -> np.ndarray:
        return np.array([self.x, self.height, self.z])

    @property
    def rotation(self) -> np.ndarray:
        """World to camera (3, 3): right, up and forward as rows."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) as right, up, forward from the camera (N, 3)."""
        return (points - self.position) @ self.rotation.T

    def to_pixels(self, seen: np.ndarray) -> np.ndarray:
        """Camera points (N, 3), all in front, as pixels x y (N, 2), limited to what a drawing call can take."""
        scale = self.focal_px / seen[:, 2]
        pixels = np.stack([self.centre_x + seen[:, 0] * scale, self.horizon_y - seen[:, 1] * scale], axis=1)
        return np.clip(pixels, -30000, 30000)

    def polygon(self, points: np.ndarray) -> np.ndarray | None:
        """The image of a flat polygon (N, 3), cut where it passes the camera: pixels (M, 2), None if all behind."""
        seen = clip_near(self.to_camera(points))
        return None if seen is None else self.to_pixels(seen)

    def plane(self, origin: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Homography (3, 3) from plane coordinates a, b of `origin + a * along + b * across` to pixels."""
        project = np.array([[self.focal_px, 0, self.centre_x], [0, -self.focal_px, self.horizon_y], [0, 0, 1]])
        axes = np.stack([along, across, np.asarray(origin) - self.position], axis=1)
        return project @ self.rotation @ axes


def clip_near(seen: np.ndarray, near: float = NEAR_M) -> np.ndarray | None:
    """The part of a polygon in camera coordinates (N, 3) in front of the near plane, None if there is none."""
    front = seen[:, 2] >= near
    if front.all():
        return seen
    if not front.any():
        return None
    kept = []
    for i in range(len(seen)):
        a, b = seen[i - 1], seen[i]
        if front[i - 1] != front[i]:
            kept.append(a + (b - a) * (near - a[2]) / (b[2] - a[2]))
        if front[i]:
            kept.append(b)
    return np.array(kept)
