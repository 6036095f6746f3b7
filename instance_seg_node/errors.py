"""What can go wrong with what a user gave us. Every text says what, why, and what to type next."""


class InputError(ValueError):
    """A file, folder, setting or argument of the user's is unusable. The command line exits with 2."""


class NoRoom(OSError):
    """The disk, a quota or a limit has no room for a file. The command line exits with 1."""


class FrameError(InputError):
    """One camera frame is unusable; the next one may be fine.

    `cause` is a short constant phrase ("wrong step"), the key under which such frames are counted.
    """

    def __init__(self, cause: str, detail: str):
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
