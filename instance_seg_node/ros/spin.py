"""Receiving until someone ends the process."""

import signal
import threading

import rclpy
from rclpy.node import Node

SIGNALS = (signal.SIGINT, signal.SIGTERM)

def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; the second of them ends the process at once.

    To be used with `rclpy.init(signal_handler_options=NO)`: rclpy's own handlers end the context while somebody still
    publishes, which then raises.
    """
    stopped = threading.Event()

    def stop(number, frame) -> None:
        stopped.set()
        for other in SIGNALS:
            signal.signal(other, signal.SIG_DFL)

    for number in SIGNALS:
        signal.signal(number, stop)
    return stopped


def spin(node: Node, stopped: threading.Event) -> None:
    """Serve the node's callbacks in this thread until `stopped` is set or the context ends.

    Events cost a third of what a wait set does, and come sooner. Never EventsExecutor.spin(): in rclpy 9.1 it hangs.
    """
    try:
        from rclpy.experimental.events_executor import EventsExecutor as Executor
    except ImportError:  # before Kilted
        from rclpy.executors import SingleThreadedExecutor as Executor
    executor = Executor()
    executor.add_node(node)
    while rclpy.ok() and not stopped.is_set():
        executor.spin_once(timeout_sec=0.5)
    executor.shutdown()
