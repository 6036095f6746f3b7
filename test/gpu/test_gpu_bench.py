"""`instance-seg bench gpu`, its batches on this machine's processor: what it measures, what it says, no times."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice, CudaOnCpuError
from network_on_device import NetworkOnDevice
from tiny_model import write_tiny_model

pytest.importorskip("torch", reason="the benchmark compares with PyTorch")

from instance_seg_node.bench import gpu as bench  # noqa: E402
from instance_seg_node.bench import gpu_networks, gpu_times  # noqa: E402
from instance_seg_node.bench.gpu_networks import DrawnHeads, NoNetwork, open_networks  # noqa: E402
from instance_seg_node.bench.gpu_pair import pairs  # noqa: E402
from instance_seg_node.bench.gpu_text import text  # noqa: E402
from instance_seg_node.bench.gpu_times import Ahead, device_ms  # noqa: E402
from instance_seg_node.bench.heads import drawn_heads  # noqa: E402
from instance_seg_node.bench.torch_network import torch_graph  # noqa: E402
from instance_seg_node.cli import main  # noqa: E402
from instance_seg_node.engines import gpus, open_engine  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.gpu import context  # noqa: E402
from instance_seg_node.gpu.frame_path import STAGES  # noqa: E402
from instance_seg_node.methods.spatial_embedding.decode import Clusterer  # noqa: E402
from instance_seg_node.model_spec import ModelSpec, Thresholds  # noqa: E402
from instance_seg_node.models import find_model  # noqa: E402
from instance_seg_node.training.export import largest_difference  # noqa: E402

HEIGHT, WIDTH = 32, 64


class Gpu:
    """What gpu/context.py opens, of this machine's processor."""

    description = "NVIDIA H200 (sm_90)"

    def __init__(self):
        self.lanes = []

    def lane(self):
        self.lanes.append(CpuDevice(shuffle=len(self.lanes), late=True))
        return self.lanes[-1]


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    monkeypatch.setattr(gpu_times, "WARM_UP", 2)
    monkeypatch.setattr(gpu_times, "BUSY_BYTES", 64)
    monkeypatch.setattr(gpu_times, "MOST_PIECES", 3)
    monkeypatch.setattr(bench, "PAIRED_SIZE", (24, 32))
    monkeypatch.setattr("instance_seg_node.bench.gpu_pair.REPEATS", 1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    spec = write_tiny_model(folder, height=HEIGHT, width=WIDTH)
    return SimpleNamespace(folder=folder, spec=spec, engine=open_engine(folder, spec, device="cpu"))


def run(tiny, **changed):
    options = {"precisions": ["fp16"], "cameras": [1], "sizes": [(64, 128)], "instances": [6], "frames": 1}
    return bench.run(Gpu(), tiny.folder, torch_device="cpu", **options | changed)


def with_plan(monkeypatch, tiny):
    """Plans run, by ONNX Runtime."""
    def opened(lanes, folder, spec, precision, most):
        return [NetworkOnDevice(lane, tiny.engine, spec, most) for lane in lanes], f"plan: ONNX Runtime, {precision}"

    monkeypatch.setitem(gpu_networks.OPENERS, "plan", opened)


def test_each_axis_is_walked_from_the_first_of_the_others():
    points = bench.points(["fp16", "int8"], [1, 8], [(720, 1280)], [30, 10, 100])
    assert [(p.precision, p.cameras, p.size, p.instances) for p in points] == [
        ("fp16", 1, (720, 1280), 30), ("int8", 1, (720, 1280), 30), ("fp16", 8, (720, 1280), 30),
        ("fp16", 1, (720, 1280), 10), ("fp16", 1, (720, 1280), 100)]


def test_a_batch_has_its_stages_the_whole_the_floor_and_the_cpus_ids(tiny, monkeypatch):
    with_plan(monkeypatch, tiny)
    report = run(tiny, cameras=[1, 2])
    assert (report["roofline of"], report["model"], report["input"]) == ("H200", "tiny", [HEIGHT, WIDTH])
    assert [row["cameras"] for row in report["batches"]] == [1, 2]
    for row in report["batches"]:
        assert row["network"] == "plan: ONNX Runtime, fp16"
        assert list(row["stages"]) == list(STAGES)
        for ms in [*row["stages"].values(), row["batch"], row["batch by the host's clock"]]:
            assert 0 < ms["p50"] <= ms["p95"] <= ms["p99"]
        for stage in row["stages"].values():
            assert stage["reached"] == pytest.approx(stage["floor_ms"] / stage["p50"], rel=0.2, abs=1e-4)
        assert row["stages"]["upload"]["link_bytes"] == row["cameras"] * 3 * 64 * 128
        assert row["batch"]["floor_ms"] == pytest.approx(sum(s["floor_ms"] for s in row["stages"].values()))
        assert row["one graph"] and row["ids_equal"] and row["instances_found"] > 2
        assert row["frames_per_s, two batches at once"] > 0
    assert "the CPU's" in text(report) and "fp16: plan: ONNX Runtime" in text(report)
    json.dumps(report)


def test_ids_that_are_not_the_cpus_are_seen(tiny, monkeypatch):
    original = bench.enlarge

    def altered(*arguments):
        instances = original(*arguments)
        instances.scores[0] += np.float32(0.25)
        return instances

    monkeypatch.setattr(bench, "enlarge", altered)
    report = run(tiny, kinds=[])
    assert report["batches"][0]["ids_equal"] is False
    assert "DIFFER" in text(report)


def test_without_a_network_the_kernels_are_measured_and_it_is_said_why(tiny):
    row = run(tiny)["batches"][0]
    assert row["network"].startswith("none: plan: ")
    assert "; torch: torch" in row["network"] and "has no GPU here" in row["network"]
    assert row["stages"]["network"]["bytes"] == 0
    assert row["stages"]["network"]["reached"] is None
    assert row["ids_equal"]


def test_an_unknown_gpu_has_no_floor(tiny, monkeypatch):
    monkeypatch.setattr(Gpu, "description", "NVIDIA A10 (sm_86)")
    report = run(tiny, kinds=[])
    assert report["roofline of"] is None
    assert report["batches"][0]["batch"]["reached"] is None
    assert report["batches"][0]["stages"]["cluster"]["bytes"] > 0
    assert "A10" in text(report)


def test_a_batch_that_fails_is_told_and_the_others_are_measured(tiny):
    report = run(tiny, kinds=[], sizes=[(64, 128), (1, 1)])
    good, failed = report["batches"]
    assert "failed" not in good and "ValueError" in failed["failed"]
    assert "fp16 1 1x1 6: ValueError" in text(report)


def test_drawn_heads_are_clustered_instead_of_the_networks_which_still_runs(tiny):
    device = CpuDevice()
    network = NetworkOnDevice(device, tiny.engine, tiny.spec, most=2)
    drawn = DrawnHeads(device, network, tiny.spec, instances=5)
    expected = drawn_heads(HEIGHT, WIDTH, 5, bandwidths=2, classes=2)
    drawn(2)
    assert network.counts == [2]
    assert drawn.images is network.images
    for name, head in expected.items():
        np.testing.assert_array_equal(device.download(drawn.heads[name]), np.stack([head, head]))


def test_objects_of_drawn_heads_belong_to_the_classes_in_turn():
    one, three = drawn_heads(128, 256, 12), drawn_heads(128, 256, 12, bandwidths=2, classes=3)
    assert [head.shape[0] for head in three.values()] == [2, 2, 3]
    clusters = Clusterer()(**three, thresholds=Thresholds(min_pixels=20))
    assert set(clusters.class_ids) == {0, 1, 2}
    assert len(Clusterer()(**one, thresholds=Thresholds(min_pixels=20)).scores) >= 8 <= len(clusters.scores)


def test_the_first_kind_that_runs_is_taken_and_what_kept_the_others_is_said(tiny, monkeypatch):
    def refuse(*_):
        raise RuntimeError("has no batch of 2")

    def second(lanes, folder, spec, precision, most):
        return [NoNetwork(lane, spec, most) for lane in lanes], "second"

    lanes = [CpuDevice()]
    monkeypatch.setattr(gpu_networks, "OPENERS", {"first": refuse, "second": second})
    networks, what = open_networks(lanes, tiny.folder, tiny.spec, precision="fp16", most=2,
                                   kinds=["first", "second"])
    assert what == "second; no first: RuntimeError: has no batch of 2"
    assert networks[0].images.shape == (2, HEIGHT, WIDTH, 3)


def test_a_network_that_fails_when_it_runs_is_not_taken(tiny, monkeypatch):
    def broken(lanes, folder, spec, precision, most):
        def engine(images):
            raise RuntimeError("refuses a batch")

        return [NetworkOnDevice(lane, engine, spec, most) for lane in lanes], "broken"

    monkeypatch.setattr(gpu_networks, "OPENERS", {"plan": broken})
    networks, what = open_networks([CpuDevice()], tiny.folder, tiny.spec, precision="fp16", most=1, kinds=["plan"])
    assert isinstance(networks[0], NoNetwork)
    assert what == "none: plan: RuntimeError: refuses a batch"


def test_work_is_asked_while_the_device_is_busy_and_timed_without_what_came_before():
    device, done = CpuDevice(), []
    ahead = Ahead(device, lambda: device.ask(lambda: done.append(len(done))))
    before = len(done)
    begin, end = ahead()
    assert len(done) == before + 1
    assert 0 <= device.elapsed_ms(begin, end) < math.inf
    assert len(device_ms(device, lambda: None, 3)) == 3


def test_a_time_is_no_part_of_a_graph():
    device = CpuDevice()
    with pytest.raises(CudaOnCpuError, match="a time is marked while a graph is captured"):
        device.capture(device.mark)


def test_both_ways_of_clustering_find_the_same_ids_on_one_device():
    rows = pairs(CpuDevice(), [(48, 64)], [4, 8], torch_device="cpu")
    assert [(row["height"], row["width"], row["instances"]) for row in rows] == [(48, 64, 4), (48, 64, 8)]
    for row in rows:
        assert row["ids_equal"] and row["instances_found"] > 0
        assert min(row["clustering_ms"], row["torch_loop_ms"], row["clustering_device_ms"]) > 0


def test_without_torch_on_the_gpu_there_is_no_pair():
    assert "has no GPU here" in pairs(CpuDevice(), [(24, 32)], [4])


@pytest.mark.parametrize(("model", "precision", "most"), [("street-erfnet", "fp32", 1e-4), ("street", "fp16", 0.1)])
def test_torch_has_the_network_and_the_weights_of_a_shipped_model(model, precision, most):
    folder = find_model(model)
    spec = ModelSpec.load(folder)
    graph = torch_graph(folder, spec, precision)
    assert max(largest_difference(graph, folder / "model.onnx", spec.input_height, spec.input_width).values()) < most


def test_a_precision_or_a_network_that_torch_has_not_is_said(tiny):
    with pytest.raises(InputError, match="torch runs fp32, fp16 here, not int8"):
        torch_graph(tiny.folder, tiny.spec, "int8")
    with pytest.raises(InputError, match="holds none of the networks erfnet, pyramid"):
        torch_graph(tiny.folder, tiny.spec, "fp32")


@pytest.fixture
def a_gpu(monkeypatch):
    monkeypatch.setattr(gpus, "this_gpu", lambda remedy: None)
    monkeypatch.setattr(context, "Gpu", Gpu)


def test_the_command_prints_one_json_object(tiny, a_gpu, capsys):
    options = ["--precisions", "fp16", "--cameras", "1", "--sizes", "128x64", "--instances", "6", "--frames", "1"]
    assert main(["bench", "gpu", "--model", str(tiny.folder), "--network", "none", *options, "--json"]) == 0
    row, = json.loads(capsys.readouterr().out)["batches"]
    assert (row["size"], row["instances"], row["network"]) == ([64, 128], 6, "none: none was asked for")


def test_the_command_ends_with_1_if_a_batch_failed(tiny, a_gpu, capsys):
    options = ["--precisions", "fp16", "--cameras", "1", "--sizes", "1x1", "--instances", "6", "--frames", "1"]
    assert main(["bench", "gpu", "--model", str(tiny.folder), "--network", "none", *options]) == 1
    assert "ValueError" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "says"), [
    ([], "there is no GPU here"), (["--precisions", "fp8"], "--precisions 'fp8' is not one of fp32, fp16, int8"),
    (["--cameras", "0"], "--cameras '0' is no list of positive numbers"),
    (["--sizes", "1280"], "--sizes '1280' is no list of WIDTHxHEIGHT"),
    (["--network", "tvm"], "--network 'tvm' is not one of auto, plan, torch, none"),
    (["--model", "nosuch"], "model 'nosuch' is neither a shipped model")])
def test_without_a_gpu_or_with_wrong_options_there_is_one_clear_line(options, says, capsys):
    assert main(["bench", "gpu", *options]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
