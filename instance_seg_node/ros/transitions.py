"""Lifecycle transitions that say why they failed: rclpy swallows what on_* raises."""

import traceback
from collections.abc import Callable
from functools import wraps

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from ..errors import InputError
from .camera_state import ERROR, State


def guarded(transition: Callable) -> Callable:
    """An on_* method that returns nothing: an InputError is a FAILURE, any other exception an ERROR.

    Both are logged, and become the node's `state`.
    """
    @wraps(transition)
    def attempt(self: LifecycleNode, state: LifecycleState) -> TransitionCallbackReturn:
        name = transition.__name__.removeprefix("on_")
        try:
            transition(self, state)
        except InputError as error:
            self.state = State(f"{name} failed", ERROR, str(error))
            self.get_logger().error(f"cannot {name}: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self.state = State(f"{name} failed", ERROR, f"{type(error).__name__}: {error}")
            self.get_logger().error(f"cannot {name}: {traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS
    return attempt
