"""What becomes of a batch: each frame is published, or dropped with a cause, in its camera's record."""

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger
from std_msgs.msg import Header

from ..errors import FrameError
from ..pipelines.pipeline import Result
from .budget import Budget
from .camera import Camera, Received
from .camera_record import FAILED, STALE
from .camera_state import describe_age
from .stage_times import StageTimes
from .throttle import Throttle

WARN_PERIOD_S = 10.0

Batch = dict[Camera, Received]


class Delivery:
    """Of one worker. stages, budget: what it has taken."""

    def __init__(self, clock: Clock, log: RcutilsLogger, *, max_age_ms: int):
        """max_age_ms: of a frame that is to be segmented; 0: any."""
        self.stages, self.budget = StageTimes(), Budget()
        self._clock, self._log = clock, log
        self._max_age_ms = max_age_ms or float("inf")
        self._throttle = Throttle(WARN_PERIOD_S)

    def is_stale(self, camera: Camera, header: Header) -> bool:
        """Whether a frame is too old to be segmented; then it is dropped."""
        age_ms = self._age_ms(header)
        if age_ms is None or age_ms <= self._max_age_ms:
            return False
        self.drop(camera, STALE, f"a frame is {describe_age(age_ms)} old, max_age_ms is {self._max_age_ms}")
        return True

    def deliver(self, batch: Batch, results: Mapping[Camera, Result | FrameError]) -> None:
        """Publish what was found in a batch, which holds afterwards whatever frames nothing has become of."""
        good = []
        for camera, result in results.items():  # all masks before any picture: somebody drives by them
            if isinstance(result, FrameError):
                self.drop(camera, result.cause, str(result))
            else:
                self._attempt([camera], self._publish, camera, batch[camera], result)
                good.append((camera, batch[camera].message.header, result))
            del batch[camera]
        for camera, header, result in good:
            self._attempt([], camera.publish_pictures, header, result, self.stages)

    def drop(self, camera: Camera, cause: str, detail: str) -> None:
        """A frame comes to nothing. The log says so now and then."""
        camera.record.dropped(cause, detail)
        if self._throttle.due((camera.name, cause), time.monotonic()):
            self._log.warning(f"{camera.input_topic}: frame dropped: {detail}")

    def fail(self, cameras: Iterable[Camera], error: BaseException) -> None:
        """A frame of each of these cameras comes to nothing, by a fault of ours."""
        for camera in cameras:
            camera.record.dropped(FAILED, f"{type(error).__name__}: {error}")
        if self._throttle.due(type(error), time.monotonic()):
            what = ", ".join(f"a frame of {camera.name}" for camera in cameras) or "drawing for viewers"
            self._log.error(f"{what} failed: {''.join(traceback.format_exception(error))}")

    def _publish(self, camera: Camera, received: Received, result: Result) -> None:
        header, instances = received.message.header, result.instances
        camera.publish_ids(header, instances, self.stages)
        age_ms = self._age_ms(header)
        done_s = time.monotonic()
        self.stages.add({"arrival to ids": 1e3 * (done_s - received.arrived_s)})
        self.budget.done(1e3 * (done_s - received.arrived_s), done_s)
        camera.publish_classes(header, instances, result, self.stages)
        camera.record.published(age_ms)

    def _attempt(self, cameras: Iterable[Camera], function: Callable, *arguments: Any) -> None:
        """Call a function. If it raises, that fails the cameras' frames, but must not end the thread."""
        try:
            function(*arguments)
        except Exception as error:
            self.fail(cameras, error)

    def _age_ms(self, header: Header) -> float | None:
        """Node's clock minus stamp, None for a stamp of zero: a driver that does not know the time."""
        stamp_ns = header.stamp.sec * 10**9 + header.stamp.nanosec
        return (self._clock.now().nanoseconds - stamp_ns) / 1e6 if stamp_ns else None
