"""How long a batch takes on its way through a device: each stage, the whole, and two at once.

Stages and the whole are timed between marks in the lane, while the host is ahead: the device is first given work that
keeps it busy until all of the batch has been asked, so that no time of the host's falls between two kernels.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import ceil
from typing import Any, Protocol

import numpy as np

from ..gpu.device import Device
from ..gpu.frame_path import STAGES, FramePath, Network
from ..model_spec import ModelSpec
from ..pipelines.gpu import GpuPipeline
from ..pipelines.session import Session

WARM_UP = 5
BUSY_BYTES = 1 << 28
"""More than a GPU's cache, so that each batch finds it full of something else."""
MOST_PIECES = 800
"""CUDA takes about 1000 before it lets the host wait."""


class TimedDevice(Device, Protocol):
    """A Device with marks: gpu/lane.py."""

    def mark(self) -> object:
        """A moment: when all that was asked before is done."""
        ...

    def elapsed_ms(self, first: object, last: object) -> float:
        """Between two marks, which are waited for."""
        ...


class Ahead:
    """Asks a device for the same work again and again, while it is still busy with something else."""

    def __init__(self, device: TimedDevice, ask: Callable[[], object]):
        self._device, self._ask, self._memory = device, ask, device.array((BUSY_BYTES,), np.uint8)
        asking = sorted(self._asked_ms() for _ in range(WARM_UP))[WARM_UP // 2]
        piece = min(self._piece_ms() for _ in range(WARM_UP))
        self._pieces = min(ceil(2 * asking / max(piece, 1e-3)), MOST_PIECES)

    def __call__(self) -> tuple[object, object]:
        """Returns marks before and after the work, which is then to be waited for."""
        for _ in range(self._pieces):
            self._device.zero(self._memory)
        begin = self._device.mark()
        self._ask()
        return begin, self._device.mark()

    def _asked_ms(self) -> float:
        begin = time.perf_counter()
        self._ask()
        taken = time.perf_counter() - begin
        self._device.wait()
        return 1e3 * taken

    def _piece_ms(self) -> float:
        begin = self._device.mark()
        self._device.zero(self._memory)
        return self._device.elapsed_ms(begin, self._device.mark())


def device_ms(device: TimedDevice, ask: Callable[[], object], repeats: int) -> list[float]:
    """What the device takes for what is asked, each time."""
    ahead = Ahead(device, ask)
    return [device.elapsed_ms(*ahead()) for _ in range(repeats)]


def stage_ms(device: TimedDevice, network: Network, spec: ModelSpec, messages: Mapping[str, Any],
             frames: int) -> dict[str, dict[str, float]]:
    """Of each of STAGES, by the device's clock."""
    marks, taken = [], []
    path = FramePath(device, network, spec, passed=lambda stage: marks.append(device.mark()))
    ahead = Ahead(device, partial(path, messages, spec.thresholds))
    for _ in range(frames):
        marks.clear()
        begin, _ = ahead()
        path.wait()
        taken.append([device.elapsed_ms(first, last) for first, last in pairwise([begin, *marks])])
    return dict(zip(STAGES, map(percentiles, zip(*taken)), strict=True))


def batch_ms(device: TimedDevice, network: Network, spec: ModelSpec, messages: Mapping[str, Any],
             frames: int) -> dict[str, dict[str, float]]:
    """Of a batch as the node has it, in one graph where that can be: by the device's clock; and by the host's, from
    the messages' bytes to results in its memory."""
    path = FramePath(device, network, spec)
    by_device, by_host = device_ms(device, partial(path, messages, spec.thresholds), frames), []
    for _ in range(frames):
        start = time.perf_counter()
        path(messages, spec.thresholds)
        path.wait()
        by_host.append(1e3 * (time.perf_counter() - start))
    return {"device": percentiles(by_device), "host": percentiles(by_host)}


def batches_per_s(session: Session, spec: ModelSpec, messages: Mapping[str, Any], frames: int) -> float:
    """With as many batches under way as the node has, by the host's clock."""
    pipeline = GpuPipeline(spec, lambda cancelled: session)
    pipeline.open(lambda: False)
    for _ in range(WARM_UP):
        _run(pipeline, messages, pipeline.depth)
    start = time.perf_counter()
    _run(pipeline, messages, frames)
    return frames / (time.perf_counter() - start)


def _run(pipeline: GpuPipeline, messages: Mapping[str, Any], frames: int) -> None:
    for started in range(frames):
        if started >= pipeline.depth:
            pipeline.finish()
        pipeline.start(messages)
    for _ in range(min(frames, pipeline.depth)):
        pipeline.finish()


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    return dict(zip(("p50", "p95", "p99"), np.percentile(milliseconds, (50, 95, 99)).round(4).tolist(), strict=True))
