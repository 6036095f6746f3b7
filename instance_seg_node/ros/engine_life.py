"""The life of an engine that may fail: when it is opened, when again, and when no more. Plain Python, no ROS."""

from .camera_state import ERROR, OK, WARN, State

BACK_OFF_S = (1.0, 4.0)
"""How long after its first, second, ... failure in a row an engine is opened again. After one more it is left alone."""
WELL_S = 10.0
"""Failures are in a row unless the engine has worked for so long in between: some come with the second batch alone."""


class EngineLife:
    """What is known of it. One thread tells, any reads `state`. Times are of a steady clock."""

    def __init__(self):
        self.state = State("opening", WARN, "the engine is being opened")
        self.is_open = self.was_open = False
        self._failures, self._opened_s = 0, 0.0
        self._again_s: float | None = 0.0

    def wait_s(self, now_s: float) -> float | None:
        """How long until it should be opened; None for never."""
        return None if self._again_s is None else max(0.0, self._again_s - now_s)

    def opening(self) -> None:
        """It is about to be opened, which may take minutes."""
        self.state = State("opening", WARN, "the engine is being opened, and built if this is its first time")

    def opened(self, now_s: float) -> None:
        """It takes frames from now on."""
        self._opened_s, self.state = now_s, State("open", OK, "the engine is open")
        self.is_open = self.was_open = True

    def worked(self, now_s: float) -> None:
        """A batch went through."""
        if now_s - self._opened_s > WELL_S:
            self._failures = 0

    def failed(self, why: str, now_s: float) -> None:
        """It takes no frames, but may be opened again later."""
        self._failures += 1
        if self._failures > len(BACK_OFF_S):
            self.given_up(f"{why}. It failed {self._failures} times in a row and is left alone. Activate the node "
                          "again, or restart it: some errors of CUDA end only with the process")
            return
        wait_s = BACK_OFF_S[self._failures - 1]
        self.is_open, self._again_s = False, now_s + wait_s
        self.state = State("engine failed", ERROR, f"{why}. It is opened again after {wait_s:g} s (failure "
                           f"{self._failures} of {len(BACK_OFF_S) + 1})")

    def given_up(self, why: str) -> None:
        """It takes no frames, and nothing but the user changes that."""
        self.is_open, self._again_s = False, None
        self.state = State("engine failed", ERROR, why)
