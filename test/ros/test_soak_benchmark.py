"""benchmarks/soak.py: what it makes of counts and samples, and one short run over real topics."""

import json

import numpy as np
import pytest
from node_fixtures import new_domain, tiny  # noqa: F401

from benchmarks.soak_checks import accounts, age, checks, fairness, flat, goes_on, memory
from benchmarks.soak_figures import account, figures, rounded
from benchmarks.soak_page import write_page
from benchmarks.soak_run import Load, Recording, record
from benchmarks.soak_statistics import least_share, least_share_in, quarter_medians, slope, unaccounted
from instance_seg_node.bench.machine import write_results

HOURS = np.arange(480) / 3600
"""Eight minutes, a sample a second."""


def leak(mb_per_hour: float) -> np.ndarray:
    """Memory (MB) that is lost page by page."""
    return 288 + np.floor(mb_per_hour * HOURS * 256) / 256


def test_a_leak_lies_in_the_interval_of_its_slope_and_zero_does_not():
    found = slope(HOURS, leak(10))
    assert found["slope"] == pytest.approx(10, rel=0.01)
    assert 0 < found["low"] < 10 < found["high"]


def test_the_interval_of_steps_up_and_down_holds_zero_in_95_of_100_cases():
    steps = np.random.default_rng(1).standard_normal((200, len(HOURS)))
    found = [slope(HOURS, 288 + np.cumsum(one)) for one in steps]
    assert 180 <= sum(one["low"] <= 0 <= one["high"] for one in found) <= 198


def test_one_step_of_memory_is_no_slope_and_many_are():
    assert slope(HOURS, np.where(HOURS < 0.05, 288.0, 288.5))["low"] < 0
    assert slope(HOURS, 288 + 0.5 * np.floor(HOURS * 60))["low"] > 0


def test_memory_that_does_not_change_has_no_slope():
    assert list(slope(HOURS, np.full(len(HOURS), 288.3)).values()) == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize("mb_per_hour, passed", [(10, False), (1, False), (0, True), (-10, True)])
def test_memory_may_shrink_and_must_not_grow(mb_per_hour, passed):
    assert memory({"rss_mb": 288.0, "rss_mb_per_hour": rounded(slope(HOURS, leak(mb_per_hour)))}).passed == passed


def test_a_blip_is_flat_and_one_thread_more_is_not():
    blip, more = np.full(400, 22), np.full(400, 22)
    blip[350] = more[250:] = 23
    for threads, passed in ((blip, True), (more, False)):
        first, last = quarter_medians(threads)
        assert flat({"held": {"threads": {"first": first, "last": last}}}, "threads").passed == passed


def test_the_worst_camera_is_compared_with_the_mean():
    assert least_share(np.array([100, 100, 40])) == pytest.approx(0.5)
    assert least_share(np.array([0, 7])) == 0
    assert least_share(np.array([0, 0])) == 0


def test_ten_seconds_of_starving_are_seen_though_it_is_made_up_for():
    stamps_ns = np.arange(0, 30e9, 0.1e9)
    cameras = np.arange(300) % 2
    cameras[100:150] = 0
    cameras[200:250] = 1
    assert least_share(np.bincount(cameras)) == 1
    assert least_share_in(10e9, cameras, stamps_ns, 2) == pytest.approx(0.5)


@pytest.mark.parametrize("share, passed", [(0.8, True), (0.79, False)])
def test_a_camera_with_four_fifths_of_its_share_does_not_starve(share, passed):
    assert fairness({"least_share": share, "least_share_in_10_s": share}).passed == passed


def test_a_frame_neither_processed_nor_dropped_for_a_cause_is_unaccounted():
    camera = {"received": "10", "processed": "7", "dropped": "3", "dropped: replaced": "2"}
    assert unaccounted(camera) == 1
    assert unaccounted(camera | {"dropped: stale": "1"}) == 0


def recording(*, sent: list, masks: list, **counts) -> Recording:
    """Of one camera; stamps of frames, and those of id maps."""
    load, arrived = Load(1, 10.0, 1.0, 64, 128), [(0, stamp, stamp + 5) for stamp in masks]
    status = {key.replace("_", " ").replace("dropped ", "dropped: "): str(count) for key, count in counts.items()}
    return Recording(load, np.array([(0, stamp) for stamp in sent]), np.array(arrived),
                     [(0, {"instance_seg: /camera0": status})], {})


def test_each_frame_is_found_where_it_went():
    found = account(recording(sent=[1, 2, 3, 4, 5, 6], masks=[1, 2], received=5, processed=3, dropped_replaced=2))
    assert found == {"sent": 6, "lost": 1, "received": 5, "processed": 3, "dropped": {"replaced": 2}, "unaccounted": 0,
                     "missed": 1, "strange": 0}
    assert accounts({"frames": found}).passed


@pytest.mark.parametrize("masks", [[1, 1], [1, 3]], ids=["twice", "never sent"])
def test_an_id_map_that_comes_twice_or_of_no_frame_is_strange(masks):
    found = account(recording(sent=[1, 2], masks=masks, received=2, processed=2))
    assert found["strange"] == 1
    assert not accounts({"frames": found}).passed


def test_ages_may_reach_one_period_and_the_time_to_compute():
    run = {"period_ms": 30.0, "compute_ms": 5.0}
    assert age(run | {"age_ms": {"p99": 35.0}}).passed
    assert not age(run | {"age_ms": {"p99": 35.1}}).passed


def test_the_others_go_on_at_the_same_rate():
    assert goes_on({"masks_per_s": 99.0}, {"masks_per_s": 100.0}).passed
    assert not goes_on({"masks_per_s": 90.0}, {"masks_per_s": 100.0}).passed


@pytest.mark.ros
def test_a_short_run_accounts_for_every_frame_and_makes_a_page(tiny, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("ROS_DOMAIN_ID", str(new_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    run = figures(record(Load(2, 10.0, 3.0, 64, 128), tiny), warm_up_s=0.0)
    frames = run["frames"]
    assert frames["sent"] == 60
    assert frames["received"] == frames["processed"] + sum(frames["dropped"].values()) > 0
    assert frames["lost"] >= 0 and frames["missed"] >= 0 and frames["strange"] == 0
    assert run["age_ms"]["p50"] > 0 and run["held"]["threads"]["last"] > 1 and run["rss_mb"] > 50
    assert {"network", "cluster", "publish ids"} <= run["stages_p95_ms"].keys()
    write_results(tmp_path / "soak.json", {
        "capacity_per_s": 100.0, "ramp": [{"rate_hz": 10.0, "sent_per_s": 20.0, "masks_per_s": 20.0}],
        "runs": {"half": run}, "checks": {"half": [vars(check) for check in checks(run)]}})
    write_page(tmp_path, tmp_path / "soak.json")
    page = (tmp_path / "soak.md").read_text()
    assert "| frames sent | 60 |" in page and "every frame is accounted for" in page
    for picture in ("soak.png", "soak-capacity.png"):
        assert f"({picture})" in page and (tmp_path / picture).stat().st_size > 5000
    assert json.loads((tmp_path / "soak.json").read_text())["results"]["runs"]["half"]["series"]
