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

    def put(self, sender: Hashable, item: Any) -> Any:
        """Fill the sender's slot. Returns the item that nobody will take: the one that was there before, the new one
        once closed, else None."""
        with self._changed:
            if self._closed:
                return item
            replaced = self._slots.get(sender)
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

    def close(self) -> dict[Hashable, Any]:
        """Wake whoever waits in take(), and return what waits, which nobody will take."""
        with self._changed:
            left, self._slots = self._slots, {}
            self._closed = True
            self._changed.notify_all()
            return left
