"""The executor thread of a node, and how it ends."""

import signal
from collections.abc import Callable

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

LONGEST_WAIT_S = 0.5
"""How late a signal or a shutdown may be noticed."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)

_received: list[int] = []


def init(args: list[str] | None) -> None:
    """`rclpy.init`, but Ctrl-C and SIGTERM only end `spin`. A second one ends the process.

    rclpy's own handler shuts ROS down at once: a callback that is publishing fails then, and a last message cannot go
    out any more.
    """
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    _received.clear()
    for number in SIGNALS:
        signal.signal(number, _receive)


def interrupted() -> bool:
    """Whether a signal or a shutdown asks for the end."""
    return bool(_received) or not rclpy.ok()


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
        while not interrupted() and not done():
            executor.spin_once(timeout_sec=LONGEST_WAIT_S)
    except ExternalShutdownException:
        pass
    finally:
        executor.remove_node(node)


def ignore_keyboard_interrupt() -> None:
    """Let rclpy's handler alone react to Ctrl-C; call it before `rclpy.init`. Not needed with `init`.

    rclpy's handler calls the one it found, Python's, whose KeyboardInterrupt would come up anywhere.
    """
    signal.signal(signal.SIGINT, lambda *_: None)


def _receive(number: int, frame) -> None:
    _received.append(number)
    for other in SIGNALS:
        signal.signal(other, signal.SIG_DFL)
