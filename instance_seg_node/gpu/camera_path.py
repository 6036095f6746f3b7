"""One camera's way up and down: its message to the network's input, and its clusters to what is published of them."""

import numpy as np

from ..drawing import instance_colours, label
from ..errors import FrameError
from ..instances import Instances
from ..methods.spatial_embedding.finite import HEADS, network_not_finite
from ..model_spec import ModelSpec
from .clustering import Clustering
from .conversion import Conversion, Layout
from .device import Array, Device
from .enlarging import ROW, Enlarging
from .overlay import Overlay

FIRST_ROWS = 512
"""Rows that come down with the masks. Where an image has more instances, the others cost a copy of their own."""


class CameraPath:
    """For messages of one layout. A Result (pipelines/pipeline.py) of the last, once the device has been waited for.

    If error() says so, it is none. What it holds is overwritten by the camera's next message.
    """

    def __init__(self, device: Device, layout: Layout, spec: ModelSpec, max_rows: int):
        """max_rows: of the clusters."""
        size = layout.height, layout.width
        self.layout = layout
        self._device, self._spec = device, spec
        self._conversion, self._enlarging = Conversion(device, layout), Enlarging(device, *size, max_rows)
        self._ids, self._classes = device.host(size, np.uint16), device.host(size, np.uint8)
        self._not_finite = device.host((1,), np.int32)
        self._kept, self._rows = device.host((1,), np.int32), device.host((min(FIRST_ROWS, max_rows),), ROW)
        self._overlay: Overlay | None = None

    def load(self, message) -> None:
        """Keep the bytes of a message, once the device has been waited for."""
        self._conversion.load(message)

    def send(self) -> None:
        """Start the message's bytes on their way to the device."""
        self._conversion.send()

    def convert(self, images: Array, slot: int) -> None:
        """Start to make `images[slot]`, of uint8 (N, h, w, 3), of what was sent."""
        self._conversion(images, slot)

    def enlarge(self, clusters: Clustering, slot: int) -> None:
        """Start to make masks of the clusters of image `slot`."""
        self._enlarging(clusters.id_map[slot], clusters.class_ids[slot], clusters.scores[slot],
                        clusters.count[slot:slot + 1])
        self._clusters_not_finite = clusters.not_finite[slot:slot + 1]

    def fetch(self) -> None:
        """Start the masks on their way to the host."""
        masks = self._enlarging
        for array, values in ((self._clusters_not_finite, self._not_finite), (masks.kept, self._kept),
                              (masks.rows[:len(self._rows)], self._rows), (masks.id_map, self._ids),
                              (masks.class_map, self._classes)):
            self._device.fetch(array, values)

    def error(self) -> FrameError | None:
        """Why there are no instances of the last message: what the network said of it is not finite. None if it is."""
        bits = int(self._not_finite[0])
        return network_not_finite(name for k, name in enumerate(HEADS) if bits >> k & 1) if bits else None

    @property
    def instances(self) -> Instances:
        """Of the last message. Its id map is memory that the next one overwrites."""
        kept, rows = int(self._kept[0]), self._rows
        if kept > len(rows):
            rows = self._device.download(self._enlarging.rows[:kept])
        rows = rows[:kept]
        return Instances(self._ids, rows["class_id"].astype(np.int64), rows["score"].copy(), rows["box"].copy(),
                         rows["area"].astype(np.int64))

    def class_map(self, out: np.ndarray) -> None:
        """Fill uint8 (H, W) with the class of each pixel, UNLABELLED where there is no instance."""
        np.copyto(out, self._classes)

    def overlay(self, out: np.ndarray) -> None:
        """Fill uint8 (H, W, 3) with the picture and its instances, as ``drawing.overlay`` draws them. Waits for it."""
        if self._overlay is None:  # few ever look
            self._overlay = Overlay(self._device, self.layout.height, self.layout.width)
            self._picture = self._device.array((1, self.layout.height, self.layout.width, 3), np.uint8)
        instances = self.instances
        colours = instance_colours(instances, self._spec)
        self._conversion(self._picture, 0)
        self._overlay(self._picture[0], self._enlarging.id_map, colours)
        np.copyto(out, self._device.download(self._overlay.picture))
        label(out, instances, self._spec, colours)
