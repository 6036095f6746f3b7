"""What has become of each frame of one camera: counts, rate and age. Plain Python, no ROS."""

import math
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

REPLACED = "replaced"
STALE = "stale"
FAILED = "failed"
NO_ENGINE = "no engine"
NOT_REJECTED = (REPLACED, STALE, FAILED, NO_ENGINE)
"""Causes of ours. Every other cause is a FrameError's: the frame itself was unusable, "rejected"."""

FIRST_S = 3.0
"""A camera that has not sent two frames may take as long for the next."""
SILENT_S, LOST_FRAMES = 1.0, 3
"""Any other may miss so many frames, and be silent for so long."""
ARRIVALS = 9
"""A camera's period is known from so many of its last frames."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of `values` that is not below `share` (0..1) of them; None if there are none."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else None


class Look(NamedTuple):
    """What is expected of a camera's frames to stay as it is. picture: size and encoding, as text."""

    picture: str = ""
    frame_id: str = ""


NO_LOOK = Look()


@dataclass
class Window:
    """What happened since the last report.

    changed: how frames came to look otherwise, empty if they did not. back_s: the largest step back of their stamps.
    """

    received: int = 0
    processed: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    ages_ms: list[float] = field(default_factory=list)
    unstamped: int = 0
    last_detail: str = ""
    changed: str = ""
    back_s: float = 0.0

    @property
    def rejected(self) -> int:
        return sum(count for cause, count in self.dropped.items() if cause not in NOT_REJECTED)


def is_silent(silent_s: float, period_s: float | None) -> bool:
    """Whether a camera with frames every `period_s` should have sent another one by now."""
    return silent_s > (FIRST_S if period_s is None else max(SILENT_S, LOST_FRAMES * period_s))


@dataclass(frozen=True)
class Report:
    """A camera's state for one diagnostics message. Totals are since activation.

    window: of the last report in which frames arrived or were dealt with, so that a slow camera does not flicker.
    rate_hz: published frames per second since the last report, None if no time has passed.
    silent_s: since the last frame arrived, or since activation if none ever has. period_s: between two frames, the
    median of the last ones; None before there were two. look: of the last frame.
    """

    window: Window
    received: int
    processed: int
    dropped: dict[str, int]
    rate_hz: float | None
    silent_s: float
    period_s: float | None = None
    look: Look = NO_LOOK


class CameraRecord:
    """Counts for one camera, from any thread. Times `now_s` are of a steady clock, `time_s` of the node's clock."""

    def __init__(self, now_s: float, time_s: float):
        self._lock = threading.Lock()
        self._total = Window()
        self._window = Window()
        self._last_window = Window()
        self._since_s = now_s
        self._arrivals_s: deque[float] = deque(maxlen=ARRIVALS)
        self._look, self._stamp_ns = NO_LOOK, 0
        self._reported_s = time_s

    def arrived(self, now_s: float, look: Look = NO_LOOK, stamp_ns: int = 0) -> None:
        """A frame came in. stamp_ns: 0 for none."""
        with self._lock:
            self._window.received += 1
            if self._arrivals_s and look != self._look:
                self._window.changed = f"from {', '.join(self._look)} to {', '.join(look)}"
            if stamp_ns and stamp_ns < self._stamp_ns:
                self._window.back_s = max(self._window.back_s, (self._stamp_ns - stamp_ns) / 1e9)
            self._look, self._stamp_ns = look, stamp_ns or self._stamp_ns
            self._arrivals_s.append(now_s)

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
            self._window.back_s = self._last_window.back_s = 0.0
            self._stamp_ns, self._reported_s = 0, time_s

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
                          window.processed / elapsed_s if elapsed_s > 0 else None,
                          *self._silence(now_s), self._look)

    def is_silent(self, now_s: float) -> bool:
        """Whether frames are missing, as in a report."""
        with self._lock:
            return is_silent(*self._silence(now_s))

    def _silence(self, now_s: float) -> tuple[float, float | None]:
        arrivals_s = self._arrivals_s
        return (now_s - (arrivals_s[-1] if arrivals_s else self._since_s),
                percentile([b - a for a, b in pairwise(arrivals_s)], 0.5))
