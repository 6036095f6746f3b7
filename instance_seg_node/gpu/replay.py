"""Work that comes again and again, asked of a device as one thing from the second time on."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from .device import Device

KEPT = 64
"""Graphs of so many sets of cameras are kept. Eight cameras that come as they like form 255."""


class Replay:
    """Captures a graph of each work. A capture takes longer than asking, so what comes once is asked as it is; that
    first time also makes what a capture must not make: arrays, and what TensorRT puts off until a batch runs."""

    def __init__(self, device: Device):
        self._device = device
        self._graphs: OrderedDict[Hashable, Callable[[], None] | None] = OrderedDict()

    def __call__(self, key: Hashable, work: Callable[[], None]) -> None:
        """Ask for `work`, which is the same each time for the same key, to its last address and value."""
        if key not in self._graphs:
            work()
            self._keep(key, None)
            return
        graph = self._graphs[key] or self._device.capture(work)
        graph()
        self._keep(key, graph)

    def forget(self) -> None:
        """Keep nothing: addresses have changed."""
        self._graphs.clear()

    def _keep(self, key: Hashable, graph: Callable[[], None] | None) -> None:
        self._graphs[key] = graph
        self._graphs.move_to_end(key)
        if len(self._graphs) > KEPT:
            self._graphs.popitem(last=False)
