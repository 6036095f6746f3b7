"""Training on labelled images of one's own: a folder with two classes, written here. What is learned is no matter."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.errors import InputError
from instance_seg_node.model_spec import ModelSpec, ObjectClass
from instance_seg_node.training import train as module
from instance_seg_node.training import validate as validation
from instance_seg_node.training.checkpoint import network_of, save_checkpoint
from instance_seg_node.training.export import export
from instance_seg_node.training.images import open_data
from instance_seg_node.training.learner import Learner
from instance_seg_node.training.origin import origin_of
from instance_seg_node.training.recipe import Recipe
from instance_seg_node.training.start import load_weights
from instance_seg_node.training.train import train

RECIPES = Path(__file__).parents[2] / "config" / "recipes"
STREETS = {"name": "tiny", "input_height": 32, "input_width": 64,
           "scenes": {"training": 3, "validation": 1, "test": 1, "height": 48, "width": 96},
           "stages": [{"steps": 3, "batch": 2, "crop_height": 32, "crop_width": 32}], "validate_every": 2}
LABELS = {"classes": [{"name": "cat", "color": [9, 8, 7]}, {"name": "ball", "color": [1, 2, 3]}], "divisor": 1000}


def write_labels(folder, height=40, width=56):
    """Three photos for training, one for validation; on each a cat and a ball."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for k, name in enumerate(("a", "b", "c", "held_out")):
        ids = np.zeros((height, width), np.uint16)
        ids[4:20, 5 + k:25 + k], ids[22:36, 30 - k:50 - k] = 1001, 2001
        rgb = np.stack([ids % 251] * 3, axis=2).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{name}.png"), rgb)
        cv2.imwrite(str(folder / "masks" / f"{name}.png"), ids)
    (folder / "classes.yaml").write_text(yaml.safe_dump(LABELS))
    (folder / "train.txt").write_text("a\nb\nc\n")
    (folder / "val.txt").write_text("held_out\n")
    return folder


def on(labels, **data):
    """A recipe's changes for these labels."""
    splits = {"training": str(labels), "training_split": "train", "validation": str(labels), "validation_split": "val"}
    return {"scenes": None, "data": splits | data, "licence": "my own"}


def written(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(STREETS | changes))
    return path


def weights_of(checkpoint):
    return torch.load(checkpoint, weights_only=True)["network"]


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return write_labels(tmp_path_factory.mktemp("own") / "pets")


@pytest.fixture(scope="module")
def trained(labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return train(written(folder, **on(labels)), folder / "run")


def test_training_is_noted_with_the_classes_of_the_labels(trained):
    header, *rows = (trained.parent / "progress.csv").read_text().splitlines()
    assert header == "step,loss,instance,variance,seed,AP,AP50,AP50 cat,AP50 ball"
    assert [row.split(",")[0] for row in rows] == ["2", "3"]
    assert all(float(row.split(",")[1]) > 0 for row in rows)


def test_the_exported_model_has_the_classes_and_tells_the_data_and_its_licence(trained, labels, tmp_path):
    export(trained, tmp_path / "model")
    spec = ModelSpec.load(tmp_path / "model")
    assert [c.model_dump(mode="json") for c in spec.classes] == LABELS["classes"]
    assert spec.provenance.data == f"labelled images of {labels} (split train), nothing else"
    assert spec.provenance.licence == "my own"
    assert spec.provenance.command.startswith("instance-seg train ")


def test_interrupted_run_ends_with_the_same_weights(trained, labels, tmp_path, monkeypatch):
    steps = module._step

    def interrupted(learner, crops, recipe, step):
        if step == 2:
            raise KeyboardInterrupt
        return steps(learner, crops, recipe, step)

    recipe = written(tmp_path, **on(labels))
    monkeypatch.setattr(module, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run")
    monkeypatch.setattr(module, "_step", steps)
    resumed = weights_of(train(recipe, tmp_path / "run", resume=True))
    for name, weights in weights_of(trained).items():
        assert torch.equal(resumed[name], weights), name


def test_resuming_on_labels_whose_classes_have_changed_is_refused(trained, labels):
    before = (labels / "classes.yaml").read_text()
    try:
        (labels / "classes.yaml").write_text(before.replace("ball", "dog"))
        with pytest.raises(InputError, match=r"on data of the classes cat, ball, which now has cat, dog\. Restore"):
            train(trained.parent.parent / "tiny.yaml", trained.parent, resume=True)
    finally:
        (labels / "classes.yaml").write_text(before)


def test_classes_of_the_recipe_choose_and_order_those_of_the_labels(labels):
    both, ball = (open_data(Recipe.model_validate(STREETS | on(labels, classes=names)))
                  for names in (["ball", "cat"], ["ball"]))
    assert [[c.name for c in dataset.classes] for dataset in (*both, *ball)] == [["ball", "cat"]] * 2 + [["ball"]] * 2
    assert [len(dataset) for dataset in both] == [3, 1]
    assert [dataset[0].class_ids.tolist() for dataset in (*both, *ball)] == [[1, 0]] * 2 + [[0]] * 2


@pytest.mark.parametrize(("classes", "count", "names"), [(None, 2, "cat, ball"), (["ball"], 1, "ball")])
def test_weights_for_another_number_of_classes_are_refused_before_training(labels, tmp_path, classes, count, names):
    recipe = written(tmp_path, **on(labels, classes=classes), loss={"foreground_weight": [1, 2, 3]})
    with pytest.raises(InputError, match=f"3 weights for {count} classes; give one, or one per class: {names}"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_one_per_class_of_the_labels_are_taken(labels):
    recipe = Recipe.model_validate(STREETS | on(labels) | {"loss": {"foreground_weight": [3, 4]}})
    assert open_data(recipe) is not None and recipe.loss.foreground_weight == (3, 4)


@pytest.mark.parametrize("changes", [{"data": None}, {"scenes": STREETS["scenes"]}])
def test_a_recipe_with_neither_or_both_of_scenes_and_data_is_refused(labels, tmp_path, changes):
    with pytest.raises(InputError, match="give `scenes`, .* or `data`, .*: one of the two"):
        Recipe.load(written(tmp_path, **on(labels) | changes))


@pytest.mark.parametrize("licence", [{}, {"licence": " "}])
def test_a_recipe_with_data_must_state_the_licence(labels, tmp_path, licence):
    changes = {name: value for name, value in on(labels).items() if name != "licence"}
    with pytest.raises(InputError, match="`data` needs `licence`"):
        Recipe.load(written(tmp_path, **changes | licence))


def test_more_classes_than_a_class_map_holds_are_refused(tmp_path, monkeypatch):
    class Many:
        classes = tuple(ObjectClass(name=str(i), color=(0, 0, 0)) for i in range(256))

    monkeypatch.setattr("instance_seg_node.training.images.open_dataset", lambda *_, **__: Many)
    with pytest.raises(InputError, match=r"has 256 classes, and a model at most 255\. Name those .* in data\.classes"):
        open_data(Recipe.model_validate(STREETS | on("many")))


@pytest.mark.parametrize("name", ["b", "held_out"])
def test_a_broken_label_ends_the_run_with_its_name(tmp_path, name):
    labels = write_labels(tmp_path / "pets")
    (labels / "masks" / f"{name}.png").write_bytes(b"no picture")
    recipe = written(tmp_path, **on(labels), stages=[STREETS["stages"][0] | {"batch": 8}])
    with pytest.raises(InputError, match=f"masks/{name}.png"):
        train(recipe, tmp_path / "run")


class Recorder(torch.nn.Module):
    """A network that finds nothing and keeps what it was given."""

    def forward(self, image):
        self.image = image
        return torch.full((1, 6, *image.shape[2:]), -9.0)


@pytest.mark.parametrize("size", [(32, 64), (64, 128), (48, 50)])
def test_validation_runs_at_the_input_size_and_judges_at_that_of_the_labels(monkeypatch, size):
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    ids = np.zeros(size, np.uint16)
    ids[:20, :20] = 1
    judged = []
    monkeypatch.setattr(validation.CocoPrecision, "add", lambda _, found, truth: judged.append(found.id_map.shape))
    network, recipe = Recorder(), Recipe.model_validate(STREETS)
    validation.validate(network, recipe, [LabelledImage(rgb, ids, np.array([0]))], CLASSES[:2])
    assert network.image.shape == (1, 3, 32, 64) and judged == [size]
    if size == (32, 64):
        assert torch.equal(network.image[0], torch.from_numpy(rgb).permute(2, 0, 1).float() / 255)


def checkpoint_of_streets(path):
    """As the first step leaves it, without any step. Returns the network too."""
    recipe = Recipe.model_validate(STREETS)
    network = network_of(recipe)
    save_checkpoint(path, recipe, CLASSES, origin_of(recipe, "instance-seg train a.yaml"), Learner(network, recipe), 0)
    return network


def test_starting_from_other_classes_matches_seed_maps_by_name(tmp_path):
    streets = checkpoint_of_streets(tmp_path / "streets.pt")
    classes = [ObjectClass(name=name, color=(0, 0, 0)) for name in ("dog", "car", "person")]
    network = network_of(Recipe.model_validate(STREETS), classes)
    fresh = network.branches[1][-1].weight.detach().clone()
    load_weights(tmp_path / "streets.pt", classes, network, [])
    seeds, theirs = network.branches[1][-1].weight, streets.branches[1][-1].weight
    assert torch.equal(seeds[:, 0], fresh[:, 0])
    assert torch.equal(seeds[:, 1], theirs[:, 2]) and torch.equal(seeds[:, 2], theirs[:, 0])
    others = {name: weights for name, weights in network.state_dict().items() if not name.startswith("branches.1.6.")}
    assert len(others) == len(network.state_dict()) - 2
    for name, weights in others.items():
        assert torch.equal(weights, streets.state_dict()[name]), name


def test_the_card_of_weights_trained_further_tells_all_data_and_all_licences(tmp_path, labels):
    checkpoint_of_streets(tmp_path / "streets.pt")
    recipe = Recipe.model_validate(STREETS | on(labels))
    classes = open_data(recipe)[0].classes
    further = load_weights(tmp_path / "streets.pt", classes, network_of(recipe, classes), []).followed_by(
        origin_of(recipe, "instance-seg train b.yaml --start-from streets.pt"))
    card = further.provenance("instance-seg export c.pt model")
    assert card.data == ("3 generated streets (instance_seg_node.datasets.street), then labelled images of "
                         f"{labels} (split train), nothing else")
    assert card.licence == "Apache-2.0 and my own"
    assert card.command == ("instance-seg train a.yaml && instance-seg train b.yaml --start-from streets.pt && "
                            "instance-seg export c.pt model")


def test_the_recipe_of_streets_equals_what_it_was_before_own_labels():
    recipe = Recipe.load(RECIPES / "street.yaml")
    before = recipe.model_dump(mode="json")
    assert before.pop("data") is None
    assert Recipe.model_validate_json(json.dumps(before)) == recipe


def test_the_recipe_for_pennfudan_learns_people_of_its_training_split(monkeypatch):
    recipe = Recipe.load(RECIPES / "pennfudan.yaml")
    assert "research only" in recipe.licence
    monkeypatch.chdir(RECIPES.parents[1])
    if not Path(recipe.data.training).exists():
        pytest.skip(f"{recipe.data.training} is not here")
    training, held_out = open_data(recipe)
    assert [c.name for c in training.classes] == ["person"] and (len(training), len(held_out)) == (136, 34)
