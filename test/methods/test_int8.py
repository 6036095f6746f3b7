"""What `benchmarks/int8.py` compares with fp32: a network in 8 bits up to its last layers."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from tiny_model import blobs
from torch import nn

from benchmarks import int8, networks
from benchmarks.quantise import CONVOLUTIONS, last_layers, quantise
from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.engines import open_engine
from instance_seg_node.errors import InputError
from instance_seg_node.frame import Frame
from instance_seg_node.methods.spatial_embedding.network import SpatialEmbedding, coordinates
from instance_seg_node.methods.spatial_embedding.networks.branched import Branched
from instance_seg_node.model_spec import ModelSpec, Provenance, Thresholds
from instance_seg_node.segmenter import open_segmenter
from instance_seg_node.training.export import write_onnx

HEIGHT, WIDTH = 32, 64
IMAGES = np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="module")
def fp32_model(tmp_path_factory):
    """Folder of two convolutions and two branches, which end as networks of NETWORKS do and in a convolution."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1),
                            nn.ReLU())
    branches = [nn.Sequential(nn.ConvTranspose2d(16, 4, 2, stride=2)),
                nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16, len(CLASSES), 1))]
    folder = tmp_path_factory.mktemp("fp32")
    graph = SpatialEmbedding(Branched(encoder, branches), 2, HEIGHT, WIDTH).eval()
    write_onnx(graph, folder / "model.onnx", HEIGHT, WIDTH)
    ModelSpec(name="convolutions", input_height=HEIGHT, input_width=WIDTH, classes=CLASSES,
              thresholds=Thresholds(foreground=0, seed=0, min_pixels=2),
              provenance=Provenance(data="none", licence="Apache-2.0", command="pytest")).save(folder)
    return folder


@pytest.fixture(scope="module")
def int8_model(fp32_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    quantise(fp32_model, IMAGES[:2], folder)
    return folder


def graph_of(folder):
    """Its nodes, its initializers as arrays by name, and the node that makes each tensor."""
    graph = onnx.load(folder / "model.onnx").graph
    return (list(graph.node), {i.name: numpy_helper.to_array(i) for i in graph.initializer},
            {output: node for node in graph.node for output in node.output})


def raw_of(folder):
    """What the network gave before its decoding, by head, float (N, channels, H, W)."""
    heads = open_engine(folder, ModelSpec.load(folder), device="cpu")(IMAGES)
    return {"offset": np.arctanh(heads["embedding"] - coordinates(HEIGHT, WIDTH).numpy()),
            "bandwidth": np.log(heads["bandwidth"]) / 10, "seed": np.log(heads["seed"] / (1 - heads["seed"]))}


def test_network_in_8_bits_gives_nearly_the_heads_of_fp32(fp32_model, int8_model):
    # Rounding errs by 0.29 of a step: 0.8 % of weights that are spread over 127 of them, 0.3 % of activations that are
    # 85 on average. Two of each, in squares: 1.2 %. After a ReLU all are positive, and vary by half of what they are:
    # 2.4 % of that. As much again for an image that was not calibrated.
    expected = raw_of(fp32_model)
    for head, found in raw_of(int8_model).items():
        difference = np.sqrt(np.square(found - expected[head]).mean())
        assert 0 < difference < 0.05 * expected[head].std(axis=(0, 2, 3)).mean()


def test_last_convolutions_and_decoding_stay_in_fp32(int8_model):
    nodes, initializers, maker = graph_of(int8_model)
    tensors, last = ["embedding", "bandwidth", "seed"], []
    while tensors:
        node = maker.get(tensors.pop())
        if node is None:
            continue
        assert node.op_type not in ("QuantizeLinear", "DequantizeLinear")
        if node.op_type in CONVOLUTIONS:
            last.append(node.op_type)
            assert initializers[node.input[1]].dtype == np.float32
        else:
            tensors += node.input
    assert set(last) == set(CONVOLUTIONS)


def test_bytes_become_numbers_from_0_to_1_before_anything_is_rounded(int8_model):
    nodes, initializers, _ = graph_of(int8_model)
    kinds, tensor = [], "image"
    while kinds[-1:] != ["QuantizeLinear"]:
        node = next(node for node in nodes if tensor in node.input)
        kinds.append(node.op_type)
        tensor = node.output[0]
    assert kinds == ["Cast", "Transpose", "Div", "QuantizeLinear"]
    assert initializers[node.input[1]] == pytest.approx(1 / 255)  # no byte is lost


def test_all_other_convolutions_have_weights_of_7_bits_with_a_step_for_each_channel(int8_model):
    nodes, initializers, maker = graph_of(int8_model)
    convolutions = [node for node in nodes if node.op_type in CONVOLUTIONS and node.input[1] in maker]
    assert len(convolutions) == 2
    for node in convolutions:
        activations, weights = (maker[name] for name in node.input[:2])
        values, steps, _ = (initializers[name] for name in weights.input)
        assert values.dtype == np.int8
        assert 60 < np.abs(values.astype(int)).max() <= 64
        assert steps.shape == values.shape[:1]
        assert initializers[activations.input[2]].dtype == np.uint8


def test_layers_that_no_convolution_follows_are_the_last():
    def node(kind, reads, writes):
        return onnx.helper.make_node(kind, reads, [writes], name=writes)

    nodes = [node("Cast", ["image"], "real"), node("Conv", ["real", "w"], "first"), node("Relu", ["first"], "relu"),
             node("Conv", ["relu", "w"], "a"), node("Conv", ["relu", "w"], "between"),
             node("ConvTranspose", ["between", "w"], "b"), node("Concat", ["a", "b"], "raw"), node("Exp", ["raw"], "c")]
    assert set(last_layers(onnx.helper.make_graph(nodes, "", [], []))) == {"a", "b", "raw", "c"}


@pytest.mark.parametrize("ratio, lost, kept", [(2.5, 0.99, True), (2.49, 0, False), (4, 1, False), (2.5, -3, True)])
def test_8_bits_are_kept_if_2_5_times_as_fast_for_less_than_a_point_of_ap(ratio, lost, kept):
    assert int8.is_kept(ratio, lost) is kept


def test_what_is_lost_is_in_points_of_ap(model, monkeypatch):
    monkeypatch.setattr(networks, "FRAMES", 1)
    fp32, blind = open_segmenter(model), open_segmenter(model)
    [found] = fp32([Frame(blobs())])
    blind.thresholds = Thresholds(min_pixels=10 ** 6)
    results = int8.compared(fp32, blind, [LabelledImage(blobs(), found.id_map, found.class_ids)])
    assert (results["fp32 AP"], results["INT8 AP"], results["AP lost"]) == pytest.approx((100, 0, 100))
    assert results["kept"] is False


def test_calibration_and_test_are_on_streets_that_no_training_has_seen(fp32_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(int8, "RESULTS", tmp_path / "int8.json")
    monkeypatch.setattr(networks, "FRAMES", 1)
    int8.main([str(fp32_model), "--calibration", "2", "--streets", "1", "--scenes", str(tmp_path), "--json"])
    results = json.loads((tmp_path / "int8.json").read_text())["results"]
    assert results == json.loads(capsys.readouterr().out)
    assert results["kept"] == int8.is_kept(results["fp32 / INT8"], results["AP lost"])
    assert sorted(file.name for file in tmp_path.rglob("*.npz")) == [
        "32x64_4000000.npz", "32x64_4000001.npz", "32x64_5000000.npz"]


def test_a_model_that_is_none_is_named():
    with pytest.raises(InputError, match="'models/none' is neither a shipped model nor a model folder"):
        int8.main(["models/none"])
