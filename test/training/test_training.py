"""Training by a recipe: seeded, resumable, exported. The recipe here is tiny; what it learns does not matter."""

import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.engines import open_engine
from instance_seg_node.errors import InputError
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.training.augment import random_crop
from instance_seg_node.training.checkpoint import load_network
from instance_seg_node.training.checkpoint import network_of as checkpoint_network
from instance_seg_node.training.export import export
from instance_seg_node.training.guidance import guidance
from instance_seg_node.training.learner import Learner
from instance_seg_node.training.recipe import Recipe, Stage, stage_of
from instance_seg_node.training.scenes import split_seeds
from instance_seg_node.training.train import _loss, train

TINY = {"name": "tiny", "input_height": 32, "input_width": 64,
        "scenes": {"training": 3, "validation": 1, "test": 1, "height": 48, "width": 96},
        "stages": [{"steps": 3, "batch": 2, "crop_height": 32, "crop_width": 32},
                   {"steps": 1, "batch": 1, "crop_height": 32, "crop_width": 64, "freeze_batch_norm": True}],
        "validate_every": 2}


def written(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY | changes))
    return path


def network_of(checkpoint):
    return torch.load(checkpoint, weights_only=True)["network"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return train(written(folder), folder / "run")


def test_interrupted_run_ends_with_the_same_weights(trained, tmp_path, monkeypatch):
    from instance_seg_node.training import train as module

    steps = module._step

    def interrupted(learner, crops, recipe, step):
        if step == 2:
            raise KeyboardInterrupt
        return steps(learner, crops, recipe, step)

    recipe = written(tmp_path)
    monkeypatch.setattr(module, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run")
    monkeypatch.setattr(module, "_step", steps)
    resumed = network_of(train(recipe, tmp_path / "run", resume=True))
    for name, weights in network_of(trained).items():
        assert torch.equal(resumed[name], weights), name


def test_training_changes_the_weights_and_notes_loss_and_validation(trained):
    fresh_bias = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert not torch.equal(network_of(trained)["branches.0.6.bias"], fresh_bias)
    header, *rows = (trained.parent / "progress.csv").read_text().splitlines()
    assert header.startswith("step,loss,instance,variance,seed,AP,AP50")
    assert [row.split(",")[0] for row in rows] == ["2", "4"]


def test_a_second_run_does_not_overwrite_the_first(trained):
    with pytest.raises(InputError, match="is there already.*--resume"):
        train(trained.parent.parent / "tiny.yaml", trained.parent)


def test_resuming_with_another_recipe_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match="trained by another recipe"):
        train(written(tmp_path, weight_decay=0.5), trained.parent, resume=True)


def weights_before_the_first_step(monkeypatch, recipe, out, **options):
    """What a run starts with. It ends there."""
    def seen(learner, *_):
        raise StopIteration({name: weights.clone() for name, weights in learner.network.state_dict().items()})

    monkeypatch.setattr("instance_seg_node.training.train._step", seen)
    with pytest.raises(StopIteration) as stopped:
        train(recipe, out, **options)
    return stopped.value.value


def test_a_run_that_starts_from_another_starts_with_its_weights(trained, tmp_path, monkeypatch):
    recipe = written(tmp_path, seed=7, loss={"seed_error": "cross_entropy"})
    first = weights_before_the_first_step(monkeypatch, recipe, tmp_path / "run", start_from=trained)
    for name, weights in network_of(trained).items():
        assert torch.equal(first[name], weights), name
    fresh = weights_before_the_first_step(monkeypatch, recipe, tmp_path / "run")
    assert not torch.equal(fresh["encoder.0.conv.weight"], first["encoder.0.conv.weight"])


def test_starting_from_another_network_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match="checkpoint.pt holds another network than the recipe's"):
        train(written(tmp_path, bandwidths=1), tmp_path / "run", start_from=trained)


def test_a_run_that_has_begun_does_not_start_from_another(trained, tmp_path):
    with pytest.raises(InputError, match="has not started from .*other.pt: it comes of .*To go on with it"):
        train(written(tmp_path), trained.parent, resume=True, start_from=tmp_path / "other.pt")


def test_one_call_begins_a_run_from_another_and_goes_on_with_it(trained, tmp_path):
    call = written(tmp_path, seed=7), tmp_path / "run"
    begun = network_of(train(*call, resume=True, start_from=trained))
    for name, weights in network_of(train(*call, resume=True, start_from=trained)).items():
        assert torch.equal(begun[name], weights), name


@pytest.mark.parametrize("changes", [{"input_height": 48}, {"stages": [TINY["stages"][0] | {"crop_width": 40}]}])
def test_sizes_that_the_network_cannot_halve_so_often_are_refused(tmp_path, changes):
    Recipe.load(written(tmp_path, network="erfnet", **changes))
    with pytest.raises(InputError, match="pyramid needs input and crops .* multiples of 32"):
        Recipe.load(written(tmp_path, network="pyramid", **changes))


def test_a_shipped_model_may_be_named(tmp_path):
    recipe = written(tmp_path, input_height=256, input_width=512)
    assert "--start-from street-erfnet" in load_network(
        train(recipe, tmp_path / "run", start_from="street-erfnet")).origin.commands[-1]


def test_starting_from_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "bad.pt").write_bytes(b"hello")
    with pytest.raises(InputError, match="bad.pt is not a checkpoint"):
        train(written(tmp_path), tmp_path / "run", start_from=tmp_path / "bad.pt")


def test_exported_checkpoint_is_a_model_folder(trained, tmp_path):
    spec = export(trained, tmp_path / "model")
    assert ModelSpec.load(tmp_path / "model") == spec
    heads = open_engine(tmp_path / "model", spec)(np.zeros((2, 32, 64, 3), np.uint8))
    assert heads["seed"].shape == (2, 8, 32, 64)


def test_the_same_weights_are_exported_for_a_larger_input(trained, tmp_path):
    small, large = export(trained, tmp_path / "small"), export(trained, tmp_path / "large", size=(64, 96), name="large")
    assert (large.name, large.input_height, large.input_width) == ("large", 64, 96)
    assert large.provenance.command.endswith("large --size 64x96 --name large")
    assert large.model_copy(update={"name": small.name, "input_height": 32, "input_width": 64, "sha256": small.sha256,
                                    "provenance": small.provenance}) == small
    heads = open_engine(tmp_path / "large", large)(np.zeros((1, 64, 96, 3), np.uint8))
    assert heads["seed"].shape == (1, 8, 64, 96)


def test_a_size_that_the_network_does_not_take_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match="cannot be exported so(.|\n)*input_height.*multiple of 8, got 60"):
        export(trained, tmp_path / "model", size=(60, 96))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(InputError, match="bad.pt is not a checkpoint"):
        export(tmp_path / "bad.pt", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    torch.save({"recipe": Attack(), "step": 0, "network": {}, "optimizer": {}}, tmp_path / "attack.pt")
    with pytest.raises(InputError, match="is not a checkpoint"):
        export(tmp_path / "attack.pt", tmp_path / "model")
    assert not (tmp_path / "owned").exists()


def test_missing_checkpoint_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="does not exist.*instance-seg train"):
        export(tmp_path / "none.pt", tmp_path / "model")


@pytest.mark.parametrize("changes, problem", [({"stages": []}, "stages"), ({"bandwidth": 1}, "known keys: name"),
                                              ({"input_width": 100}, "input_width")])
def test_recipe_that_does_not_fit_is_refused(tmp_path, changes, problem):
    with pytest.raises(InputError, match=problem):
        Recipe.load(written(tmp_path, **changes))


@pytest.mark.parametrize(("weight", "read"), [(5, 5), ([1, 2, 3, 4, 5, 6, 7, 8], (1, 2, 3, 4, 5, 6, 7, 8))])
def test_foreground_weight_is_one_or_one_per_class(tmp_path, weight, read):
    assert Recipe.load(written(tmp_path, loss={"foreground_weight": weight})).loss.foreground_weight == read


@pytest.mark.parametrize(("weight", "problem"), [([5.0, 6.0], "2 weights for 8 classes; give one, or one per class"),
                                                 ([5.0] * 7 + [0.0], "greater than 0"), (-1.0, "greater than 0")])
def test_foreground_weight_that_does_not_fit_the_classes_is_refused(tmp_path, weight, problem):
    with pytest.raises(InputError, match=problem):
        Recipe.load(written(tmp_path, loss={"foreground_weight": weight}))


def test_learning_rate_falls_within_each_stage():
    recipe = Recipe.model_validate(TINY)
    rates = [stage_of(recipe, step)[1] for step in range(4)]
    assert rates == pytest.approx([5e-4, 5e-4 * (2 / 3) ** 0.9, 5e-4 * (1 / 3) ** 0.9, 5e-4])
    with pytest.raises(ValueError, match="4 steps"):
        stage_of(recipe, 4)


def test_no_scene_is_in_two_splits():
    splits = [set(split_seeds(split, 5000, seed)) for split in ("training", "validation", "test") for seed in (0, 1)]
    assert len(set.union(*splits)) == sum(len(split) for split in splits)


def numbered_image():
    """Four quadrants, the ids 1 to 4, each of its own colour and class."""
    ids = np.array([[1, 2], [3, 4]], np.uint16).repeat(20, 0).repeat(30, 1)
    rgb = np.stack([ids * 60] * 3, axis=2).astype(np.uint8)
    return LabelledImage(rgb, ids, np.array([0, 1, 2, 3]), np.arange(4))


def test_crop_moves_pixels_and_labels_together():
    rng = np.random.default_rng(0)
    stage = Stage(steps=1, batch=1, crop_height=24, crop_width=32)
    for _ in range(20):
        crop = random_crop(numbered_image(), stage, rng)
        assert crop.rgb.shape == (24, 32, 3)
        assert (crop.class_map[crop.instance_map > 0] == crop.instance_map[crop.instance_map > 0] - 1).all()
        ids, pixels = np.unique(crop.instance_map, return_counts=True)
        # Of a sliver at the edge, blur and resampling leave little.
        brightness = [np.median(crop.rgb[crop.instance_map == k]) for k in ids[pixels > 60] if k > 0]
        assert brightness == sorted(brightness)


def test_crops_differ_and_follow_from_the_seed():
    stage = Stage(steps=1, batch=1, crop_height=24, crop_width=32)
    first, again, other = (random_crop(numbered_image(), stage, np.random.default_rng(seed)).rgb for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_slivers_at_the_edge_of_a_crop_teach_nothing():
    stage = Stage(steps=1, batch=1, crop_height=24, crop_width=32, smallest=100)
    slivers = 0
    for seed in range(20):
        crop = random_crop(numbered_image(), stage, np.random.default_rng(seed))
        left = np.bincount(crop.instance_map.ravel(), minlength=5)[1:]
        ignored = np.bincount(crop.instance_map[crop.ignore], minlength=5)[1:]
        assert ignored.tolist() == np.where(left < 100, left, 0).tolist()
        assert not crop.ignore[crop.instance_map == 0].any()
        slivers += ((left > 0) & (left < 100)).sum()
    assert slivers > 5


def test_a_small_piece_of_background_in_a_crop_is_no_sliver():
    image, small = numbered_image(), 0
    image.instance_map[16:24, 26:34] = 0
    stage = Stage(steps=1, batch=1, crop_height=24, crop_width=32, scale=(1.2, 1.2), smallest=200)
    for seed in range(20):
        crop = random_crop(image, stage, np.random.default_rng(seed))
        background = crop.instance_map == 0
        assert not crop.ignore[background].any()
        small += 0 < background.sum() < 200
    assert small > 5


def test_what_the_dataset_ignores_is_ignored_in_a_crop_beside_slivers():
    everything = replace(numbered_image(), ignore=np.ones((40, 60), np.bool_))
    for smallest in (0, 100):
        stage = Stage(steps=1, batch=1, crop_height=24, crop_width=32, scale=(2, 2), smallest=smallest)
        assert random_crop(everything, stage, np.random.default_rng(0)).ignore.all()
        assert not random_crop(numbered_image(), stage, np.random.default_rng(0)).ignore.all()


def loss_of_a_crop(**stage):
    """Of heads that are all zero. Returns the loss and the crop's ids, (1, H, W)."""
    stage = Stage(steps=1, batch=1, crop_height=24, crop_width=32, **stage)
    crop = random_crop(numbered_image(), stage, np.random.default_rng(0))
    ids = torch.from_numpy(crop.instance_map.astype(np.int64))[None]
    return _loss(ZEROS, [crop], Recipe.model_validate(TINY), stage), ids


ZEROS = torch.zeros(1, 12, 24, 32)


def test_guidance_of_a_stage_is_added_to_the_loss_by_its_weight():
    (plain, ids), (guided, _) = loss_of_a_crop(), loss_of_a_crop(guidance=0.5)
    offset, bandwidth = guidance(ZEROS, ids, bandwidths=2)
    assert offset > 0 and bandwidth > 0
    assert guided.total.item() == pytest.approx((plain.total + 0.5 * (offset + 10 * bandwidth)).item())
    assert [guided.instance, guided.seed] == [plain.instance, plain.seed]


KILLED_AFTER_S = (0.1, 0.7)
"""Beyond the first checkpoint, which a process writes when it has begun to learn."""


def test_a_run_that_is_killed_at_any_moment_and_resumed_ends_with_the_same_weights(tmp_path):
    many = [stage | {"steps": 12} for stage in TINY["stages"]]
    recipe = written(tmp_path, stages=many, validate_every=1, average=0.9, scenes=TINY["scenes"] | {"training": 2})
    command = [sys.executable, "-c", "from instance_seg_node.cli import main; main()", "train", recipe, "--resume",
               "--out", tmp_path / "killed"]
    noted = []
    for seconds in KILLED_AFTER_S:
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while steps_noted(tmp_path / "killed") <= max(noted, default=0) and run.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        run.kill()
        run.wait()
        noted.append(steps_noted(tmp_path / "killed"))
    assert 0 < noted[0] < 24, "it was to be killed while it learned"
    killed = torch.load(train(recipe, tmp_path / "killed", resume=True), weights_only=True)
    whole = torch.load(train(recipe, tmp_path / "whole"), weights_only=True)
    for part in ("network", "average"):
        for name, weights in whole[part].items():
            assert torch.equal(killed[part][name], weights), (part, name)
    assert (tmp_path / "killed/progress.csv").read_text().count("\n") == 25


def steps_noted(run):
    table = run / "progress.csv"
    return table.read_text().count("\n") - 1 if table.exists() else 0


def test_curves_and_pictures_are_kept_for_tensorboard(trained):
    events = EventAccumulator(str(trained.parent / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("training/loss")] == [2, 4]
    assert [event.step for event in events.Scalars("validation/AP50")] == [2, 4]
    [_, last] = events.Images("validation/0")
    assert (last.height, last.width) == (32, 64)


def test_the_mean_of_the_weights_is_what_is_exported(tmp_path):
    checkpoint = train(written(tmp_path, average=0.99), tmp_path / "run")
    content = torch.load(checkpoint, weights_only=True)
    exported = load_network(checkpoint).network.state_dict()
    assert all(torch.equal(exported[name], mean) for name, mean in content["average"].items())
    assert not torch.equal(content["average"]["encoder.0.conv.weight"], content["network"]["encoder.0.conv.weight"])


def test_the_mean_is_an_exponential_one_that_soon_forgets_where_it_began():
    network = checkpoint_network(Recipe.model_validate(TINY))
    learner = Learner(network, Recipe.model_validate(TINY | {"average": 0.5}))
    bias = network.branches[0][-1].bias
    means = [bias[0].item()]
    for value in (1.0, 3.0, -2.0):
        with torch.no_grad():
            bias[0] = value
        learner._average.update_parameters(network)
        means.append(learner.best.branches[0][-1].bias[0].item())
    # The first is taken as it is; then (1 + n) / (10 + n) of the mean stays, at most a half.
    expected = [0.0, 1.0]
    for n, value in ((1, 3.0), (2, -2.0)):
        stays = min(0.5, (1 + n) / (10 + n))
        expected.append(stays * expected[-1] + (1 - stays) * value)
    assert means == pytest.approx(expected)
