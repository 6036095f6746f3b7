"""The comparison on Penn-Fudan: the same network, photos and budget for both recipes, and no test photo in a training.

The photos here are tiny: red ones are for training, blue ones for the test.
"""

import json

import cv2
import numpy as np
import pytest
import torch
import yaml

from benchmarks import pennfudan
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.errors import InputError
from instance_seg_node.training import train as training
from instance_seg_node.training.checkpoint import load_network, network_of, save_checkpoint
from instance_seg_node.training.learner import Learner
from instance_seg_node.training.origin import origin_of
from instance_seg_node.training.recipe import Recipe

TINY = {"name": "tiny", "network": "pyramid", "input_height": 64, "input_width": 64, "dropout": 0.0,
        "stages": [{"steps": 5, "batch": 2, "crop_height": 32, "crop_width": 64},
                   {"steps": 2, "batch": 1, "crop_height": 64, "crop_width": 64, "freeze_batch_norm": True}],
        "thresholds": {"foreground": 0.0, "seed": 0.0, "min_pixels": 2}, "licence": "ours", "validate_every": 100,
        "camera_variety": 0.0}
RED, BLUE = (200, 0, 0), (0, 0, 200)


def photo(folder, name, colour):
    """A grey person of 16 x 32 pixels before one colour."""
    rgb, ids = np.full((64, 64, 3), colour, np.uint8), np.zeros((64, 64), np.uint8)
    rgb[20:52, 24:40], ids[20:52, 24:40] = 100, 1
    for part, picture in (("images", rgb[..., ::-1]), ("masks", ids)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / part / f"{name}.png"), picture)


def write_recipe(folder, file, **changes):
    where = str(folder / "photos")
    data = {"training": where, "training_split": "train", "validation": where, "validation_split": "test"}
    (folder / file).write_text(yaml.safe_dump(TINY | {"data": data} | changes))


def place_for(folder):
    """Options of the comparison, with three red photos in train.txt and two blue ones in test.txt."""
    lists = {"train": (RED, ["FudanPed00001", "FudanPed00002", "PennPed00001"]),
             "test": (BLUE, ["FudanPed00003", "PennPed00002"])}
    for split, (colour, names) in lists.items():
        for name in names:
            photo(folder / "photos", name, colour)
        (folder / "photos" / f"{split}.txt").write_text("\n".join(names))
    write_recipe(folder, "pennfudan.yaml", loss={"seed_error": "cross_entropy"})
    write_recipe(folder, "pennfudan-reference.yaml", bandwidths=1)
    return ["--recipes", folder, "--out", folder / "out", "--docs", folder / "docs", "--results", folder / "r.json",
            "--start-from", folder / "streets.pt", "--seeds", 1]


def run(options, *more):
    pennfudan.main([str(option) for option in (*options, *more)])


def streets(path):
    """A checkpoint of a network for streets whose every output differs."""
    recipe = Recipe.model_validate({"name": "streets", "network": "pyramid", "input_height": 64, "input_width": 64,
                                    "stages": TINY["stages"], "scenes": {"training": 1, "validation": 1, "test": 1,
                                                                         "height": 64, "width": 64}})
    torch.manual_seed(7)
    network = network_of(recipe)
    for branch in network.branches:
        torch.nn.init.normal_(branch[-1].weight, std=0.1)
        torch.nn.init.normal_(branch[-1].bias)
    save_checkpoint(path, recipe, CLASSES, origin_of(recipe, "by hand"), Learner(network, recipe), 0)
    return network.eval()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A comparison of two rows that has been run, and what the crops showed."""
    folder, seen, step = tmp_path_factory.mktemp("pennfudan"), [], training._step
    options = place_for(folder)
    streets(folder / "streets.pt")

    def watched(learner, crops, recipe, number):
        seen.extend(crop.rgb.reshape(-1, 3).max(axis=0) for crop in crops)
        return step(learner, crops, recipe, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_step", watched)
        run(options, "--only", "ours", "reference-streets")
    return folder, options, np.array(seen)


def test_trainings_see_photos_of_train_txt_alone(place):
    _, _, brightest = place
    assert len(brightest) == 2 * (5 * 2 + 2 * 1)
    assert brightest[:, 0].max() > 190 and brightest[:, 2].max() <= 100


def test_figures_are_those_of_the_photos_of_test_txt(place):
    folder, _, _ = place
    report = json.loads((folder / "out" / "ours" / "scores.json").read_text())
    assert report["dataset"] == "pennfudan test" and report["images"] == 2
    assert {one["title"] for one in report["worst"]} == {"FudanPed00003.png", "PennPed00002.png"}


def test_the_page_the_json_and_the_sheet_have_every_complete_row(place):
    folder, _, _ = place
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in
             (folder / "docs" / "pennfudan.md").read_text().splitlines() if line[:1] == "|"]
    ours, reference = (dict(zip(lines[0], line, strict=True)) for line in lines[2:])
    assert [ours["row"], ours["margin"], ours["starts from"], ours["seeds"]] == ["ours", "ellipse", "chance", "1"]
    assert [reference["row"], reference["margin"]] == ["reference-streets", "circle"]
    assert reference["starts from"].endswith("streets.pt")
    results = json.loads((folder / "r.json").read_text())["results"]
    assert results["pixels_seen"] == 5 * 2 * 32 * 64 + 2 * 64 * 64
    for line, row in zip((ours, reference), results["rows"], strict=True):
        assert line["AP50"] == f"{100 * row['AP50'][0]:.1f}" and line["AP_gt"] == f"{100 * row['AP_gt'][0]:.1f}"
    assert cv2.imread(str(folder / "out" / "sheet.jpg")) is not None


def test_the_sheet_of_the_page_has_no_photo(place):
    folder, _, _ = place
    with_photos, masks = (cv2.imread(str(folder / file)) for file in ("out/sheet.jpg", "docs/pennfudan-masks.png"))
    blue = [np.count_nonzero((sheet[..., 0] > 150) & (sheet[..., 1:] < 60).all(axis=-1))
            for sheet in (with_photos, masks)]
    assert blue[0] > 10_000 and blue[1] == 0 and np.count_nonzero(masks == pennfudan.GREY) > 10_000


def test_what_is_complete_is_not_trained_again_and_notes_on_the_page_stay(place, monkeypatch):
    folder, options, _ = place
    page = folder / "docs" / "pennfudan.md"
    page.write_text(f"{page.read_text()}\nBelow.\n")
    monkeypatch.setattr(training, "_step", None)
    run(options, "--only", "ours")
    assert page.read_text().endswith("\nBelow.\n") and "reference-streets" in page.read_text()


def test_another_network_is_another_run_and_has_a_page_of_its_own(place):
    folder, options, _ = place
    with pytest.raises(InputError, match="ours holds a run of another recipe.*--out"):
        run(options, "--only", "ours", "--network", "erfnet")
    other = folder / "erfnet"
    run(options, "--only", "ours", "--network", "erfnet", "--out", other, "--docs", other, "--results",
        other / "r.json")
    rows = json.loads((other / "r.json").read_text())["results"]["rows"]
    assert [(row["name"], row["network"]) for row in rows] == [("ours", "erfnet")]


def test_other_weights_to_start_from_are_another_run(place):
    folder, options, _ = place
    torch.save({}, folder / "others.pt")
    with pytest.raises(InputError, match="reference-streets holds a run of another recipe.*--out"):
        run(options, "--only", "reference-streets", "--start-from", folder / "others.pt")


def test_a_row_from_streets_has_all_of_their_weights_and_a_circle_the_mean_of_the_bandwidths(tmp_path):
    place_for(tmp_path)
    theirs, image = streets(tmp_path / "streets.pt"), torch.rand(1, 3, 64, 64)
    person = [c.name for c in CLASSES].index("person")
    with torch.no_grad():
        raw = theirs(image)[0]
        for file in ("pennfudan.yaml", "pennfudan-reference.yaml"):
            recipe = Recipe.load(tmp_path / file)
            pennfudan.begin(tmp_path / "checkpoint.pt", recipe, tmp_path / "streets.pt")
            begun = load_network(tmp_path / "checkpoint.pt").network
            offset, r, seed = begun(image)[0].split([2, recipe.bandwidths, 1])
            expected = raw[:2], raw[2:4] if recipe.bandwidths == 2 else raw[2:4].mean(0, keepdim=True), raw[4 + person]
            for found, wanted in zip((offset, r, seed[0]), expected, strict=True):
                torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_rows_of_unequal_budgets_are_refused(tmp_path):
    options = place_for(tmp_path)
    write_recipe(tmp_path, "pennfudan-reference.yaml", stages=TINY["stages"][:1])
    with pytest.raises(InputError, match=r"pixels seen: reference: 20480; ours: 28672; .*multiple of 7"):
        run(options)
    assert not (tmp_path / "out").exists()


def test_a_photo_in_both_lists_is_refused(tmp_path):
    options = place_for(tmp_path)
    (tmp_path / "photos" / "test.txt").write_text("FudanPed00003\nFudanPed00002")
    with pytest.raises(InputError, match=r"FudanPed00002.png would be for training and for test"):
        run(options)


@pytest.mark.parametrize("steps", [None, 7, 70])
def test_the_shipped_recipes_have_one_budget_and_differ_in_how_they_train_alone(steps):
    bases = {name: yaml.safe_load((pennfudan.HERE.parent / "config" / "recipes" / row.recipe).read_text())
             for name, row in pennfudan.ROWS.items()}
    ours, reference = (Recipe.model_validate(pennfudan.variant(bases[name], name, steps=steps))
                       for name in ("ours", "reference"))
    assert pennfudan.pixels(ours) == pennfudan.pixels(reference) == ours.steps * 4 * 192 * 192
    same = ("network", "data", "input_height", "input_width", "dropout", "weight_decay", "licence")
    assert [getattr(ours, name) for name in same] == [getattr(reference, name) for name in same]
    assert (ours.data.training_split, ours.data.validation_split) == ("train", "test")


def test_the_reference_is_the_published_recipe():
    recipe = Recipe.load(pennfudan.HERE.parent / "config" / "recipes" / "pennfudan-reference.yaml")
    loss, first, second = recipe.loss, *recipe.stages
    assert (recipe.bandwidths, loss.centre, loss.seed_error, loss.foreground_weight, loss.weights) == (
        1, "centroid", "squared", 10, (1, 10, 1))
    assert (recipe.thresholds.foreground, recipe.thresholds.seed, recipe.thresholds.refine) == (0.5, 0.9, False)
    assert (first.learning_rate, second.learning_rate, second.freeze_batch_norm) == (5e-4, 5e-5, True)
    assert not (first.warm_up or first.guidance or second.guidance or recipe.average or loss.small_instances
                or loss.repulsion or recipe.look_alikes or recipe.ramp)
    assert recipe.offset_rate == 1 and first.around_object == 1


def test_from_chance_seeds_of_squared_error_start_at_one_half(tmp_path):
    place_for(tmp_path)
    for file, logit in (("pennfudan.yaml", -4), ("pennfudan-reference.yaml", 0)):
        pennfudan.begin(tmp_path / "checkpoint.pt", Recipe.load(tmp_path / file), None)
        _, seeds = load_network(tmp_path / "checkpoint.pt").network.branches
        assert seeds[-1].bias.tolist() == [logit]
