"""Whether frames are done in the time that the user allows; names and rules are Autoware's. Plain Python, no ROS."""

from .camera_state import ERROR, WARN, State

LATELY_S = 5.0


class Budget:
    """From a frame's arrival to its id map.

    allowed_ms: more is a warning; 0 allows all. consecutive_ms: an error if no frame has kept to that for longer.
    """

    def __init__(self):
        self.allowed_ms = self.consecutive_ms = 0.0
        self._last_ms, self._last_s, self._good_s = 0.0, 0.0, 0.0

    def done(self, took_ms: float, now_s: float) -> None:
        """A frame was done, by a steady clock."""
        self._last_ms, self._last_s = took_ms, now_s
        if took_ms <= self.allowed_ms or not self.allowed_ms or not self._good_s:
            self._good_s = now_s

    def state(self, now_s: float) -> State | None:
        """What is wrong, judged by the last frame; None if nothing is, or none has been done lately."""
        if not self.allowed_ms or self._last_ms <= self.allowed_ms or now_s - self._last_s > LATELY_S:
            return None
        text = f"a frame took {self._last_ms:.0f} ms, max_allowed_processing_time_ms is {self.allowed_ms:g}"
        late_ms = 1e3 * (self._last_s - self._good_s)
        if not self.consecutive_ms or late_ms <= self.consecutive_ms:
            return State("over budget", WARN, text)
        return State("over budget", ERROR, f"{text}, and for {late_ms / 1e3:.1f} s none has kept to it "
                     f"(max_acceptable_consecutive_delay_ms is {self.consecutive_ms:g})")
