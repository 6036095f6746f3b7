"""The ablation of the seed, and the fixed margin that it is compared with. The recipe here is tiny."""

import json
import math

import numpy as np
import pytest
import torch
import yaml

from benchmarks import ablation
from benchmarks.ablation_page import table
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.engines import open_engine
from instance_seg_node.errors import InputError
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.training import train as training
from instance_seg_node.training.checkpoint import load_network, network_of
from instance_seg_node.training.learner import Learner
from instance_seg_node.training.recipe import Recipe

TINY = {"name": "tiny", "input_height": 32, "input_width": 64, "dropout": 0.0,
        "scenes": {"training": 3, "validation": 1, "test": 2, "height": 48, "width": 96},
        "stages": [{"steps": 2, "batch": 2, "crop_height": 32, "crop_width": 32, "warm_up": True},
                   {"steps": 2, "batch": 2, "crop_height": 32, "crop_width": 32}],
        "thresholds": {"foreground": 0.0, "seed": 0.0, "min_pixels": 2},
        "loss": {"foreground_weight": 5.0}, "validate_every": 2}


def stepped(recipe, *, steps=3):
    """A learner after steps at a high learning rate, with a loss that wants other outputs."""
    learner = Learner(network_of(recipe), recipe)
    for group in learner.optimizer.param_groups:
        group["lr"] = 0.1
    for step in range(steps):
        images = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(step))
        learner.step((learner.network(images) - 3).square().mean())
    return learner


def raw_output(network):
    with torch.no_grad():
        return network.eval()(torch.rand(1, 3, 16, 16))[0]


@pytest.mark.parametrize("bandwidths", [1, 2])
def test_a_fixed_margin_is_not_learned_while_offsets_are(bandwidths):
    recipe = Recipe.model_validate(TINY | {"bandwidths": bandwidths, "loss": {"fixed_margin_px": 20}, "average": 0.5})
    learner = stepped(recipe)
    for network in (learner.network, learner.best):
        raw = raw_output(network)
        precision = torch.exp(10 * raw[2:2 + bandwidths])
        membership_at_20_px = torch.exp(-precision * (20 / 1023) ** 2)
        torch.testing.assert_close(membership_at_20_px, torch.full((bandwidths, 16, 16), 0.5))
        assert raw[:2].abs().min() > 0


def test_without_a_fixed_margin_the_bandwidth_is_learned():
    raw = raw_output(stepped(Recipe.model_validate(TINY)).network)
    assert (raw[2:4] != 1).all()


def test_a_margin_of_no_pixels_is_refused():
    with pytest.raises(ValueError, match="fixed_margin_px"):
        Recipe.model_validate(TINY | {"loss": {"fixed_margin_px": 0}})


def test_every_row_of_the_ablation_has_the_same_budget_and_another_seed_loss():
    base = yaml.safe_load(ablation.RECIPE.read_text())
    recipes = [Recipe.model_validate(ablation.row(base, name)) for name in ablation.ROWS]
    fixed, fixed_10, circle, circle_learnable, ellipse, ellipse_learnable, rough = recipes
    assert [r.loss.fixed_margin_px for r in recipes] == [5, 10, None, None, None, None, None]
    assert [r.bandwidths for r in recipes] == [1, 1, 1, 1, 2, 2, 2]
    assert [r.loss.centre for r in recipes] == ["centroid"] * 3 + ["learnable", "centroid", "learnable", "learnable"]
    assert [r.loss.weights for r in recipes] == [(1, 10, 1)] * 6 + [(1, 0, 1)]
    for recipe in recipes:
        same = {"name": "same", "bandwidths": 1, "loss": recipe.loss.model_copy(
            update={"fixed_margin_px": None, "centre": "centroid", "weights": (1, 10, 1)})}
        assert recipe.model_copy(update=same) == circle.model_copy(update={"name": "same"})


def test_fewer_steps_shorten_every_stage_alike():
    base = TINY | {"stages": [{"steps": 300}, {"steps": 100}, {"steps": 2}]}
    assert [stage["steps"] for stage in ablation.row(base, "fixed-5", steps=40)["stages"]] == [30, 10, 1]


def test_seeds_differ_in_nothing_else():
    first, second = (ablation.row(TINY, "fixed-5", repeat=k) for k in (1, 2))
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first | {"seed": 1} == second


def report(**figures):
    """Of `evaluate`, as far as the table reads it. figures: by column, in [0, 1]; of a class without any there is no
    truth."""
    def scores(suffix):
        return {"coco": {key: figures.get(f"{key}{suffix}", 0.5) for key in ("AP", "AP50")}
                | {"classes": {c.name: {"AP": figures.get(c.name, -1)} for c in CLASSES}}}
    return {"ground_truth_sampling": scores("_gt"), "average_precision": scores("")}


def test_the_table_has_the_mean_and_deviation_over_the_seeds_in_percent():
    recipe = Recipe.model_validate(ablation.row(TINY, "ellipse-learnable-rough"))
    seeds = [report(AP_gt=ap_gt, AP50_gt=0.2, AP=0.3, AP50=0.4, car=0.5) for ap_gt in (0.1, 0.3)]
    header, _, line = table([(recipe, seeds)]).splitlines()
    row = dict(zip(*([cell.strip() for cell in part.strip("|").split("|")] for part in (header, line)), strict=True))
    assert [row[key] for key in ("bandwidth", "centre", "smoothness")] == ["ellipse", "learnable", "no"]
    assert [row[key] for key in ("AP_gt", "AP50_gt", "AP", "AP50")] == ["20.0 ± 14.1", "20.0 ± 0.0", "30.0 ± 0.0",
                                                                       "40.0 ± 0.0"]
    assert [row["car"], row["person"]] == ["50.0 ± 0.0", "-"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Options of an ablation of two rows that has been run."""
    folder = tmp_path_factory.mktemp("ablation")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    options = ["--recipe", folder / "tiny.yaml", "--out", folder / "out", "--docs", folder / "docs",
               "--results", folder / "results.json"]
    run(options, "--only", "circle-centroid", "fixed-5")
    return folder, options


def run(options, *more):
    ablation.main([str(option) for option in (*options, *more)])


def table_of(folder):
    text = (folder / "docs" / "ablation.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_the_json_has_the_figures_of_the_table_and_where_they_were_measured(place):
    written = json.loads((place[0] / "results.json").read_text())
    assert {"processor", "versions", "commit"} <= set(written["machine"])
    assert written["results"]["steps"] == 4 and written["results"]["start"] == "chance"
    for row, line in zip(written["results"]["rows"], table_of(place[0]), strict=True):
        assert row["name"] == line["row"] and f"{100 * row['AP_gt'][0]:.1f}" == line["AP_gt"]


def no_step(*_):
    raise AssertionError("a row that is complete was trained again")


def test_the_table_has_the_figures_of_every_trained_row(place):
    folder, _ = place
    fixed, circle = table_of(folder)
    assert [fixed["bandwidth"], fixed["centre"], fixed["smoothness"]] == ["fixed, 5 px", "centroid", "-"]
    assert [circle["bandwidth"], circle["centre"], circle["smoothness"]] == ["circle", "centroid", "yes"]
    scores = json.loads((folder / "out" / "circle-centroid" / "scores.json").read_text())
    assert circle["AP_gt"] == f"{100 * scores['ground_truth_sampling']['coco']['AP']:.1f}"
    assert circle["AP50"] == f"{100 * scores['average_precision']['coco']['AP50']:.1f}"
    assert scores["images"] == 2
    assert circle["train"] == "-"  # of which the two streets have none


def test_the_plot_is_a_picture(place):
    import cv2
    picture = cv2.imread(str(place[0] / "docs" / "ablation.png"))
    assert picture.shape[1] > 400
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 3


def test_a_row_is_a_model_and_that_of_the_fixed_margin_has_it_everywhere(place):
    model = place[0] / "out" / "fixed-5" / "model"
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), np.uint8)
    heads = open_engine(model, ModelSpec.load(model))(image)
    assert heads["bandwidth"] == pytest.approx(np.full((1, 1, 32, 64), math.log(2) * (1023 / 5) ** 2), rel=1e-5)


def test_a_row_that_is_complete_is_not_trained_again(place, monkeypatch):
    folder, options = place
    before = (folder / "docs" / "ablation.md").read_text()
    monkeypatch.setattr(training, "_step", no_step)
    run(options, "--only", "fixed-5", "circle-centroid")
    assert (folder / "docs" / "ablation.md").read_text() == before


def test_notes_around_the_table_stay(place, monkeypatch):
    folder, options = place
    monkeypatch.setattr(training, "_step", no_step)
    page = folder / "docs" / "ablation.md"
    page.write_text(f"Above.\n{page.read_text()}\nBelow.\n".replace("circle", "triangle"))
    run(options, "--only", "fixed-5")
    assert page.read_text().startswith("Above.\n") and page.read_text().endswith("\nBelow.\n")
    assert [row["bandwidth"] for row in table_of(folder)] == ["fixed, 5 px", "circle"]


def test_a_row_of_another_recipe_is_refused(place):
    _, options = place
    with pytest.raises(InputError, match="fixed-5 holds a run of another recipe.*--out"):
        run(options, "--only", "fixed-5", "--steps", "2")


def test_an_interrupted_row_goes_on_where_it_stopped(place, tmp_path, monkeypatch):
    options = [*place[1], "--out", tmp_path / "out", "--docs", tmp_path / "docs", "--only", "circle-learnable",
               "--scenes", place[0] / "out" / "scenes"]
    taken, step = [], training._step

    def interrupted_once(learner, crops, recipe, number):
        taken.append(number)
        if taken == [0, 1, 2, 3]:
            raise KeyboardInterrupt
        return step(learner, crops, recipe, number)

    monkeypatch.setattr(training, "_step", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        run(options)
    assert not (tmp_path / "docs").exists()
    run(options)
    assert taken == [0, 1, 2, 3, 2, 3]
    assert [row["centre"] for row in table_of(tmp_path)] == ["learnable"]


@pytest.mark.parametrize("start", ["circle-centroid/checkpoint.pt", "circle-centroid/model"])
@pytest.mark.parametrize(("name", "bandwidths"), [("fixed-10", 1), ("ellipse-centroid", 2)])
def test_rows_start_with_the_encoder_and_seeds_of_a_network_and_a_new_branch(place, tmp_path, start, name, bandwidths):
    start, recipe = place[0] / "out" / start, Recipe.model_validate(ablation.row(TINY, name))
    ablation.begin(tmp_path / "checkpoint.pt", recipe, start)
    begun = load_network(tmp_path / "checkpoint.pt")
    theirs = load_network(place[0] / "out" / "circle-centroid" / "checkpoint.pt")
    assert json.dumps(begun.origin.commands).count("ablation.py --start-from") == 1
    images = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        features = begun.network.encoder(images)
        torch.testing.assert_close(features, theirs.network.encoder(images), rtol=1e-3, atol=1e-3)
        raw, seeds = begun.network(images), theirs.network(images)[:, 3:]
    torch.testing.assert_close(raw[:, 2 + bandwidths:], seeds, rtol=1e-3, atol=1e-3)
    assert (raw[:, :2] == 0).all()  # every pixel points at itself
    assert raw[:, 2:2 + bandwidths].unique().numel() == 1
