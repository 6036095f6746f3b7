"""The thread that turns waiting messages into published instances: one batch after another, as fast as it can."""

import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger
from std_msgs.msg import Header

from ..errors import FrameError
from ..frame import Frame
from ..instances import Instances
from ..segmenter import Segmenter
from .camera import Camera, Received
from .camera_record import FAILED, REPLACED, STALE
from .camera_state import describe_age
from .mailbox import Mailbox
from .stage_times import StageTimes
from .throttle import Throttle

WARN_PERIOD_S = 10.0


class Worker:
    """From start to stop. Until then every frame offered ends as published or as dropped with a cause, in its camera's
    record; what still waits at stop is forgotten."""

    def __init__(self, segmenter: Segmenter, clock: Clock, log: RcutilsLogger, *, max_age_ms: int):
        self.stages = StageTimes()
        self._segmenter = segmenter
        self._clock = clock
        self._log = log
        self._max_age_ms = max_age_ms or float("inf")
        self._mailbox = Mailbox()
        self._throttle = Throttle(WARN_PERIOD_S)
        self._thread = threading.Thread(target=self._run, name="segment", daemon=True)

    def start(self) -> None:
        """Begin to take what is offered."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand, forget what waits, and return when the thread has ended."""
        self._mailbox.close()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs. Nothing but stop() should end it."""
        return self._thread.is_alive()

    def offer(self, camera: Camera, message: Any) -> None:
        """The camera's newest message. Returns at once."""
        now_s = time.monotonic()
        camera.record.arrived(now_s)
        if self._mailbox.put(camera, Received(message, now_s)):
            camera.record.dropped(REPLACED)

    def _run(self) -> None:
        while (waiting := self._mailbox.take()) is not None:
            taken_s = time.monotonic()
            self.stages.add({"wait": 1e3 * max(taken_s - item.arrived_s for item in waiting.values())})
            with self.stages.measure("convert"):
                good = {camera: frame for camera, item in waiting.items()
                        if (frame := self._attempt([camera], self._frame, camera, item.message)) is not None}
            if not good:
                continue
            results = self._attempt(good, self._segmenter, list(good.values()))
            if results is None:
                continue
            self.stages.add(self._segmenter.stage_ms)
            done = list(zip(good.items(), results, strict=True))
            for (camera, _), instances in done:  # all masks before any picture: somebody drives by them
                self._attempt([camera], self._publish, camera, waiting[camera], instances)
            for (camera, frame), instances in done:
                header = waiting[camera].message.header
                self._attempt([], camera.publish_pictures, header, frame, instances, self.stages)

    def _frame(self, camera: Camera, message: Any) -> Frame | None:
        """The frame to be segmented; None if it was dropped and counted."""
        age_ms = self._age_ms(message.header)
        if age_ms is not None and age_ms > self._max_age_ms:
            self._drop(camera, STALE, f"a frame is {describe_age(age_ms)} old, max_age_ms is {self._max_age_ms}")
            return None
        try:
            return camera.frame(message)
        except FrameError as error:
            self._drop(camera, error.cause, str(error))
            return None

    def _publish(self, camera: Camera, received: Received, instances: Instances) -> None:
        header = received.message.header
        camera.publish_ids(header, instances, self.stages)
        age_ms = self._age_ms(header)
        self.stages.add({"arrival to ids": 1e3 * (time.monotonic() - received.arrived_s)})
        camera.publish_classes(header, instances, self.stages)
        camera.record.published(age_ms)

    def _age_ms(self, header: Header) -> float | None:
        """Node's clock minus stamp, None for a stamp of zero: a driver that does not know the time."""
        stamp_ns = header.stamp.sec * 10**9 + header.stamp.nanosec
        return (self._clock.now().nanoseconds - stamp_ns) / 1e6 if stamp_ns else None

    def _drop(self, camera: Camera, cause: str, detail: str) -> None:
        camera.record.dropped(cause, detail)
        if self._throttle.due((camera.name, cause), time.monotonic()):
            self._log.warning(f"{camera.input_topic}: frame dropped: {detail}")

    def _attempt(self, cameras: Iterable[Camera], function: Callable, *arguments: Any) -> Any:
        """The function's result; None if it raised. That fails the cameras' frames, but must not end the thread."""
        try:
            return function(*arguments)
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            for camera in cameras:
                camera.record.dropped(FAILED, detail)
            if self._throttle.due(type(error), time.monotonic()):
                what = ", ".join(f"a frame of {camera.name}" for camera in cameras) or "drawing for viewers"
                self._log.error(f"{what} failed: {traceback.format_exc()}")
            return None
