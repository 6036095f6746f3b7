"""The newest message of each camera, handed from the subscriptions to the worker. Never a queue."""

import threading
from collections.abc import Hashable
from typing import Any


class Mailbox:
    """One slot for each sender. Any thread may call any method."""

    def __init__(self):
        self._slots: dict[Hashable, Any] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, sender: Hashable, item: Any) -> bool:
        """Fill the sender's slot. True if that replaced an item which nobody had taken. Ignored once closed."""
        with self._changed:
            if self._closed:
                return False
            replaced = sender in self._slots
            self._slots[sender] = item
            self._changed.notify()
            return replaced

    def take(self, timeout_s: float | None = None) -> dict[Hashable, Any] | None:
        """What waits, one item of each sender, as soon as there is any; nothing after the time-out; None once closed.

        All slots are emptied at once, so no sender can starve another.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._slots or self._closed, timeout_s)
            if self._closed:
                return None
            taken, self._slots = self._slots, {}
            return taken

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def close(self) -> None:
        """Wake whoever waits in take(), and forget what waits."""
        with self._changed:
            self._closed = True
            self._slots = {}
            self._changed.notify_all()
