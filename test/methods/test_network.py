"""METHODS 1.2, 1.3, 2 and 3: the network and the decoding in its exported graph."""

import numpy as np
import onnxruntime
import pytest
import torch

from instance_seg_node.methods.spatial_embedding.network import SpatialEmbedding, coordinates, spatial_embedding_network
from instance_seg_node.methods.spatial_embedding.networks import NETWORKS, STRIDES
from instance_seg_node.methods.spatial_embedding.networks.erfnet import branched_erfnet
from instance_seg_node.training.export import largest_difference, write_onnx


@pytest.mark.parametrize("branches, parameters", [((3, 1), 2_252_128), ((4, 1), 2_252_193), ((3, 8), 2_252_583),
                                                  ((4, 8), 2_252_648)])
def test_parameter_counts_are_those_of_branched_erfnet(branches, parameters):
    assert sum(p.numel() for p in branched_erfnet(branches).parameters()) == parameters


@pytest.mark.parametrize("network", NETWORKS)
def test_any_list_of_heads_at_the_size_of_the_image(network):
    stride = STRIDES[network]
    with torch.no_grad():
        heads = NETWORKS[network]((2, 3, 4)).eval()(torch.zeros(1, 3, 2 * stride, 5 * stride))
    assert heads.shape == (1, 9, 2 * stride, 5 * stride)


def test_pyramid_sees_a_large_near_vehicle_whole():
    pyramid = NETWORKS["pyramid"]((3,)).eval()
    image = torch.rand(1, 3, 512, 512, requires_grad=True)
    pyramid(image)[0, 0, 256, 256].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero()[:, 0]
    assert rows.max() - rows.min() + 1 >= 400


def test_encoder_sees_nothing_of_the_image_beyond_its_receptive_field_of_1183_pixels():
    encoder = branched_erfnet((3,)).encoder.eval()
    image = torch.zeros(1, 3, 8, 1600, requires_grad=True)
    encoder(image)[0, :, 0, 100].sum().backward()
    seen = image.grad.abs().sum((0, 1, 2)).nonzero()[:, 0]
    assert seen.max() - seen.min() + 1 <= 1183


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("bandwidths", [1, 2])
def test_pixels_start_by_pointing_at_themselves_with_a_margin_of_5_7_pixels(bandwidths, network):
    graph = SpatialEmbedding(spatial_embedding_network(bandwidths, 1, network=network), bandwidths, 32, 64).eval()
    with torch.no_grad():
        embedding, bandwidth, _ = graph(torch.randint(0, 256, (1, 32, 64, 3), dtype=torch.uint8))
    assert torch.equal(embedding[0], coordinates(32, 64))
    margin_px = 1023 * (np.log(2) / bandwidth).sqrt()
    assert torch.allclose(margin_px, torch.tensor(5.74), atol=0.01)


def test_coordinates_have_the_same_pitch_at_every_size():
    assert torch.equal(coordinates(1024, 2048)[:, :256, :512], coordinates(256, 512))
    assert coordinates(1024, 2048)[0, 0, -1] == 2 and coordinates(1024, 2048)[1, -1, 0] == 1


@pytest.fixture(scope="module", params=NETWORKS)
def graph(request):
    torch.manual_seed(0)
    network = spatial_embedding_network(2, 3, network=request.param)
    for parameter in network.parameters():
        parameter.data += 0.005 * torch.randn_like(parameter)
    return SpatialEmbedding(network, 2, 32, 64).eval()


@pytest.fixture(scope="module")
def onnx_file(graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    write_onnx(graph, path, 32, 64)
    return path


def test_exported_graph_agrees_with_torch_within_2e_5_per_head(graph, onnx_file):
    difference = largest_difference(graph, onnx_file, 32, 64)
    assert difference["embedding"] < 2e-5
    assert difference["bandwidth"] < 2e-5  # relative
    assert difference["seed"] < 2e-5


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_exported_graph_takes_any_batch_and_each_image_stands_alone(onnx_file, batch):
    session = onnxruntime.InferenceSession(onnx_file)
    images = np.random.default_rng(1).integers(0, 256, (batch, 32, 64, 3), np.uint8)
    together = session.run(None, {"image": images})
    assert [head.shape for head in together] == [(batch, c, 32, 64) for c in (2, 2, 3)]
    alone = session.run(None, {"image": images[-1:]})
    for head, single in zip(together, alone, strict=True):
        assert np.allclose(head[-1:], single, rtol=1e-4, atol=1e-6)
