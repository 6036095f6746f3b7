"""One camera image, the input of every method."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """An image with the header fields that every result carries on.

    rgb: uint8 (H, W, 3), not copied. stamp_ns: the camera's time. frame_id: its optical frame.
    Raises ValueError if `rgb` is not such an array or has a side of zero.
    """

    rgb: np.ndarray
    stamp_ns: int = 0
    frame_id: str = ""

    def __post_init__(self):
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"rgb must be uint8 (H, W, 3), got {self.rgb.dtype} {self.rgb.shape}")
        if self.rgb.size == 0:
            raise ValueError(f"rgb must not be empty, got shape {self.rgb.shape}")

    @property
    def height(self) -> int:
        return self.rgb.shape[0]

    @property
    def width(self) -> int:
        return self.rgb.shape[1]
