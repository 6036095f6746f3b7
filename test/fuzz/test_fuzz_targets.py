"""Whatever is sent or given to be read is read, or refused with its cause: nothing else, for a few drawn cases each.

The long run: python benchmarks/fuzz.py --cases 100000
"""

import importlib.util

import pytest
from fuzz_targets import TARGETS, outcome
from hypothesis import HealthCheck, given, settings

FEW = settings(max_examples=150, deadline=None, derandomize=True, database=None,
               suppress_health_check=list(HealthCheck))
ROS = {"parameters"}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.ros, pytest.mark.skipif(not importlib.util.find_spec("rclpy"),
                                                                  reason="rclpy is not importable")])
    if name in ROS else name for name in TARGETS])
def test_any_input_is_read_or_refused_with_its_cause(name):
    @FEW
    @given(TARGETS[name].cases)
    def check(case):
        outcome(TARGETS[name], case)

    check()


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in ROS])
def test_the_drawn_inputs_are_neither_all_read_nor_all_refused(name):
    seen = set()

    @FEW
    @given(TARGETS[name].cases)
    def note(case):
        seen.add(outcome(TARGETS[name], case))

    note()
    assert "accepted" in seen and len(seen) > 1
