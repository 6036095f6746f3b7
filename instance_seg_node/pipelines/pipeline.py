"""The face that both ways from messages to results have."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol

import numpy as np

from ..errors import FrameError
from ..instances import Instances
from ..model_spec import ModelSpec, Thresholds


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
