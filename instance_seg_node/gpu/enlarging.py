"""Instances at the camera's resolution, made in the memory of a device."""

import numpy as np

from ..instances import Instances
from .device import Array, Device

ROW = np.dtype([("class_id", np.int32), ("area", np.int32), ("score", np.float32), ("box", np.float32, 4)])
"""What is known of an instance beside its pixels; box: x0 y0 x1 y1."""

THREADS = 128
STRIP_ROWS = 16
"""Few enough that one camera fills a large GPU, many enough that few atomic operations meet."""


class Enlarging:
    """``resolution.enlarge`` for one camera. Its arrays stay on the device and are overwritten by the next call.

    id_map: uint16 (H, W). class_map: uint8 (H, W), UNLABELLED where there is no instance.
    rows: ROW (max_rows,), of which the first `kept`, int32 (1,), are in use; id k is row k-1.
    """

    def __init__(self, device: Device, height: int, width: int, max_rows: int):
        """height, width: the camera's, of less than 2**29 pixels. max_rows: of the clusters that are to be enlarged."""
        self._device = device
        self.id_map, self.class_map = device.array((height, width), np.uint16), device.array((height, width), np.uint8)
        self.rows, self.kept = device.array((max_rows,), ROW), device.array((1,), np.int32)
        self._extents = device.array((max_rows, 5), np.uint32)
        self._labels = device.array((max_rows + 1,), np.uint32)

    def __call__(self, id_map: Array, class_ids: Array, scores: Array, count: Array) -> None:
        """Enlarge clusters on the device, without waiting for them or for the outcome.

        id_map: uint16 (h, w). class_ids: int32 (ROWS,), scores: float32 (ROWS,). count: int32 (1,), the rows in use.
        """
        height, width = self.id_map.shape
        grid = (-(-width // THREADS), -(-height // STRIP_ROWS))
        source, target = [np.int32(side) for side in id_map.shape], (np.int32(height), np.int32(width))
        self._device.zero(self._extents)
        self._device.launch("enlarge_measure", grid, THREADS, id_map, *source, *target, self._extents)
        self._device.launch("enlarge_renumber", (1,), 1024, self._extents, class_ids, scores, count, *target,
                            self._labels, self.rows, self.kept)
        self._device.launch("enlarge_write", grid, THREADS, id_map, *source, *target, self._labels, self.id_map,
                            self.class_map)

    def instances(self) -> Instances:
        """What the last call made, downloaded."""
        kept = int(self._device.download(self.kept)[0])
        rows = self._device.download(self.rows)[:kept]
        return Instances(self._device.download(self.id_map), rows["class_id"].astype(np.int64), rows["score"].copy(),
                         rows["box"].copy(), rows["area"].astype(np.int64))
