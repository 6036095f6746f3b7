"""A run that starts from a model folder: the network computes what the model does, and its norms can learn again."""

import pytest
import torch
import yaml
from torch import nn

from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.datasets.streets import scene
from instance_seg_node.errors import InputError
from instance_seg_node.methods.spatial_embedding.network import SpatialEmbedding
from instance_seg_node.models import find_model
from instance_seg_node.training.batches import images_of
from instance_seg_node.training.checkpoint import load_network, network_of
from instance_seg_node.training.export import LARGEST_DIFFERENCE, largest_difference
from instance_seg_node.training.recipe import Recipe
from instance_seg_node.training.start import load_weights
from instance_seg_node.training.train import train

STREETS = {"name": "tiny", "network": "pyramid", "input_height": 256, "input_width": 512, "stages": [{
    "steps": 2, "batch": 2, "crop_height": 64, "crop_width": 64, "learning_rate": 1e-9}],
    "scenes": {"training": 2, "validation": 1, "test": 1, "height": 64, "width": 128}, "dropout": 0.0}

NETWORKS = {"street": "pyramid", "street-erfnet": "erfnet"}


def images(seeds, height=64, width=128):
    return images_of([scene(seed, height, width) for seed in seeds])


@pytest.fixture(scope="module", params=["street", "street-erfnet"])
def started(request):
    """The network of a shipped model, the origin of its weights and its graph."""
    network = network_of(Recipe.model_validate(STREETS | {"network": NETWORKS[request.param]}))
    model = find_model(request.param)
    return network, load_weights(model, CLASSES, network, [images([1, 2]), images([3, 4])]), model / "model.onnx"


def test_the_network_computes_what_the_model_does(started):
    network, _, graph = started
    found = largest_difference(SpatialEmbedding(network, 2, 256, 512).eval(), graph, 256, 512)
    assert max(found.values()) < LARGEST_DIFFERENCE


def test_folded_norms_have_the_statistics_of_the_images(started):
    network, *_ = started
    norm = network.encoder[2].layers[3] if isinstance(network.encoder, nn.Sequential) else network.encoder.stem[1]
    seen = []
    hook = norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.eval()(images([1, 2, 3, 4]))
    hook.remove()
    torch.testing.assert_close(norm.running_mean, seen[0].mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm.running_var, seen[0].var((0, 2, 3), correction=0), rtol=1e-3, atol=1e-3)
    assert (norm.running_var > 0.01).any()


def test_in_training_it_computes_nearly_the_same_on_such_images(started):
    network, *_ = started
    batch = images([1, 2, 3, 4])
    with torch.no_grad():
        evaluated = network.eval()(batch)
        trained = network.train()(batch)
    network.eval()
    assert (trained - evaluated).abs().median() < 0.1 * evaluated.abs().median()
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_the_origin_is_that_of_the_models_card(started):
    _, origin, _ = started
    card = origin.provenance("instance-seg export a b")
    assert card.data.count("nothing else") == 1 and "generated streets" in card.data
    assert card.licence == "Apache-2.0"
    assert card.command.endswith(" && instance-seg export a b")


def test_a_run_may_start_from_a_model_folder_and_hardly_changes_it_at_a_tiny_rate(tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(STREETS | {"average": 0.9}))
    trained = load_network(train(recipe, tmp_path / "run", start_from=find_model("street")))
    found = largest_difference(SpatialEmbedding(trained.network, 2, 256, 512).eval(),
                               find_model("street") / "model.onnx", 256, 512)
    assert 0 < found["embedding"] < 0.05  # its norms have followed two batches
    assert "--start-from" in trained.origin.commands[-1]


def test_a_model_without_readable_weights_is_refused(tmp_path):
    (tmp_path / "model.yaml").write_text((find_model("street") / "model.yaml").read_text())
    (tmp_path / "model.onnx").write_bytes(b"hello")
    with pytest.raises(InputError, match="model.onnx cannot be read as ONNX.*Export the model again"):
        load_weights(tmp_path, CLASSES, network_of(Recipe.model_validate(STREETS)), [])


@pytest.mark.parametrize("other", [{"bandwidths": 1}, {"network": "erfnet"}])
def test_a_model_of_another_network_is_refused(other):
    network = network_of(Recipe.model_validate(STREETS | other))
    with pytest.raises(InputError, match="street holds another network than the recipe's"):
        load_weights(find_model("street"), CLASSES, network, [])


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="model.yaml cannot be read"):
        load_weights(tmp_path, CLASSES, network_of(Recipe.model_validate(STREETS)), [])
