"""The way of a CPU: a Segmenter, which does all of a batch at once."""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import drawing
from ..encodings import rgb_of_compressed, rgb_of_image
from ..errors import FrameError
from ..frame import Frame
from ..instances import Instances
from ..model_spec import ModelSpec
from ..segmenter import Segmenter
from .pipeline import Result

READERS: dict[str, Callable[[Any], np.ndarray]] = {"raw": rgb_of_image, "compressed": rgb_of_compressed}
"""Transport -> how to get a message's picture."""


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
