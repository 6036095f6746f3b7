"""Code that is stopped by a signal right before each thing that it does to the files of a folder, one after another."""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

EVENTS = {"open": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.mkdir": (0,), "os.rmdir": (0,), "os.chmod": (0,)}
"""Audit event of Python -> which of its arguments are paths."""


def stopped_everywhere(write: Callable[[], None], template: Path, out: Path, number: signal.Signals) -> None:
    """Make out/1, out/2, ...: copies of `template` in which `write` was stopped before the 1st, 2nd, ... step; the last
    is that of a run to the end. `write` runs in the copy.

    A run is a fork, so this is for a process of its own (`python -c`) that has imported what `write` needs.
    """
    step, status = 0, None
    while status != 0:
        step += 1
        folder = out / str(step)
        shutil.copytree(template, folder, symlinks=True)
        child = os.fork()
        if not child:
            _run(write, folder, step, number)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, -number, 128 + number), f"ended with {status}"


def _run(write: Callable[[], None], folder: Path, step: int, number: signal.Signals) -> None:
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.addaudithook(_stop_before(folder, step, number))
    status = 1
    try:
        write()
        status = 0
    except KeyboardInterrupt:
        status = 128 + number
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _stop_before(folder: Path, step: int, number: signal.Signals) -> Callable:
    done = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal done
        paths = [arguments[i] for i in EVENTS.get(event, ())]
        exchanged = event == "ctypes.dlsym" and arguments[1] == "renameat2"
        if exchanged or any(isinstance(path, (str, Path)) and Path(path).resolve().is_relative_to(folder)
                            for path in paths):
            done += 1
            if done == step:
                os.kill(os.getpid(), number)

    return hook
