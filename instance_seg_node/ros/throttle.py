"""Say a thing once, then be quiet about it for a while."""


class Throttle:
    """Whether something is due again. Keys are kept for ever, so they must be few."""

    def __init__(self, period_s: float):
        self.period_s = period_s
        self._last_s: dict[object, float] = {}

    def due(self, key: object, now_s: float) -> bool:
        """True at most once in `period_s` for each key."""
        if key in self._last_s and now_s - self._last_s[key] < self.period_s:
            return False
        self._last_s[key] = now_s
        return True
