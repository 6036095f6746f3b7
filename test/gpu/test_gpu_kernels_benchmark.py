"""benchmarks/gpu_kernels.py, on this machine's processor: it passes where results are equal, and sees where not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import gpu_kernels


@pytest.fixture
def results(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_kernels, "RESULTS", tmp_path)
    return lambda: json.loads((tmp_path / "gpu_kernels-cpu.json").read_text())["results"]


def run(*options: str) -> int:
    return gpu_kernels.main(["--device", "cpu", "--size", "24x32", *options])


def test_a_round_compares_every_step_and_says_with_which_seed(results):
    assert run("--rounds", "1", "--seed", "13") == 0
    assert results()["differences"] == dict.fromkeys(("convert", "cluster", "enlarge", "class map", "overlay"), 0)
    assert (results()["seed"], results()["rounds"], results()["failed"]) == (13, 1, [])


@pytest.mark.parametrize(("oracle", "step"), [("shrink", "convert"), ("overlay", "overlay")])
def test_a_difference_is_counted_and_ends_with_1(results, monkeypatch, oracle, step):
    original = getattr(gpu_kernels, oracle)

    def altered(*arguments, **named):
        picture = original(*arguments, **named)
        picture = arguments[1] if picture is None else picture  # `shrink` writes into its second argument
        picture[0, 0, 0] ^= 1
        return picture

    monkeypatch.setattr(gpu_kernels, oracle, altered)
    assert run("--rounds", "1", "--seed", "12") == 1
    assert results()["differences"][step] == 1
    assert results()["failed"] == [12]


def test_other_clusters_are_seen_where_they_are_made_and_where_they_are_enlarged(results, monkeypatch):
    original = gpu_kernels.clusters_of

    def altered(*arguments):
        clustering, clusters = original(*arguments)
        assert len(clusters.scores)
        return clustering, replace(clusters, scores=clusters.scores + np.float32(1))

    monkeypatch.setattr(gpu_kernels, "clusters_of", altered)
    assert run("--rounds", "1", "--seed", "13") == 1
    assert results()["differences"] == {"convert": 0, "cluster": 1, "enlarge": 1, "class map": 0, "overlay": 0}


def test_another_class_map_is_seen(results, monkeypatch):
    monkeypatch.setattr(gpu_kernels, "UNLABELLED", 254)
    assert run("--rounds", "1", "--seed", "12") == 1
    assert results()["differences"] == {"convert": 0, "cluster": 0, "enlarge": 0, "class map": 1, "overlay": 0}


def test_without_a_seed_every_run_has_inputs_of_its_own(results):
    seeds = set()
    for _ in range(2):
        assert run("--rounds", "0") == 0
        seeds.add(results()["seed"])
    assert len(seeds) == 2


def test_a_run_may_have_a_results_file_of_its_own(results, tmp_path):
    assert run("--rounds", "0", "--name", "memcheck") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["gpu_kernels-memcheck.json"]


def test_the_seed_is_known_even_where_a_kernel_ends_the_process(results, monkeypatch, capsys):
    monkeypatch.setattr(gpu_kernels, "compared", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("--rounds", "1", "--seed", "17")
    assert "first seed: 17" in capsys.readouterr().out


def test_a_gpu_that_is_not_there_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "pycuda.driver", None)
    with pytest.raises(SystemExit) as exit:
        gpu_kernels.main(["--rounds", "1"])
    assert exit.value.code == 2
    assert "device cuda needs" in capsys.readouterr().err
