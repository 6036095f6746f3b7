"""The instances of one image, the output of every method."""

from dataclasses import dataclass

import numpy as np

UNLABELLED = 255
"""The class of a pixel of no instance (vision_msgs/VisionClass, 8 bit)."""

MAX_INSTANCES = 65534
"""65535 is UNLABELED of vision_msgs/VisionClass in 16 bit, 0 is background."""


@dataclass(frozen=True, eq=False)
class Instances:
    """Which pixel belongs to which object.

    id_map: uint16 (H, W), 0 = none; id k is row k-1 of everything else.
    class_ids: int64 (K,). scores: float32 (K,) in [0, 1].
    boxes: float32 (K, 4), x0 y0 x1 y1 in pixels, x1 and y1 one past the last pixel.
    areas: int64 (K,), pixels of id_map.
    Raises ValueError if the rows do not fit one another or the id map.
    """

    id_map: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray

    def __post_init__(self):
        if self.id_map.dtype != np.uint16 or self.id_map.ndim != 2:
            raise ValueError(f"id_map must be uint16 (H, W), got {self.id_map.dtype} {self.id_map.shape}")
        count = len(self.class_ids)
        if count > MAX_INSTANCES:
            raise ValueError(f"at most {MAX_INSTANCES} instances fit a 16-bit id map, got {count}")
        rows = {"class_ids": (count,), "scores": (count,), "boxes": (count, 4), "areas": (count,)}
        for name, expected in rows.items():
            if getattr(self, name).shape != expected:
                raise ValueError(f"{name} must have one entry per instance: expected {expected}, "
                                 f"got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.class_ids)

    def class_map(self, out: np.ndarray | None = None) -> np.ndarray:
        """Class id per pixel, uint8 (H, W), UNLABELLED where there is no instance. Written to `out` if given."""
        class_of_id = np.concatenate(([UNLABELLED], self.class_ids)).astype(np.uint8)
        return np.take(class_of_id, self.id_map, out=out, mode="clip")
