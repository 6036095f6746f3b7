"""One image with the truth about its objects, what every dataset yields."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image and which of its pixels belong to which object.

    rgb: uint8 (H, W, 3). instance_map: uint16 (H, W), 0 = none; id k is row k-1 of the rows below.
    class_ids: int64 (K,).
    track_ids: int64 (K,), the same object has the same one in every image of a sequence, or None for a single image.
    ignore: bool (H, W), pixels that neither reward nor punish a prediction, or None for none of them.
    labels: uint8 (H, W), Cityscapes label id of every pixel, or None where the dataset does not know.
    Raises ValueError if the arrays do not fit one another or an id has no pixel.
    """

    rgb: np.ndarray
    instance_map: np.ndarray
    class_ids: np.ndarray
    track_ids: np.ndarray | None = None
    ignore: np.ndarray | None = None
    labels: np.ndarray | None = None

    def __post_init__(self):
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"rgb must be uint8 (H, W, 3), got {self.rgb.dtype} {self.rgb.shape}")
        size = self.rgb.shape[:2]
        maps = {"instance_map": np.uint16, "ignore": np.bool_, "labels": np.uint8}
        for name, dtype in maps.items():
            array = getattr(self, name)
            if array is not None and (array.dtype != dtype or array.shape != size):
                raise ValueError(f"{name} must be {dtype.__name__} {size} like rgb, got {array.dtype} {array.shape}")
        count = len(self.class_ids)
        for name in ("class_ids", "track_ids"):
            array = getattr(self, name)
            if array is not None and (array.dtype != np.int64 or array.shape != (count,)):
                raise ValueError(f"{name} must be int64 ({count},), got {array.dtype} {array.shape}")
        pixels = np.bincount(self.instance_map.ravel(), minlength=count + 1)
        if len(pixels) != count + 1 or (pixels[1:] == 0).any():
            raise ValueError(
                f"instance_map must hold each id 1..{count} and no other, got {np.flatnonzero(pixels[1:]) + 1}"
            )

    def __len__(self) -> int:
        return len(self.class_ids)
