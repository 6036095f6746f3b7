"""What diagnostics say of a camera, from its counts alone."""

from collections import Counter

import pytest

from instance_seg_node.ros.camera_record import FAILED, REPLACED, STALE, CameraRecord, Report, Window, percentile
from instance_seg_node.ros.camera_state import DAY_MS, ERROR, OK, SILENT_S, WARN, Link, judge
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
    ("stale", ERROR, "no frame on /camera/image_raw for 3.5 s", report(**OK_FRAMES, silent_s=SILENT_S + 0.5), LINK),
    ("stale", ERROR, "too old", report(dropped={STALE: 10}, last_detail="too old"), LINK),
    ("rejected", ERROR, "10 of 10 frames: wrong step: 3", report(dropped={"wrong step": 10},
                                                                last_detail="wrong step: 3"), LINK),
    ("rejected", WARN, "1 of 10", report(**OK_FRAMES, dropped={"wrong step": 1}), LINK),
    ("failed", ERROR, "RuntimeError: x", report(**OK_FRAMES, dropped={FAILED: 1}, last_detail="RuntimeError: x"), LINK),
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
    p50, p95 = stages.percentiles()["network"]
    assert (p50, p95) == (100 + KEPT // 2 - 1, 100 + 244 - 1)  # 244 = ceil(0.95 * 256)


def test_a_thing_is_due_once_in_a_period_for_each_key():
    throttle = Throttle(10)
    asked = [("a", 0), ("a", 5), ("b", 5), ("a", 9.9), ("a", 10), ("b", 11), ("a", 19.9)]
    assert [throttle.due(key, now_s) for key, now_s in asked] == [True, False, True, False, True, False, False]
