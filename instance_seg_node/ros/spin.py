"""Receiving until someone ends the process."""

import signal
import threading

import rclpy
from rclpy.node import Node

from .distribution import executor

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
    """Serve the node's callbacks in this thread until `stopped` is set or the context ends."""
    served = executor()
    served.add_node(node)
    while rclpy.ok() and not stopped.is_set():
        served.spin_once(timeout_sec=0.5)
    served.shutdown()
