"""Camera messages in, what is published of them out: one face of two ways, the CPU's and the GPU's."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from . import drawing
from .encodings import rgb_of_compressed, rgb_of_image
from .engines.devices import chosen_device
from .errors import FrameError
from .frame import Frame
from .instances import Instances
from .model_spec import ModelSpec, Thresholds
from .segmenter import Segmenter, open_segmenter

READERS: dict[str, Callable[[Any], np.ndarray]] = {"raw": rgb_of_image, "compressed": rgb_of_compressed}
"""Transport -> how to get a message's picture."""


class EngineFault(RuntimeError):
    """A GPU, or the engine on it, cannot go on as it is: the pipeline must be closed, and may be opened again."""


class Result(Protocol):
    """What was found in one message. Of no use any more when the pipeline starts another batch."""

    instances: Instances

    def class_map(self, out: np.ndarray) -> None:
        """Fill uint8 (H, W) with the class of each pixel, UNLABELLED where there is no instance."""
        ...

    def overlay(self, out: np.ndarray) -> None:
        """Fill uint8 (H, W, 3) with the picture and its instances."""
        ...


class Pipeline(Protocol):
    """A model that is open or can be opened. All but `thresholds` and `close` of one thread, which opens it.

    depth: batches that may be started before the first is finished. stage: where it is with a batch, empty if nowhere.
    stage_ms: of the batch that was finished last.
    """

    spec: ModelSpec
    thresholds: Thresholds
    description: str
    depth: int
    stage: str
    stage_ms: Mapping[str, float]

    def open(self, cancelled: Callable[[], bool]) -> None:
        """Make ready, which may take minutes, unless `cancelled()`. Raises InputError or EngineFault."""
        ...

    def close(self) -> None:
        """Give back what was taken; open() may follow. Nothing happens if it is not open."""
        ...

    def start(self, messages: Mapping[Hashable, Any]) -> None:
        """Begin with one message of each camera. Raises EngineFault."""
        ...

    def finish(self) -> dict[Hashable, Result | FrameError]:
        """The results of the oldest batch that was started, or why a message cannot be used. Raises EngineFault."""
        ...


@dataclass(frozen=True)
class CpuResult:
    """A Result in the memory of the host."""

    frame: Frame
    instances: Instances
    spec: ModelSpec

    def class_map(self, out: np.ndarray) -> None:
        self.instances.class_map(out=out)

    def overlay(self, out: np.ndarray) -> None:
        drawing.overlay(self.frame.rgb, self.instances, self.spec, out=out)


class CpuPipeline:
    """A Segmenter behind a Pipeline's face. It is open from the beginning, and does all its work in start()."""

    depth = 1

    def __init__(self, segmenter: Segmenter, transport: str = "raw"):
        self.segmenter, self.spec = segmenter, segmenter.spec
        self.thresholds, self.stage_ms = segmenter.thresholds, {}
        self._picture = READERS[transport]
        self._results: dict[Hashable, Result | FrameError] = {}

    @property
    def description(self) -> str:
        return self.segmenter.engine.description

    @property
    def stage(self) -> str:
        return self.segmenter.stage

    def open(self, cancelled: Callable[[], bool]) -> None:
        pass

    def close(self) -> None:
        pass

    def start(self, messages: Mapping[Hashable, Any]) -> None:
        before = time.perf_counter()
        self._results = {camera: self._read(message) for camera, message in messages.items()}
        convert_ms = 1e3 * (time.perf_counter() - before)
        frames = {camera: frame for camera, frame in self._results.items() if isinstance(frame, Frame)}
        self.segmenter.thresholds = self.thresholds
        found = self.segmenter.attempt(list(frames.values()))
        for (camera, frame), one in zip(frames.items(), found, strict=True):
            self._results[camera] = one if isinstance(one, FrameError) else CpuResult(frame, one, self.spec)
        self.stage_ms = {"convert": convert_ms} | (dict(self.segmenter.stage_ms) if frames else {})

    def finish(self) -> dict[Hashable, Result | FrameError]:
        results, self._results = self._results, {}
        return results

    def _read(self, message: Any) -> Frame | FrameError:
        stamp = message.header.stamp
        try:
            return Frame(self._picture(message), stamp.sec * 10**9 + stamp.nanosec, message.header.frame_id)
        except FrameError as error:
            return error


def open_pipeline(folder: Path, *, device: str = "auto", precision: str = "fp32", transport: str = "raw",
                  cameras: int = 1) -> tuple[Pipeline, str]:
    """The pipeline of a model folder on a device of DEVICES, and a sentence on why there.

    A GPU's is yet to be opened; what must be in place for it is. cameras: the largest batch. Raises InputError.
    """
    chosen, why = chosen_device(device)
    if chosen == "cpu":
        return CpuPipeline(open_segmenter(folder, device="cpu", precision=precision), transport), why
    from .gpu.pipeline import gpu_pipeline

    return gpu_pipeline(folder, precision=precision, transport=transport, cameras=cameras), why
