"""How long each stage takes: resize to enlarge of a whole batch, the others of one frame. Plain Python, no ROS."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .camera_record import percentile

KEPT = 256
"""Percentiles are over this many of the last measurements."""


class StageTimes:
    """Milliseconds per stage, from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._ms: dict[str, deque[float]] = {}

    def add(self, stage_ms: Mapping[str, float]) -> None:
        """One more measurement of each stage named."""
        with self._lock:
            for stage, ms in stage_ms.items():
                self._ms.setdefault(stage, deque(maxlen=KEPT)).append(ms)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Measure the body of a with statement."""
        started = time.perf_counter()
        yield
        self.add({stage: 1e3 * (time.perf_counter() - started)})

    def percentiles(self) -> dict[str, tuple[float, float, float]]:
        """Stage -> (p50, p95, max) in ms, in the order in which stages first ran."""
        with self._lock:
            return {stage: (percentile(ms, 0.5), percentile(ms, 0.95), max(ms)) for stage, ms in self._ms.items()}
