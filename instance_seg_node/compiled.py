"""Functions that numba compiles to machine code, and keeps for the next start where it can."""

import logging
from collections.abc import Callable

import numba
from numba.core.caching import FunctionCache

log = logging.getLogger(__name__)


def compiled(function: Callable) -> Callable:
    """The function, compiled when it is first called. It runs without Python's lock.

    The code is kept beside the source or in the user's cache. Where there is no room or no right for that, it is used
    and compiled again at the next start, and so is what is damaged: numba alone would raise.
    """
    dispatcher = numba.njit(nogil=True)(function)
    try:
        dispatcher._cache = _Cache(function)  # as njit(cache=True) does
    except RuntimeError as error:
        _warn(error)
    return dispatcher


class _Cache(FunctionCache):
    def load_overload(self, signature, context):
        try:
            return super().load_overload(signature, context)
        except Exception as error:  # unpickling what a loss of power has cut short raises nearly anything
            log.warning("what numba has kept of %s is damaged (%s: %s), and is made again", self._name,
                        type(error).__name__, error)
            self.flush()
            return None

    def save_overload(self, signature, code) -> None:
        try:
            super().save_overload(signature, code)
        except OSError as error:
            _warn(error)


_said = []


def _warn(error: Exception) -> None:
    if not _said:
        _said.append(error)
        log.warning("numba cannot keep what it compiles (%s). That is used, and compiled again at the next start. To "
                    "keep it, make room, or name another place: export NUMBA_CACHE_DIR=/path", error)
