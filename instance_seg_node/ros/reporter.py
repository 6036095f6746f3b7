"""/diagnostics: the node and its cameras, as often as it is told to."""

import time
from collections.abc import Iterable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.subscription import Subscription

from ..pipelines.pipeline import Pipeline
from .camera import Camera
from .camera_state import ERROR, OK, WARN, State, judge
from .diagnostics import camera_status, node_status
from .link import link_of
from .throttle import Throttle
from .worker import OPENING, Worker

LINK_WARN_PERIOD_S = 60.0
WORKING = ("over budget",)
"""Trouble of a worker that publishes."""
TROUBLED_LINKS = ("silent", "incompatible QoS")
STUCK_S = 1.0
"""A frame takes no longer, and a batch no longer for each of its own."""
OPENING_S = 3600.0
"""Nor does TensorRT for the plan of a large model on a small GPU."""


class Reporter:
    """Publishes the diagnostics, and logs a camera whose frames do not reach us."""

    def __init__(self, node: Node):
        self._node = node
        self._name = node.get_name()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._throttle = Throttle(LINK_WARN_PERIOD_S)

    def publish(self, state: State, pipeline: Pipeline | None, worker: Worker | None,
                cameras: Mapping[Camera, Subscription | None], restarts: int) -> None:
        """One message: a status of the node and one of each camera. restarts: of the worker."""
        trouble = worker_state(worker) if worker else None
        status = [self._node_status(worst(state, trouble, self._clock_state()), pipeline, worker, restarts)]
        status += [self._camera_status(camera, subscription, trouble) for camera, subscription in cameras.items()]
        message = DiagnosticArray(status=status)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _node_status(self, state: State, pipeline: Pipeline | None, worker: Worker | None,
                     restarts: int) -> DiagnosticStatus:
        if pipeline is None:
            return node_status(self._name, state, restarts=restarts)
        return node_status(self._name, state, model=pipeline.spec.name, engine=pipeline.description,
                           thresholds=pipeline.thresholds,
                           stages=worker.delivery.stages.percentiles() if worker else None, restarts=restarts)

    def _clock_state(self) -> State | None:
        if self._node.get_clock().ros_time_is_active and not self._node.get_clock().now().nanoseconds:
            return State("no clock", WARN, "use_sim_time is set, and nothing has come on /clock. Is a bag played "
                         "without --clock?")
        return None

    def _camera_status(self, camera: Camera, subscription: Subscription | None,
                       trouble: State | None) -> DiagnosticStatus:
        if subscription is None:
            return camera_status(self._name, camera.name, State("inactive", OK, "the node is not active"))
        report = camera.record.report(time.monotonic(), self._node.get_clock().now().nanoseconds / 1e9)
        state = judge(report, link_of(self._node, subscription, camera.incompatible))
        if state.level == OK and trouble is not None and trouble.name not in WORKING:  # nothing comes of good frames
            state = State("no engine", WARN, trouble.text)
        if state.name in TROUBLED_LINKS and self._throttle.due((camera.name, state.name), time.monotonic()):
            self._node.get_logger().warning(state.text)
        return camera_status(self._name, camera.name, state, report)


def worker_state(worker: Worker) -> State | None:
    """What is wrong with the worker of a node that is active; None if nothing is."""
    if not worker.alive:
        return State("worker dead", ERROR, f"the segmenting thread has ended and is started again: {worker.died}")
    stage, seconds, frames = worker.busy() or ("", 0.0, 0)
    if seconds > (OPENING_S if stage == OPENING else STUCK_S * max(frames, 1)):
        return State("stuck", ERROR, f"in {stage} for {seconds:.1f} s, and nothing is published meanwhile. If it "
                     "does not end, restart the node")
    return worker.engine.state if worker.engine.state.level != OK else worker.delivery.budget.state(time.monotonic())


def worst(state: State, *others: State | None) -> State:
    """The first of the highest level."""
    return max((state, *(other for other in others if other is not None)), key=lambda s: s.level)


def troubles(worker: Worker | None, cameras: Iterable[Camera]) -> tuple:
    """What must be said at once when it changes: of the worker, and of cameras that fall silent."""
    state, now_s = worker and worker_state(worker), time.monotonic()
    return (state and (state.name, state.level),
            *(camera.name for camera in cameras if camera.record and camera.record.is_silent(now_s)))
