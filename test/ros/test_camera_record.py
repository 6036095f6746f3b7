"""What diagnostics say of a camera, from its counts alone."""

from collections import Counter

import pytest

from instance_seg_node.ros.budget import Budget
from instance_seg_node.ros.camera_record import (
    FAILED,
    FIRST_S,
    REPLACED,
    STALE,
    CameraRecord,
    Look,
    Report,
    Window,
    is_silent,
    percentile,
)
from instance_seg_node.ros.camera_state import DAY_MS, ERROR, OK, WARN, Link, judge
from instance_seg_node.ros.stage_times import KEPT, StageTimes
from instance_seg_node.ros.throttle import Throttle

LINK = Link("/camera/image_raw", publishers=1)


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.5, 5), (0.51, 6), (0.95, 10), (1, 10)])
def test_a_percentile_is_the_least_value_that_covers_its_share(share, expected):
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == expected


def test_there_is_no_percentile_of_nothing():
    assert percentile([], 0.5) is None


def run(record: CameraRecord, *, frames: int, age_ms: float | None = 20.0, now_s: float = 0.0) -> None:
    for _ in range(frames):
        record.arrived(now_s)
        record.published(age_ms)


def test_the_rate_is_published_frames_per_second_of_the_nodes_clock():
    record = CameraRecord(0, time_s=100)
    run(record, frames=5)
    assert record.report(0, time_s=100.5).rate_hz == 10


def test_totals_last_and_windows_do_not():
    record = CameraRecord(0, 0)
    run(record, frames=3)
    record.dropped("wrong step", "step 1")
    record.report(0, 1)
    run(record, frames=2)
    report = record.report(0, 2)
    assert (report.received, report.processed, report.dropped) == (5, 5, {"wrong step": 1})
    assert (report.window.processed, report.window.rejected) == (2, 0)


def test_a_window_without_frames_keeps_the_verdict_of_the_last_with_frames():
    record = CameraRecord(0, 0)
    run(record, frames=1, now_s=1)
    record.dropped("wrong step", "step 1")
    record.report(1, 1)
    assert judge(record.report(2, 2), LINK).name == "rejected"


def test_no_time_no_rate():
    record = CameraRecord(0, 5)
    assert record.report(0, 5).rate_hz is None


def test_a_clock_that_goes_back_clears_ages_and_the_rates_interval():
    record = CameraRecord(0, 1000)
    run(record, frames=1, age_ms=30.0)
    record.report(0, 1001)
    run(record, frames=4, age_ms=999_000.0)
    record.time_jumped(10)
    report = record.report(0, 12)
    assert report.window.ages_ms == []
    assert report.rate_hz == 2


def report(*, silent_s=0.1, received=10, **window) -> Report:
    return Report(Window(received=10, **window), received, 10, {}, 10.0, silent_s)


OK_FRAMES = {"processed": 10, "ages_ms": [20.0] * 10}


@pytest.mark.parametrize(("name", "level", "said", "of", "link"), [
    ("ok", OK, "ok", report(**OK_FRAMES), LINK),
    ("ok", OK, "ok", report(**OK_FRAMES, dropped={REPLACED: 50}), LINK),
    ("waiting", WARN, "nobody publishes", report(received=0, silent_s=99), Link("/c", publishers=0)),
    ("waiting", WARN, "first frame", report(received=0, silent_s=1), LINK),
    ("silent", ERROR, "for 7 s. Is the camera paused?", report(received=0, silent_s=7), LINK),
    ("silent", ERROR, "set it up", report(received=0, silent_s=7), Link("/c", 1, best_effort=True, hint="set it up")),
    ("incompatible QoS", WARN, "qos_overrides./c.subscription.reliability", report(received=0, silent_s=7),
     Link("/c", 1, incompatible="RELIABILITY")),
    ("ok", OK, "ok", report(**OK_FRAMES), Link("/c", 2, incompatible="RELIABILITY")),
    ("stale", ERROR, "no frame on /camera/image_raw for 3.5 s", report(**OK_FRAMES, silent_s=FIRST_S + 0.5), LINK),
    ("stale", ERROR, "too old", report(dropped={STALE: 10}, last_detail="too old"), LINK),
    ("rejected", ERROR, "10 of 10 frames: wrong step: 3", report(dropped={"wrong step": 10},
                                                                last_detail="wrong step: 3"), LINK),
    ("rejected", WARN, "1 of 10", report(**OK_FRAMES, dropped={"wrong step": 1}), LINK),
    ("failed", ERROR, "RuntimeError: x", report(**OK_FRAMES, dropped={FAILED: 1}, last_detail="RuntimeError: x"), LINK),
    ("two publishers", WARN, "3 publishers send /c", report(**OK_FRAMES, changed="from a to b"), Link("/c", 3)),
    ("changed", WARN, "from a to b", report(**OK_FRAMES, changed="from a to b", back_s=1), LINK),
    ("stamps back", WARN, "2.5 s before", report(**OK_FRAMES, back_s=2.5, unstamped=1), LINK),
    ("unstamped", WARN, "stamp of zero", report(processed=10, unstamped=10), LINK),
    ("old", WARN, "2.50 s old", report(processed=1, ages_ms=[2500.0]), LINK),
    ("old", WARN, "use_sim_time", report(processed=1, ages_ms=[3 * DAY_MS]), LINK),
    ("future", WARN, "60.0 s in the future", report(processed=1, ages_ms=[-60_000.0]), LINK),
])
def test_the_state_of_a_camera(name, level, said, of, link):
    of.window.dropped = Counter(of.window.dropped)
    state = judge(of, link)
    assert (state.name, state.level) == (name, level)
    assert said in state.text


def test_stage_times_are_percentiles_over_the_last_batches():
    stages = StageTimes()
    for n in range(KEPT + 100):
        stages.add({"network": n})
    expected = (100 + KEPT // 2 - 1, 100 + 244 - 1, 100 + KEPT - 1)  # 244 = ceil(0.95 * 256)
    assert stages.percentiles()["network"] == expected


def test_a_thing_is_due_once_in_a_period_for_each_key():
    throttle = Throttle(10)
    asked = [("a", 0), ("a", 5), ("b", 5), ("a", 9.9), ("a", 10), ("b", 11), ("a", 19.9)]
    assert [throttle.due(key, now_s) for key, now_s in asked] == [True, False, True, False, True, False, False]


@pytest.mark.parametrize(("period_s", "silent_s", "silent"), [
    (None, 2.9, False), (None, 3.1, True), (1 / 30, 0.9, False), (1 / 30, 1.1, True), (2.0, 5.9, False),
    (2.0, 6.1, True)], ids=str)
def test_a_camera_is_silent_after_a_second_or_three_of_its_periods(period_s, silent_s, silent):
    assert is_silent(silent_s, period_s) == silent


def test_the_period_is_the_median_so_that_one_gap_does_not_hide_the_next():
    record = CameraRecord(0, 0)
    for now_s in (0, 0.1, 0.2, 5.0, 5.1, 5.2):
        record.arrived(now_s)
    assert record.report(5.3, 0).period_s == pytest.approx(0.1)
    assert not record.is_silent(6.1)
    assert record.is_silent(6.3)


def test_what_changes_between_two_frames_is_said_once():
    record, colour = CameraRecord(0, 0), Look("640 x 480 rgb8", "front")
    for look in (colour, colour, Look("640 x 480 mono8", "front"), Look("640 x 480 mono8", "front")):
        record.arrived(0, look)
    first, second = record.report(0, 0), None
    record.arrived(0, Look("640 x 480 mono8", "front"))
    second = record.report(0, 0)
    assert first.window.changed == "from 640 x 480 rgb8, front to 640 x 480 mono8, front"
    assert (second.window.changed, second.look.picture) == ("", "640 x 480 mono8")


def test_stamps_that_go_back_are_seen_unless_the_clock_went_back_as_well():
    record = CameraRecord(0, 0)
    for stamp_s in (5, 6, 0, 3.5, 4):  # 0 is none
        record.arrived(0, stamp_ns=int(stamp_s * 1e9))
    assert record.report(0, 0).window.back_s == 2.5
    record.arrived(0, stamp_ns=int(9e9))
    record.time_jumped(0)
    record.arrived(0, stamp_ns=int(1e9))
    assert record.report(0, 0).window.back_s == 0


def budget(allowed_ms, consecutive_ms, *frames):
    """After frames of (took ms, done at s)."""
    budget = Budget()
    budget.allowed_ms, budget.consecutive_ms = allowed_ms, consecutive_ms
    for took_ms, now_s in frames:
        budget.done(took_ms, now_s)
    return budget.state(frames[-1][1] if frames else 0.0)


@pytest.mark.parametrize(("of", "level"), [
    (budget(0, 0, (500, 1), (900, 9)), None),
    (budget(100, 0), None),
    (budget(100, 0, (100, 1)), None),
    (budget(100, 0, (101, 1), (101, 99)), WARN),
    (budget(100, 2000, (50, 1), (101, 2.9)), WARN),
    (budget(100, 2000, (50, 1), (101, 2), (101, 3.1)), ERROR),
    (budget(100, 2000, (50, 1), (101, 2), (99, 2.5), (101, 3.1)), WARN),
    (budget(100, 2000, (50, 1), (101, 2), (101, 3.1), (100, 3.2)), None),
])
def test_one_late_frame_is_a_warning_and_too_long_without_a_timely_one_an_error(of, level):
    assert (of and of.level) == level
    assert of is None or of.name == "over budget"


def test_late_frames_are_forgotten_when_no_more_come():
    late = Budget()
    late.allowed_ms = 100
    late.done(101, 1.0)
    assert late.state(5.9) is not None
    assert late.state(6.1) is None
