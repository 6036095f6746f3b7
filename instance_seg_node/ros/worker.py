"""The thread that turns waiting messages into published instances: one batch after another, as fast as it can."""

import threading
import time
import traceback
from collections import deque
from typing import Any

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger

from ..errors import InputError
from ..pipelines.pipeline import EngineFault, Pipeline
from .camera import Camera, Received, look_of
from .camera_record import FAILED, NO_ENGINE, REPLACED
from .delivery import Batch, Delivery
from .engine_life import EngineLife
from .mailbox import Mailbox

OPENING = "opening the engine"
STOP_S = 10.0
"""A batch takes no longer. A thread that does not stop within this time hangs, and is left behind."""


class Worker:
    """From start to stop. Until then every frame offered ends as published or as dropped with a cause, in its camera's
    record; what still waits at stop is forgotten. The pipeline is open in between, and its faults are mended."""

    def __init__(self, pipeline: Pipeline, clock: Clock, log: RcutilsLogger, *, max_age_ms: int):
        self.delivery, self.engine = Delivery(clock, log, max_age_ms=max_age_ms), EngineLife()
        self.died = ""
        self._pipeline = pipeline
        self._log = log
        self._mailbox = Mailbox()
        self._under_way: deque[Batch] = deque()
        self._doing: tuple[str, float, int] | None = None
        self._thread = threading.Thread(target=self._run, name="segment", daemon=True)

    def start(self) -> None:
        """Begin to take what is offered."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, forget what waits, and return when the pipeline is closed.

        Raises RuntimeError if the thread does not end.
        """
        self._mailbox.close()
        self._thread.join(STOP_S)
        if self.alive:
            stage, seconds, _ = self.busy() or ("closing the engine", STOP_S, 0)
            raise RuntimeError(f"the segmenting thread hangs in {stage}, for {seconds:.0f} s now, and is left behind. "
                               "Restart the node")

    @property
    def alive(self) -> bool:
        """Whether the thread runs. Nothing but stop() should end it; `died` says what did."""
        return self._thread.is_alive()

    def busy(self) -> tuple[str, float, int] | None:
        """What the thread does, for how many seconds and to how many frames; None while it waits."""
        if (doing := self._doing) is None:
            return None
        what, since_s, frames = doing
        return self._pipeline.stage or what, time.monotonic() - since_s, frames

    def offer(self, camera: Camera, message: Any) -> None:
        """The camera's newest message. Returns at once."""
        now_s = time.monotonic()
        stamp = message.header.stamp
        camera.record.arrived(now_s, look_of(message), stamp.sec * 10**9 + stamp.nanosec)
        received = Received(message, now_s)
        lost = self._mailbox.put(camera, received)
        if lost is received:
            camera.record.dropped(FAILED, f"the segmenting thread has ended: {self.died or 'the node stops'}")
        elif lost is not None:
            camera.record.dropped(REPLACED)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # a library that ends its thread, or a fault of ours
            self.died = f"{type(error).__name__}: {error}"
            self._log.error(f"the segmenting thread has ended: {traceback.format_exc()}")
            for batch in (*self._under_way, self._mailbox.close()):
                for camera in batch:
                    self.delivery.drop(camera, FAILED, f"the segmenting thread has ended: {self.died}")
        finally:
            self._close()

    def _work(self) -> None:
        while (waiting := self._mailbox.take(self._patience_s())) is not None:
            self._turn(waiting)
        while self._under_way:
            self._finish()

    def _patience_s(self) -> float | None:
        """How long to wait for frames before there is something else to do; None for ever."""
        if self._under_way:
            return 0.0
        return None if self.engine.is_open else self.engine.wait_s(time.monotonic())

    def _turn(self, waiting: Batch) -> None:
        if not self.engine.is_open and self.engine.wait_s(time.monotonic()) == 0:
            self._open()
        if not self.engine.is_open:
            for camera in waiting:
                self.delivery.drop(camera, NO_ENGINE, self.engine.state.text)
            return
        fresh = {camera: item for camera, item in waiting.items()
                 if not self.delivery.is_stale(camera, item.message.header)}
        if fresh:
            self._start(fresh)
        if self._under_way and (not fresh or len(self._under_way) == self._pipeline.depth):
            self._finish()

    def _open(self) -> None:
        self.engine.opening()
        self._doing = OPENING, time.monotonic(), 0
        try:
            self._pipeline.open(lambda: self._mailbox.closed)
        except Exception as error:
            if isinstance(error, InputError) and not self.engine.was_open:  # for the user to mend; else it may pass
                self.engine.given_up(str(error))
            else:
                self.engine.failed(str(error), time.monotonic())
        else:
            self.engine.opened(time.monotonic())
            self._log.info(f"engine: {self._pipeline.description}")
        finally:
            self._doing = None
        if not self.engine.is_open and not self._mailbox.closed:
            self._log.error(f"engine: {self.engine.state.text}")

    def _start(self, batch: Batch) -> None:
        now_s = time.monotonic()
        self.delivery.stages.add({"wait": 1e3 * max(now_s - item.arrived_s for item in batch.values())})
        self._doing = "segment", now_s, len(batch)
        self._under_way.append(batch)
        fault = ""  # its text alone: the exception holds frames, and they hold what must be gone before the GPU is left
        try:
            self._pipeline.start({camera: item.message for camera, item in batch.items()})
        except EngineFault as error:
            fault = str(error)
        except Exception as error:
            self.delivery.fail(self._under_way.pop(), error)
        finally:
            self._doing = None
        if fault:
            self._mend(fault)

    def _finish(self) -> None:
        batch, fault = self._under_way[0], ""
        self._doing = "segment", time.monotonic(), len(batch)
        try:
            results = self._pipeline.finish()
        except EngineFault as error:
            fault = str(error)
        else:
            self.engine.worked(time.monotonic())
            self.delivery.stages.add(self._pipeline.stage_ms)
            self._doing = "publish", time.monotonic(), len(batch)
            self.delivery.deliver(batch, results)
            self._under_way.popleft()
        finally:
            self._doing = None
        if fault:
            self._mend(fault)

    def _mend(self, why: str) -> None:
        """Close the pipeline after a fault, which fails all that was under way."""
        while self._under_way:
            for camera in self._under_way.popleft():
                self.delivery.drop(camera, FAILED, why)
        self.engine.failed(why, time.monotonic())
        self._log.error(f"engine: {self.engine.state.text}")
        self._close()

    def _close(self) -> None:
        try:
            self._pipeline.close()
        except EngineFault as fault:
            self._log.error(f"engine: not all could be given back: {fault}")
