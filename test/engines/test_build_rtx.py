"""Plans by TensorRT for RTX, built with no GPU."""

import importlib.util
import re

import pytest
from conv_model import conv_graph, quantised, write_conv_model
from tiny_model import write_tiny_model

from instance_seg_node.cli import main
from instance_seg_node.engines.build_trt import serialise
from instance_seg_node.engines.half import half
from instance_seg_node.engines.plans import find_or_build, is_kept, read_plan
from instance_seg_node.engines.runtimes import RUNTIMES
from instance_seg_node.errors import InputError
from instance_seg_node.models import shipped

RTX = RUNTIMES["tensorrt-rtx"]

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("tensorrt_rtx"),
                                reason="TensorRT for RTX is not installed; the extra build has it where it has a wheel")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return write_conv_model(tmp_path / "small")


@pytest.mark.parametrize("model", shipped(), ids=lambda path: path.name)
def test_shipped_models_are_built_in_fp16(model, tmp_path, capsys):
    out = tmp_path / "out.plan"
    assert main(["build", str(model), "--precision", "fp16", "--gpu", "sm_86,sm_120", "--cameras", "4", "--runtime",
                 "tensorrt-rtx", "--out", str(out), "--report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    print(lines[-1])
    assert re.fullmatch(rf"built in [\d.]+ s: {out} \(fp16, tensorrt-rtx [\d.]+, sm_86 sm_120, batches of 1 to 4, "
                        r"\d+\.\d MB\)", lines[-1])
    assert re.fullmatch(r"\d+ HALF, \d+ FLOAT, \d+ INT64", lines[-2])
    kinds = [line.split()[0] for line in lines if " CONVOLUTION " in line or " DECONVOLUTION " in line]
    assert set(kinds) == {"HALF"}
    decoding = [line.split()[0] for line in lines if re.search(r" (UNARY|ELEMENTWISE) +node_(exp|mul)", line)]
    assert decoding == ["FLOAT", "FLOAT"]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_each_precision_is_built_from_types_alone(precision, folder, tmp_path):
    if precision == "int8":
        write_conv_model(folder, quantised(tmp_path / "quantised.onnx"))
    plan = find_or_build(folder, precision=precision, gpu="sm_86", runtime="tensorrt-rtx")
    assert plan.built
    assert plan.content[:4] == b"vtrt"


def test_a_plan_is_kept_once_it_was_built_and_only_as_it_was_asked_for(folder):
    asked = {"precision": "fp16", "gpu": "sm_86", "runtime": "tensorrt-rtx"}
    assert not is_kept(folder, **asked)
    plan = find_or_build(folder, **asked)
    assert is_kept(folder, **asked)
    assert not is_kept(folder, **asked, cameras=2)
    plan.path.write_bytes(plan.path.read_bytes()[:-1])
    assert not is_kept(folder, **asked)


@pytest.mark.parametrize("gpu", ["sm_75", "sm_80", "sm_86", "sm_89", "sm_120", "sm_75,sm_120"])
def test_plans_are_built_for_every_gpu_of_the_runtime(gpu):
    assert serialise(RTX, half(conv_graph()).SerializeToString(), gpus=gpu.split(","), cameras=2)


def test_sm_90_is_not_in_the_list_of_tensorrt_for_rtx(folder, capsys):
    assert main(["build", str(folder), "--gpu", "sm_90", "--runtime", "tensorrt-rtx"]) == 2
    assert "has no sm_90 (H100, H200), only sm_75, sm_80, sm_86, sm_89, sm_120" \
        in capsys.readouterr().err


def test_a_second_build_takes_what_is_there(folder, capsys):
    words = ["build", str(folder), "--gpu", "sm_86", "--runtime", "tensorrt-rtx"]
    assert main(words) == main(words) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("built in ")
    assert second.startswith("already there: ")


def test_a_stale_plan_is_not_taken_after_the_model_has_changed(folder):
    first = find_or_build(folder, precision="fp32", gpu="sm_86", runtime="tensorrt-rtx")
    changed = conv_graph()
    changed.graph.name = "changed"
    write_conv_model(folder, changed)
    second = find_or_build(folder, precision="fp32", gpu="sm_86", runtime="tensorrt-rtx")
    assert second.built
    assert second.path != first.path
    with pytest.raises(InputError, match="was made for model.onnx .*Build it again"):
        read_plan(first.path, second.key)


def test_a_graph_of_a_fixed_batch_is_built_for_that_batch_alone():
    network = conv_graph(batch="2").SerializeToString()
    assert serialise(RTX, network, gpus=["sm_86"], cameras=2)
    with pytest.raises(InputError, match="takes batches of 2 alone, not of 1 to 3. Export it again"):
        serialise(RTX, network, gpus=["sm_86"], cameras=3)


def test_a_graph_that_the_parser_does_not_take_is_an_error_with_its_reason(tmp_path):
    network = quantised(tmp_path / "model.onnx", biases=True).SerializeToString()
    with pytest.raises(InputError, match="the ONNX parser does not take it: .*stem_bias_DequantizeLinear"):
        serialise(RTX, network, gpus=["sm_86"])


def test_a_model_without_convolutions_is_built_in_fp32_and_refused_in_fp16(tmp_path):
    write_tiny_model(tmp_path / "tiny")
    assert find_or_build(tmp_path / "tiny", precision="fp32", gpu="sm_86", runtime="tensorrt-rtx").built
    with pytest.raises(InputError, match="tiny/model.onnx, fp16: the graph has no convolution"):
        find_or_build(tmp_path / "tiny", precision="fp16", gpu="sm_86", runtime="tensorrt-rtx")
