"""The way of a batch through the memory of a device: camera bytes go up, mask bytes come down, and nothing waits in
between."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from ..errors import FrameError
from ..model_spec import ModelSpec, Thresholds
from .camera_path import CameraPath
from .clustering import Clustering
from .conversion import layout_of
from .device import Array, Device
from .replay import Replay

STAGES = ("upload", "convert", "network", "cluster", "enlarge", "download")


class Network(Protocol):
    """A network whose images and heads are on the device.

    images: uint8 (N, h, w, 3) RGB. heads: by name, float32 (N, channels, h, w). N is the largest batch.
    """

    images: Array
    heads: Mapping[str, Array]

    def __call__(self, count: int) -> None:
        """Fill the first `count` of each head from as many images, without waiting for it."""
        ...

    def capturable(self, count: int) -> bool:
        """Whether a batch of `count`, which has run, may be captured."""
        ...


class FramePath:
    """Segments the newest message of some cameras at once, as Segmenter does, with the very result of the CPU.

    One batch at a time: wait() before the next. Arrays of a camera are made when it first comes, or comes in another
    layout, and kept.
    """

    def __init__(self, device: Device, network: Network, spec: ModelSpec,
                 passed: Callable[[str], None] | None = None):
        """passed: called with each of STAGES when all of it has been asked; then nothing is captured."""
        self._device, self._network, self._spec, self._passed = device, network, spec, passed
        size = network.images.shape[0], spec.input_height, spec.input_width
        self._clustering = Clustering(device, spec.groups, spec.bandwidths, size)
        self._cameras: dict[Hashable, CameraPath] = {}
        self._replay = Replay(device)

    def __call__(self, messages: Mapping[Hashable, Any],
                 thresholds: Thresholds) -> dict[Hashable, CameraPath | FrameError]:
        """Start work on a sensor_msgs/Image of each camera, at most N, without waiting for it.

        Returns for each camera what holds its results after wait(), or why its message cannot be read. Raises
        ValueError if there are more messages than the network takes.
        """
        most = self._network.images.shape[0]
        if len(messages) > most:
            raise ValueError(f"{len(messages)} images at once; the network was built for {most}")
        results = {camera: self._loaded(camera, message) for camera, message in messages.items()}
        # In an order of their own, whatever theirs in time, so that each set of cameras has one graph.
        good = [camera for camera in self._cameras if isinstance(results.get(camera), CameraPath)]
        if good:
            work = partial(self._ask, [self._cameras[camera] for camera in good], thresholds)
            if self._passed or not self._network.capturable(len(good)):
                work()
            else:
                self._replay((*good, thresholds), work)
        return results

    def wait(self) -> None:
        """Return when the results are there."""
        self._device.wait()

    @property
    def counts(self) -> range:
        """The sizes of a batch."""
        return range(1, self._network.images.shape[0] + 1)

    def warm_up(self, count: int) -> None:
        """Run a batch of this size once, so that no later one pays for what happens at the first."""
        self._device.zero(self._network.images)
        self._network(count)
        self._cluster(count, self._spec.thresholds)
        self.wait()

    def _loaded(self, camera: Hashable, message: Any) -> CameraPath | FrameError:
        try:
            layout = layout_of(message)
        except FrameError as error:
            return error
        path = self._cameras.get(camera)
        if path is None or path.layout != layout:
            self._replay.forget()
            path = self._cameras[camera] = CameraPath(self._device, layout, self._spec,
                                                      self._clustering.class_ids.shape[1])
        path.load(message)
        return path

    def _ask(self, paths: Sequence[CameraPath], thresholds: Thresholds) -> None:
        count, passed = len(paths), self._passed or (lambda stage: None)
        for path in paths:
            path.send()
        passed("upload")
        for slot, path in enumerate(paths):
            path.convert(self._network.images, slot)
        passed("convert")
        self._network(count)
        passed("network")
        self._cluster(count, thresholds)
        passed("cluster")
        for slot, path in enumerate(paths):
            path.enlarge(self._clustering, slot)
        passed("enlarge")
        for path in paths:
            path.fetch()
        passed("download")

    def _cluster(self, count: int, thresholds: Thresholds) -> None:
        heads = {name: head[:count] for name, head in self._network.heads.items()}
        self._clustering(**heads, thresholds=thresholds)
