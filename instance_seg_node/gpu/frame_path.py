"""The way of a batch through the memory of a device: camera bytes go up, and nothing comes down before all is done."""

from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import FrameError
from ..model_spec import ModelSpec, Thresholds
from .clustering import Clustering
from .conversion import Conversion
from .device import Array, Device
from .enlarging import Enlarging


class Network(Protocol):
    """A network whose images and heads are on the device.

    images: uint8 (N, h, w, 3) RGB. heads: by name, float32 (N, channels, h, w). N is the largest batch.
    """

    images: Array
    heads: Mapping[str, Array]

    def __call__(self, count: int) -> None:
        """Fill the first `count` of each head from as many images, without waiting for it."""
        ...


class FramePath:
    """Segments the newest message of some cameras at once, as Segmenter does, with the very result of the CPU.

    Arrays of a camera are made when it first comes, or comes in another size, and kept.
    """

    def __init__(self, device: Device, network: Network, spec: ModelSpec):
        self._device, self._network, self._spec = device, network, spec
        size = network.images.shape[0], spec.input_height, spec.input_width
        self._clustering = Clustering(device, spec.groups, spec.bandwidths, size)
        self._conversions: dict[str, Conversion] = {}
        self._enlargings: dict[str, Enlarging] = {}

    def __call__(self, messages: Mapping[str, Any], thresholds: Thresholds) -> dict[str, Enlarging | FrameError]:
        """Start work on a sensor_msgs/Image of each camera, at most N, without waiting for it.

        Returns for each camera what holds its results until its next message, or why its message cannot be read.
        Raises ValueError if there are more messages than the network takes.
        """
        most = self._network.images.shape[0]
        if len(messages) > most:
            raise ValueError(f"{len(messages)} images at once; the network was built for {most}")
        results: dict[str, Enlarging | FrameError] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for camera, message in messages.items():
            try:
                sizes[camera] = self._conversion(camera)(message, self._network.images, slot=len(sizes))
            except FrameError as error:
                results[camera] = error
        return results | (self._segment(sizes, thresholds) if sizes else {})

    def _segment(self, sizes: Mapping[str, tuple[int, int]], thresholds: Thresholds) -> dict[str, Enlarging]:
        """sizes: height and width of the cameras whose images are in the first slots, in order."""
        count, results = len(sizes), {}
        self._network(count)
        clusters = self._clustering
        clusters(**{name: head[:count] for name, head in self._network.heads.items()}, thresholds=thresholds)
        for slot, (camera, size) in enumerate(sizes.items()):
            results[camera] = enlarging = self._enlarging(camera, size, clusters.class_ids.shape[1])
            enlarging(clusters.id_map[slot], clusters.class_ids[slot], clusters.scores[slot],
                      clusters.count[slot:slot + 1])
        return results

    def _conversion(self, camera: str) -> Conversion:
        if camera not in self._conversions:
            self._conversions[camera] = Conversion(self._device)
        return self._conversions[camera]

    def _enlarging(self, camera: str, size: tuple[int, int], max_rows: int) -> Enlarging:
        enlarging = self._enlargings.get(camera)
        if enlarging is None or enlarging.id_map.shape != size:
            enlarging = self._enlargings[camera] = Enlarging(self._device, *size, max_rows)
        return enlarging
