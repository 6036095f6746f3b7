"""The thread that turns waiting messages into published instances: one batch after another, as fast as it can."""

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger
from std_msgs.msg import Header

from ..errors import FrameError, InputError
from ..pipelines import EngineFault, Pipeline, Result
from .camera import Camera, Received
from .camera_record import FAILED, NO_ENGINE, REPLACED, STALE
from .camera_state import describe_age
from .engine_life import EngineLife
from .mailbox import Mailbox
from .stage_times import StageTimes
from .throttle import Throttle

WARN_PERIOD_S = 10.0

Batch = Mapping[Camera, Received]


class Worker:
    """From start to stop. Until then every frame offered ends as published or as dropped with a cause, in its camera's
    record; what still waits at stop is forgotten. The pipeline is open in between, and its faults are mended."""

    def __init__(self, pipeline: Pipeline, clock: Clock, log: RcutilsLogger, *, max_age_ms: int):
        self.stages, self.engine = StageTimes(), EngineLife()
        self._pipeline = pipeline
        self._clock = clock
        self._log = log
        self._max_age_ms = max_age_ms or float("inf")
        self._mailbox = Mailbox()
        self._under_way: deque[Batch] = deque()
        self._throttle = Throttle(WARN_PERIOD_S)
        self._doing: tuple[str, float] | None = None
        self._thread = threading.Thread(target=self._run, name="segment", daemon=True)

    def start(self) -> None:
        """Begin to take what is offered."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, forget what waits, and return when the pipeline is closed."""
        self._mailbox.close()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs. Nothing but stop() should end it."""
        return self._thread.is_alive()

    def busy(self) -> tuple[str, float] | None:
        """What the thread does to a batch and for how many seconds; None while it waits for frames or the engine."""
        doing = self._doing
        return doing and (self._pipeline.stage or doing[0], time.monotonic() - doing[1])

    def offer(self, camera: Camera, message: Any) -> None:
        """The camera's newest message. Returns at once."""
        now_s = time.monotonic()
        camera.record.arrived(now_s)
        if self._mailbox.put(camera, Received(message, now_s)):
            camera.record.dropped(REPLACED)

    def _run(self) -> None:
        try:
            while (waiting := self._mailbox.take(self._patience_s())) is not None:
                self._turn(waiting)
            while self._under_way:
                self._finish()
        finally:
            self._pipeline.close()

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
                self._drop(camera, NO_ENGINE, self.engine.state.text)
            return
        fresh = {camera: item for camera, item in waiting.items() if not self._is_stale(camera, item.message.header)}
        if fresh:
            self._start(fresh)
        if self._under_way and (not fresh or len(self._under_way) == self._pipeline.depth):
            self._finish()

    def _open(self) -> None:
        self.engine.opening()
        try:
            self._pipeline.open(lambda: self._mailbox.closed)
        except InputError as error:
            self.engine.given_up(str(error))
        except Exception as error:
            self.engine.failed(str(error), time.monotonic())
        else:
            self.engine.opened()
            self._log.info(f"engine: {self._pipeline.description}")
            return
        if not self._mailbox.closed:
            self._log.error(f"engine: {self.engine.state.text}")

    def _start(self, batch: Batch) -> None:
        now_s = time.monotonic()
        self.stages.add({"wait": 1e3 * max(now_s - item.arrived_s for item in batch.values())})
        self._doing = "segment", now_s
        self._under_way.append(batch)
        try:
            self._pipeline.start({camera: item.message for camera, item in batch.items()})
        except EngineFault as fault:
            self._mend(str(fault))
        except Exception as error:
            self._fail(self._under_way.pop(), error)
        finally:
            self._doing = None

    def _finish(self) -> None:
        self._doing = "segment", time.monotonic()
        try:
            results = self._pipeline.finish()
        except EngineFault as fault:
            self._mend(str(fault))
        else:
            self.engine.worked()
            self.stages.add(self._pipeline.stage_ms)
            self._doing = "publish", time.monotonic()
            self._deliver(self._under_way.popleft(), results)
        finally:
            self._doing = None

    def _mend(self, why: str) -> None:
        """Close the pipeline after a fault, which fails all that was under way."""
        while self._under_way:
            for camera in self._under_way.popleft():
                self._drop(camera, FAILED, why)
        self.engine.failed(why, time.monotonic())
        self._log.error(f"engine: {self.engine.state.text}")
        try:
            self._pipeline.close()
        except EngineFault as fault:
            self._log.warning(f"engine: not all could be given back: {fault}")

    def _deliver(self, batch: Batch, results: Mapping[Camera, Result | FrameError]) -> None:
        good = {camera: result for camera, result in results.items() if not isinstance(result, FrameError)}
        for camera in batch.keys() - good.keys():
            self._drop(camera, results[camera].cause, str(results[camera]))
        for camera, result in good.items():  # all masks before any picture: somebody drives by them
            self._attempt([camera], self._publish, camera, batch[camera], result)
        for camera, result in good.items():
            header = batch[camera].message.header
            self._attempt([], camera.publish_pictures, header, result, self.stages)

    def _publish(self, camera: Camera, received: Received, result: Result) -> None:
        header, instances = received.message.header, result.instances
        camera.publish_ids(header, instances, self.stages)
        age_ms = self._age_ms(header)
        self.stages.add({"arrival to ids": 1e3 * (time.monotonic() - received.arrived_s)})
        camera.publish_classes(header, instances, result, self.stages)
        camera.record.published(age_ms)

    def _is_stale(self, camera: Camera, header: Header) -> bool:
        age_ms = self._age_ms(header)
        if age_ms is None or age_ms <= self._max_age_ms:
            return False
        self._drop(camera, STALE, f"a frame is {describe_age(age_ms)} old, max_age_ms is {self._max_age_ms}")
        return True

    def _age_ms(self, header: Header) -> float | None:
        """Node's clock minus stamp, None for a stamp of zero: a driver that does not know the time."""
        stamp_ns = header.stamp.sec * 10**9 + header.stamp.nanosec
        return (self._clock.now().nanoseconds - stamp_ns) / 1e6 if stamp_ns else None

    def _drop(self, camera: Camera, cause: str, detail: str) -> None:
        camera.record.dropped(cause, detail)
        if self._throttle.due((camera.name, cause), time.monotonic()):
            self._log.warning(f"{camera.input_topic}: frame dropped: {detail}")

    def _attempt(self, cameras: Iterable[Camera], function: Callable, *arguments: Any) -> None:
        """Call a function. If it raises, that fails the cameras' frames, but must not end the thread."""
        try:
            function(*arguments)
        except Exception as error:
            self._fail(cameras, error)

    def _fail(self, cameras: Iterable[Camera], error: Exception) -> None:
        for camera in cameras:
            camera.record.dropped(FAILED, f"{type(error).__name__}: {error}")
        if self._throttle.due(type(error), time.monotonic()):
            what = ", ".join(f"a frame of {camera.name}" for camera in cameras) or "drawing for viewers"
            self._log.error(f"{what} failed: {''.join(traceback.format_exception(error))}")
