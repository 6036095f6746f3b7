"""benchmarks/gpu_engine.py where no GPU is: what it compares and times, and what it says of plans that do not run."""

import argparse
from types import SimpleNamespace

import pytest
from cuda_on_cpu import CpuDevice
from network_on_device import NetworkOnDevice
from tiny_model import blobs, write_tiny_model

from benchmarks import gpu_engine
from instance_seg_node.engines import open_engine
from instance_seg_node.gpu.frame_path import FramePath

HEIGHT, WIDTH = 32, 64


@pytest.fixture
def tiny(tmp_path):
    spec, device = write_tiny_model(tmp_path, height=HEIGHT, width=WIDTH), CpuDevice()
    engine = open_engine(tmp_path, spec)
    return SimpleNamespace(folder=tmp_path, spec=spec, device=device, engine=engine,
                           network=NetworkOnDevice(device, engine, spec, most=1))


def test_the_largest_difference_of_each_head_is_found(tiny):
    images = [blobs(height=HEIGHT, width=WIDTH)] * 2
    assert gpu_engine.differences(tiny.device, tiny.network, tiny.engine, images) == {
        "embedding": 0, "bandwidth": 0, "seed": 0}
    bandwidth = float(tiny.engine(images[0][None])["bandwidth"].max())
    tiny.network.off = {"embedding": 0.5, "bandwidth": -0.25 * bandwidth, "seed": 0.125}
    found = gpu_engine.differences(tiny.device, tiny.network, tiny.engine, images)
    assert found == pytest.approx({"embedding": 0.5, "bandwidth": 0.25, "seed": 0.125}, rel=1e-3)


def test_frames_are_timed_from_their_bytes_to_downloaded_masks(tiny, monkeypatch):
    monkeypatch.setattr(gpu_engine, "WARM_UP", 1)
    path = FramePath(tiny.device, tiny.network, tiny.spec)
    ms = gpu_engine.milliseconds(path, tiny.spec, blobs(height=HEIGHT, width=WIDTH), frames=2)
    assert 0 < ms["p50"] <= ms["p95"] <= ms["p99"]


def test_a_plan_that_cannot_be_built_here_is_reported_with_the_reason(tiny):
    options = argparse.Namespace(runtime="tensorrt-xyz", precision="fp16", gpu="this", frames=1)
    found = gpu_engine.measured(tiny.device, tiny.folder, options)
    assert found["model"] == "tiny"
    assert "runtime 'tensorrt-xyz' is not one of" in found["not run"]


def test_without_a_gpu_it_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "pycuda.driver", None)
    with pytest.raises(SystemExit) as exit:
        gpu_engine.main(["street"])
    assert exit.value.code == 2
    assert "device cuda needs" in capsys.readouterr().err
