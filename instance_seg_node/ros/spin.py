"""The executor thread of a node."""

from collections.abc import Callable

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

LONGEST_WAIT_S = 0.5
"""How late a shutdown without a signal is noticed."""


def new_executor() -> Executor:
    """The events executor where rclpy has it (Kilted and newer), which takes a quarter of the other's CPU."""
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def spin(node: Node, done: Callable[[], bool] = lambda: False) -> None:
    """Run the node's callbacks in this thread until a signal, a shutdown or `done()`. A callback's exception is raised.

    Not by `spin()`: in rclpy 9.1 that of the events executor takes a whole core, calls nothing and ignores Ctrl-C.
    """
    executor = new_executor()
    executor.add_node(node)
    try:
        while rclpy.ok() and not done():
            executor.spin_once(timeout_sec=LONGEST_WAIT_S)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        executor.remove_node(node)
