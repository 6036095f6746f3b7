"""Frames in, Instances out: the four steps of one frame, in order."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .engines import Engine, open_engine
from .errors import FrameError
from .frame import Frame
from .instances import Instances
from .methods import DECODERS
from .methods.spatial_embedding.finite import heads_not_finite, network_not_finite
from .model_spec import ModelSpec, Thresholds
from .resolution import enlarge, shrink

log = logging.getLogger(__name__)

STAGES = ("resize", "network", "cluster", "enlarge")


class Segmenter:
    """A model that is ready to run. Not to be called from two threads at once.

    `thresholds` may be replaced between two calls. `stage_ms` holds the milliseconds that each of STAGES
    took in the last call, over its whole batch. `stage` is the one that it is at, empty between calls.
    """

    def __init__(self, engine: Engine, spec: ModelSpec):
        self.engine = engine
        self.spec = spec
        self.thresholds: Thresholds = spec.thresholds
        self.stage_ms = dict.fromkeys(STAGES, 0.0)
        self.stage = ""
        self._decode = DECODERS[spec.method](spec.groups)
        self._batch = np.zeros((0, spec.input_height, spec.input_width, 3), np.uint8)

    def __call__(self, frames: Sequence[Frame]) -> list[Instances]:
        """The instances of each frame, in order, at its own resolution. Frames may differ in size.

        Raises FrameError if what the network says of one is not finite.
        """
        found = self.attempt(frames)
        for one in found:
            if isinstance(one, FrameError):
                raise one
        return found

    def attempt(self, frames: Sequence[Frame]) -> list[Instances | FrameError]:
        """As a call, but in place of a frame's instances the error, so that it costs no other frame."""
        if not frames:
            return []
        self.stage_ms = dict.fromkeys(STAGES, 0.0)
        with self._at("resize"):
            images = self._resized(frames)
        with self._at("network"):
            heads = self.engine(images)
        return [self._instances(frame, {name: head[i] for name, head in heads.items()})
                for i, frame in enumerate(frames)]

    def warm_up(self) -> None:
        """Run once on noise, so that no later call pays for compilation or first allocation."""
        noise = np.random.default_rng(0).integers(0, 256, (self.spec.input_height, self.spec.input_width, 3), np.uint8)
        self.attempt([Frame(noise)])  # what it says of noise matters to nobody

    def _instances(self, frame: Frame, heads: dict[str, np.ndarray]) -> Instances | FrameError:
        with self._at("cluster"):
            wrong = heads_not_finite(**heads, groups=self.spec.groups, foreground=self.thresholds.foreground)
            if wrong:
                return network_not_finite(wrong)
            clusters = self._decode(**heads, thresholds=self.thresholds)
        with self._at("enlarge"):
            return enlarge(clusters, frame.height, frame.width)

    @contextmanager
    def _at(self, stage: str) -> Iterator[None]:
        self.stage, started = stage, time.perf_counter()
        try:
            yield
        finally:
            self.stage_ms[stage] += 1e3 * (time.perf_counter() - started)
            self.stage = ""

    def _resized(self, frames: Sequence[Frame]) -> np.ndarray:
        if len(self._batch) < len(frames):
            self._batch = np.zeros((len(frames), *self._batch.shape[1:]), np.uint8)
        for frame, out in zip(frames, self._batch, strict=False):
            shrink(frame.rgb, out)
        return self._batch[:len(frames)]


def open_segmenter(folder: Path, *, device: str = "auto", precision: str = "fp32") -> Segmenter:
    """A model folder (model.yaml and model.onnx), opened and warmed up. Raises InputError if anything does not fit."""
    spec = ModelSpec.load(folder)
    engine = open_engine(folder, spec, device=device, precision=precision)
    segmenter = Segmenter(engine, spec)
    segmenter.warm_up()
    log.info("model %s (%d x %d) on %s; device %s", spec.name, spec.input_width, spec.input_height,
             engine.description, device)
    return segmenter
