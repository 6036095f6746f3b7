"""What has become of each frame of one camera: counts, rate and age. Plain Python, no ROS."""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

REPLACED = "replaced"
STALE = "stale"
FAILED = "failed"
NO_ENGINE = "no engine"
NOT_REJECTED = (REPLACED, STALE, FAILED, NO_ENGINE)
"""Causes of ours. Every other cause is a FrameError's: the frame itself was unusable, "rejected"."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of `values` that is not below `share` (0..1) of them; None if there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


@dataclass
class Window:
    """What happened since the last report."""

    received: int = 0
    processed: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    ages_ms: list[float] = field(default_factory=list)
    unstamped: int = 0
    last_detail: str = ""

    @property
    def rejected(self) -> int:
        return sum(count for cause, count in self.dropped.items() if cause not in NOT_REJECTED)


@dataclass(frozen=True)
class Report:
    """A camera's state for one diagnostics message. Totals are since activation.

    window: of the last report in which frames arrived or were dealt with, so that a slow camera does not flicker.
    rate_hz: published frames per second since the last report, None if no time has passed.
    silent_s: since the last frame arrived, or since activation if none ever has.
    """

    window: Window
    received: int
    processed: int
    dropped: dict[str, int]
    rate_hz: float | None
    silent_s: float


class CameraRecord:
    """Counts for one camera, from any thread. Times `now_s` are of a steady clock, `time_s` of the node's clock."""

    def __init__(self, now_s: float, time_s: float):
        self._lock = threading.Lock()
        self._total = Window()
        self._window = Window()
        self._last_window = Window()
        self._arrived_s = now_s
        self._reported_s = time_s

    def arrived(self, now_s: float) -> None:
        """A frame came in."""
        with self._lock:
            self._window.received += 1
            self._arrived_s = now_s

    def dropped(self, cause: str, detail: str = "") -> None:
        """A frame came to nothing. `detail` is for the operator."""
        with self._lock:
            self._window.dropped[cause] += 1
            self._window.last_detail = detail or self._window.last_detail

    def published(self, age_ms: float | None) -> None:
        """A frame's masks went out at this age (node's clock minus stamp), None if it has no stamp."""
        with self._lock:
            self._window.processed += 1
            if age_ms is None:
                self._window.unstamped += 1
            else:
                self._window.ages_ms.append(age_ms)

    def time_jumped(self, time_s: float) -> None:
        """The node's clock went back (a bag loops): ages and rates from before mean nothing."""
        with self._lock:
            self._window.ages_ms.clear()
            self._last_window.ages_ms.clear()
            self._reported_s = time_s

    def report(self, now_s: float, time_s: float) -> Report:
        """The state, and a new window."""
        with self._lock:
            window, self._window = self._window, Window()
            self._total.received += window.received
            self._total.processed += window.processed
            self._total.dropped += window.dropped
            elapsed_s, self._reported_s = time_s - self._reported_s, time_s
            if window.received or window.processed or window.dropped:
                self._last_window = window
            return Report(self._last_window, self._total.received, self._total.processed, dict(self._total.dropped),
                          window.processed / elapsed_s if elapsed_s > 0 else None, now_s - self._arrived_s)
