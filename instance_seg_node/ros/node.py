"""The ROS 2 node: camera topics in, instances out.

    ros2 run instance_seg_node instance_seg_node --ros-args -p cameras:="['/front', '/left']"

Lifecycle: configure loads the model and announces the topics, activate subscribes and starts the worker, which opens
the engine on a GPU; deactivate gives its memory there back. One executor thread receives, one worker thread
segments and publishes.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import ParameterException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription

from ..errors import InputError
from ..models import find_model
from ..pipelines.opening import open_pipeline
from ..pipelines.pipeline import Pipeline
from . import parameters
from .camera import Camera, input_qos
from .camera_record import CameraRecord
from .camera_state import OK, WARN, State
from .link import incompatible_policy
from .reporter import Reporter, troubles
from .spin import spin, stop_on_signals
from .transitions import guarded
from .transport import tune
from .worker import Worker

DIAGNOSTICS_PERIOD_S = 1.0
WATCH_PERIOD_S = 0.25
"""New trouble is looked for, and reported, more often."""
RESTART_S = 1.0
"""A worker whose thread ends at once is not started more often."""
LABEL_INFO_PERIOD_S = 10.0


class InstanceSegNode(LifecycleNode):
    """`open_model(folder, device=, precision=, transport=, cameras=)` gives the pipeline, and why it is this one."""

    def __init__(self, open_model: Callable[..., tuple[Pipeline, str]] = open_pipeline):
        super().__init__("instance_seg")
        parameters.declare(self)
        self.state = State("unconfigured", WARN, "waiting to be configured")
        self._open_model = open_model
        self._settings = None
        self._pipeline: Pipeline | None = None
        self._worker: Worker | None = None
        self._cameras: dict[Camera, Subscription | None] = {}
        self._label_info_timer = None
        self._reporter = Reporter(self)
        self._troubles, self._restarts = (), 0
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # a bag that pauses must not silence us
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._report, clock=steady)
        self.create_timer(WATCH_PERIOD_S, self._watch, clock=steady)
        self.add_on_set_parameters_callback(self._check)
        self.add_post_set_parameters_callback(self._apply)
        back = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jumps = self.get_clock().create_jump_callback(back, post_callback=self._time_jumped)

    @guarded
    def on_configure(self, state: LifecycleState) -> None:
        self.state = State("loading", WARN, "loading the model")
        self._report()
        settings = parameters.values(self)
        parameters.require(settings, None, self.resolve_topic_name)
        pipeline, why = self._open_model(find_model(settings["model"]), device=settings["device"],
                                         precision=settings["precision"], transport=settings["transport"],
                                         cameras=len(settings["cameras"]))
        parameters.require(settings, pipeline.spec.thresholds, self.resolve_topic_name)
        self._settings, self._pipeline = settings, pipeline
        self._apply([])
        self._cameras = {Camera(self, camera, settings["transport"], pipeline.spec): None
                         for camera in settings["cameras"]}
        for camera in self._cameras:
            camera.announce(self)
        self.state = State("inactive", OK, "configured, not active")
        self.get_logger().info(f"{why}: model {pipeline.spec.name} on {pipeline.description}; "
                               f"input {', '.join(camera.input_topic for camera in self._cameras)}; "
                               "output <camera>/instance_seg/*")

    @guarded
    def on_activate(self, state: LifecycleState) -> None:
        super().on_activate(state)
        self._start_worker()
        for camera in self._cameras:
            camera.record = CameraRecord(time.monotonic(), self._time_s())
            self._cameras[camera] = self._subscribe(camera)
        self._apply([])
        self._label_info_timer = self.create_timer(LABEL_INFO_PERIOD_S, self._publish_label_info)
        self.state = State("active", OK, "active")

    @guarded
    def on_deactivate(self, state: LifecycleState) -> None:
        self._stop()
        super().on_deactivate(state)
        self.state = State("inactive", OK, "configured, not active")

    @guarded
    def on_cleanup(self, state: LifecycleState) -> None:
        self._release()
        self.state = State("unconfigured", WARN, "waiting to be configured")

    @guarded
    def on_shutdown(self, state: LifecycleState) -> None:
        self._release()
        self.state = State("finalized", WARN, "shut down; only a restart brings it back")

    @guarded
    def on_error(self, state: LifecycleState) -> None:
        self._release()

    def start(self) -> None:
        """Configure and activate, if `autostart`. What goes wrong is logged and in diagnostics; the node stays up."""
        if self.get_parameter("autostart").value and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def close(self) -> None:
        """Stop and leave the network."""
        try:
            self._release()
        except RuntimeError as error:  # the process ends in any case
            self.get_logger().error(str(error))
        self._jumps.unregister()
        self.destroy_node()

    def _subscribe(self, camera: Camera) -> Subscription:
        camera.incompatible = ""
        return self.create_subscription(
            camera.input_type, camera.input_topic, partial(self._offer, camera), input_qos(),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=partial(self._incompatible, camera)),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def _offer(self, camera: Camera, message: Any) -> None:
        if self._worker is not None:
            self._worker.offer(camera, message)

    def _start_worker(self) -> None:
        self._worker = Worker(self._pipeline, self.get_clock(), self.get_logger(),
                              max_age_ms=self._settings["max_age_ms"])
        self._worker.start()
        self._started_s = time.monotonic()

    def _watch(self) -> None:
        """Report new trouble at once, and start a worker anew whose thread has ended."""
        found = troubles(self._worker, self._cameras)
        if found != self._troubles:
            self._troubles = found
            self._report()
        if self._worker is not None and not self._worker.alive and time.monotonic() > self._started_s + RESTART_S:
            self._restarts += 1
            self._start_worker()
            self._apply([])

    def _stop(self) -> None:
        for camera, subscription in self._cameras.items():
            if subscription is not None:
                self.destroy_subscription(subscription)
                self._cameras[camera] = None
        if self._label_info_timer is not None:
            self.destroy_timer(self._label_info_timer)
            self._label_info_timer = None
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    def _release(self) -> None:
        self._stop()
        for camera in self._cameras:
            camera.destroy(self)
        self._cameras, self._settings, self._pipeline = {}, None, None

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        changed = {parameter.name: parameter.value for parameter in changes}
        model = self._pipeline.spec.thresholds if self._pipeline else None
        found = parameters.frozen(changed, self._settings)
        found += parameters.problems(parameters.values(self) | changed, model, self.resolve_topic_name)
        return SetParametersResult(successful=not found, reason="; ".join(found))

    def _apply(self, changes: list[Parameter]) -> None:
        values = parameters.values(self)
        if self._pipeline is not None:
            self._pipeline.thresholds = parameters.thresholds(values, self._pipeline.spec.thresholds)
        if self._worker is not None:
            budget = self._worker.delivery.budget
            budget.allowed_ms = values["max_allowed_processing_time_ms"]
            budget.consecutive_ms = values["max_acceptable_consecutive_delay_ms"]
            self._publish_label_info()

    def _publish_label_info(self) -> None:
        for camera in self._cameras:
            camera.publish_label_info(self._pipeline.thresholds.seed, self.get_clock().now().to_msg())

    def _incompatible(self, camera: Camera, event) -> None:
        camera.incompatible = incompatible_policy(event)

    def _time_jumped(self, jump: TimeJump) -> None:
        for camera in self._cameras:
            if camera.record is not None:
                camera.record.time_jumped(self._time_s())

    def _time_s(self) -> float:
        return self.get_clock().now().nanoseconds / 1e9

    def _report(self) -> None:
        self._reporter.publish(self.state, self._pipeline, self._worker, self._cameras, self._restarts)


def main(args: list[str] | None = None, *, open_model: Callable[..., tuple[Pipeline, str]] = open_pipeline) -> int:
    """Run the node until Ctrl-C or SIGTERM. Returns the exit status: 0, or 2 for what cannot be started with."""
    stopped = stop_on_signals()
    try:
        notes = tune()
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = InstanceSegNode(open_model)
    except (ParameterException, InputError, rclpy_implementation.RCLError) as error:
        print(f"instance_seg: {error}", file=sys.stderr)
        return 2
    node.get_logger().info("; ".join(notes))
    try:
        node.start()
        spin(node, stopped)
    finally:
        node.close()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
