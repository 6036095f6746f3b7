"""benchmarks/gpu_frames.py and gpu_fault.py, on this machine's processor: what they call flat, and what they see."""

import json
from itertools import count
from types import SimpleNamespace

import pytest
from tiny_model import write_tiny_model

from benchmarks import gpu_fault, gpu_frames, gpu_pipeline


@pytest.fixture
def tiny(tmp_path):
    write_tiny_model(tmp_path / "tiny", height=32, width=64)
    return str(tmp_path / "tiny")


@pytest.fixture(autouse=True)
def little_work(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_pipeline, "SIZES", [(48, 96), (64, 128), (40, 80)])
    monkeypatch.setattr(gpu_pipeline, "INSTANCES", 5)
    monkeypatch.setattr(gpu_pipeline, "CAMERAS", 2)
    monkeypatch.setattr(gpu_frames, "CAMERAS", 2)
    monkeypatch.setattr(gpu_frames, "BATCHES_OF_A_SIZE", 1)
    monkeypatch.setattr(gpu_frames, "ROUND", 3)
    monkeypatch.setattr(gpu_frames, "host_bytes", lambda: 0)
    monkeypatch.setattr(gpu_frames, "RESULTS", tmp_path / "frames.json")
    monkeypatch.setattr(gpu_fault, "RESULTS", tmp_path / "fault.json")


@pytest.fixture
def device_bytes(monkeypatch):
    """Lets the GPU's memory be what an iterator says: with contexts, and without."""
    def say(open_bytes=lambda: 0, closed_bytes=lambda: 0):
        monkeypatch.setattr(gpu_frames, "device_bytes", open_bytes)
        monkeypatch.setattr(gpu_frames, "closed_device_bytes", closed_bytes)
    return say


class NoPipeline:
    """A pipeline that does nothing."""

    depth, description, spec = 2, "nothing", SimpleNamespace(name="tiny")

    def nothing(self, *_):
        pass

    open = close = start = finish = nothing


def run(tiny):
    return gpu_frames.main([tiny, "--device", "cpu", "--batches", "12", "--cycles", "2"])


def results(path):
    return json.loads(path.read_text())["results"]


def test_flat_memory_that_is_given_back_passes(tiny, device_bytes, tmp_path):
    device_bytes()
    assert run(tiny) == 0
    found = results(tmp_path / "frames.json")
    assert found["model"] == "tiny" and "network none: plan: " in found["device"]
    assert (found["frames"]["batches"], len(found["frames"]["device"]["samples"])) == (12, 4)
    assert found["frames"]["flat"] and found["cycles"]["flat"] and found["cycles"]["cycles"] == 2


@pytest.mark.parametrize("part", ["frames", "cycles"])
def test_memory_that_grows_ends_with_1(tiny, device_bytes, tmp_path, part, monkeypatch):
    monkeypatch.setattr(gpu_frames, "pipeline_of", lambda options: NoPipeline())
    growing = count(0, 20_000_000)
    device_bytes(*([lambda: next(growing)] if part == "frames" else [lambda: 0, lambda: next(growing)]))
    assert run(tiny) == 1
    found = results(tmp_path / "frames.json")
    assert [name for name in ("frames", "cycles") if not found[name]["flat"]] == [part]


def test_what_is_taken_at_first_is_no_growth_and_a_slow_leak_is():
    settled = gpu_frames.growth([0, 50, 100, 100, 100, 100, 100, 100, 100, 100], 300)
    assert (settled["bytes"], settled["bytes in 10^4 by slope"]) == (0, pytest.approx(0))
    leak = gpu_frames.growth([300 * n for n in range(10)], 300)
    assert leak["bytes in 10^4 by slope"] == pytest.approx(1e4)


def test_all_sets_of_cameras_come_in_both_lanes_and_sizes_come_round(monkeypatch):
    monkeypatch.setattr(gpu_frames, "BATCHES_OF_A_SIZE", 100)
    monkeypatch.setattr(gpu_frames, "CAMERAS", 4)
    images = ["small", "middle", "large"]
    batches = [gpu_frames.messages_of(number, images) for number in range(600)]
    assert len({(frozenset(batch), number % 2) for number, batch in enumerate(batches)}) == 30
    assert {batch.get(2) for batch in batches} == {None, "small", "middle", "large"}
    assert batches[:300] == batches[300:]


def test_a_wild_write_is_said_and_the_next_pipeline_has_the_same_ids(tiny, tmp_path):
    assert gpu_fault.main([tiny, "--device", "cpu"]) == 0
    found = results(tmp_path / "fault.json")
    assert "cluster_number" in found["said"] and found["ids equal"] and found["instances"] > 2


@pytest.mark.parametrize("change", ["nothing is said", "ids differ"])
def test_a_fault_that_is_not_seen_or_leaves_something_behind_ends_with_1(tiny, tmp_path, monkeypatch, change):
    if change == "nothing is said":
        monkeypatch.setattr(gpu_fault, "break_it", lambda pipeline: None)
    original, calls = gpu_fault.ids_of, count()

    def ids_of(*arguments):
        return original(*arguments) + (change == "ids differ" and next(calls) > 0)

    monkeypatch.setattr(gpu_fault, "ids_of", ids_of)
    assert gpu_fault.main([tiny, "--device", "cpu"]) == 1


@pytest.mark.parametrize("program", [gpu_frames, gpu_fault])
def test_no_gpu_is_wrong_usage(tiny, monkeypatch, capsys, program):
    monkeypatch.setitem(__import__("sys").modules, "pycuda.driver", None)
    with pytest.raises(SystemExit) as exit:
        program.main([tiny])
    assert exit.value.code == 2
    assert "device cuda needs" in capsys.readouterr().err


def test_too_few_batches_to_see_growth_are_wrong_usage(tiny, capsys):
    with pytest.raises(SystemExit) as exit:
        gpu_frames.main([tiny, "--device", "cpu", "--batches", "5"])
    assert exit.value.code == 2
    assert "at least 6 batches" in capsys.readouterr().err
