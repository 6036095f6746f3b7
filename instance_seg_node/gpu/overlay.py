"""Instances drawn over their picture in the memory of a device, for people to look at."""

import numpy as np

from ..drawing import DRAWN_IDS, outline_width
from .device import Array, Device

THREADS = 128
STRIP_ROWS = 16


class Overlay:
    """``drawing.overlay`` without labels, for one camera.

    picture: uint8 (H, W, 3), RGB, stays on the device and is overwritten by the next call.
    """

    def __init__(self, device: Device, height: int, width: int, *, opacity: float = 0.5):
        """opacity: share of the colour in a mask."""
        self._device = device
        self._shares = np.float32(1 - opacity), np.float32(opacity)
        self._outline = outline_width(height, width)
        self.picture = device.array((height, width, 3), np.uint8)
        self._colours = device.array((DRAWN_IDS + 1, 3), np.uint8)

    def __call__(self, rgb: Array, id_map: Array, colours: np.ndarray) -> None:
        """Draw, without waiting for it. rgb: uint8 (H, W, 3), unchanged. id_map: uint16 (H, W), both on the device.

        colours: uint8 (K, 3), of ``drawing.instance_colours``; ids beyond DRAWN_IDS share those of earlier ones.
        """
        height, width = id_map.shape
        table = np.zeros((DRAWN_IDS + 1, 3), np.uint8)
        table[1:len(colours) + 1] = colours[:DRAWN_IDS]
        self._device.upload(self._colours, table)
        self._device.launch("overlay_draw", (-(-width // THREADS), -(-height // STRIP_ROWS)), THREADS, rgb, id_map,
                            self._colours, np.int32(height), np.int32(width), np.int32(self._outline), *self._shares,
                            self.picture)
