"""Average precision by the official script of Cityscapes."""

import copy

import cv2
import numpy as np
import pytest
from drawn_scenes import drawn_scene

from instance_seg_node.evaluation.cityscapes import CityscapesPrecision
from instance_seg_node.methods import Clusters

script = pytest.importorskip("cityscapesscripts.evaluation.evalInstanceLevelSemanticLabeling",
                             reason="cityscapesscripts is not installed; the extra evaluate has it")

LABEL_IDS = {"person": 24, "car": 26, "truck": 27}
ALL = ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
VOID, ROAD, CAR_GROUP, A_CARAVAN = 4, 7, 26, 29001


def instance_ids(truth, background=ROAD):
    """The official file's values: label id * 1000 + n of instances; void, a group of cars and a caravan beside them."""
    codes = [background] + [list(LABEL_IDS.values())[class_id] * 1000 + k for k, class_id in enumerate(truth.class_ids)]
    ids = np.array(codes, np.uint16)[truth.instance_map]
    for columns, code in ((slice(0, 40), VOID), (slice(40, 90), CAR_GROUP), (slice(280, 320), A_CARAVAN)):
        ids[:, columns][truth.instance_map[:, columns] == 0] = code
    return ids


def write(path, array):
    path.write_bytes(cv2.imencode(".png", array)[1].tobytes())
    return path


@pytest.fixture
def scenes(tmp_path):
    """Thirty images: the official file's path, and what was found."""
    rng = np.random.default_rng(3)
    drawn = [drawn_scene(rng, len(LABEL_IDS)) for _ in range(30)]
    return [(write(tmp_path / f"town_{i:06}_000000_gtFine_instanceIds.png", instance_ids(truth)), found)
            for i, (truth, found) in enumerate(drawn)]


def by_hand(folder, scenes, monkeypatch):
    """The script's averages over result files that are written as it asks for."""
    folder.mkdir()
    predictions = []
    for i, (_, found) in enumerate(scenes):
        lines = []
        for k, (class_id, score) in enumerate(zip(found.class_ids, found.scores, strict=True), start=1):
            write(folder / f"{i}_{k}.png", np.where(found.id_map == k, 255, 0).astype(np.uint8))
            lines.append(f"{i}_{k}.png {list(LABEL_IDS.values())[class_id]} {float(score):.17g}\n")
        predictions.append(folder / f"{i}.txt")
        predictions[-1].write_text("".join(lines))
    args = copy.copy(script.args)
    args.predictionPath, args.gtInstancesFile, args.quiet = str(folder), str(folder / "cache.json"), True
    # With NumPy 2.4 version 2.3 of the script misses a function, and cannot write the counts that it has found.
    monkeypatch.setattr(np, "in1d", lambda a, b: np.isin(a, b).ravel(), raising=False)
    monkeypatch.setattr(script, "writeDict2JSON", lambda counts, path: None)
    averages = script.evaluateImgLists([str(p) for p in predictions], [str(file) for file, _ in scenes], args)
    monkeypatch.undo()
    return averages["averages"]


def in_our_classes(found):
    """The findings with ids of ALL."""
    ids = np.array([ALL.index(name) for name in LABEL_IDS])
    return Clusters(found.id_map, ids[found.class_ids], found.scores)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_every_figure_is_that_of_the_script_run_by_hand_to_the_last_digit(tmp_path, scenes, monkeypatch):
    expected = by_hand(tmp_path / "results", scenes, monkeypatch)
    precision = CityscapesPrecision(ALL)
    for file, found in scenes:
        precision.add(in_our_classes(found), file)
    scores = precision.scores()
    assert (scores["AP"], scores["AP50"]) == (expected["allAp"], expected["allAp50%"])
    for name in ALL:
        official = expected["classes"][name]
        ours = [-1, -1] if name not in LABEL_IDS else [official["ap"], official["ap50%"]]
        assert list(scores["classes"][name].values()) == ours
    assert 0.1 < scores["AP"] < scores["AP50"] < 0.9


def test_only_the_classes_that_are_asked_for_count(scenes):
    cars, everything = CityscapesPrecision(["car"]), CityscapesPrecision(tuple(LABEL_IDS))
    for file, found in scenes:
        everything.add(found, file)
        rows = np.flatnonzero(found.class_ids == 1)
        new_id = np.zeros(len(found.class_ids) + 1, np.uint16)
        new_id[rows + 1] = np.arange(1, len(rows) + 1)
        cars.add(Clusters(new_id[found.id_map], np.zeros(len(rows), np.int64), found.scores[rows]), file)
    assert cars.scores()["classes"]["car"] == everything.scores()["classes"]["car"]
    assert cars.scores()["AP"] == cars.scores()["classes"]["car"]["AP"]


def car(*boxes, scores):
    """Cars at columns `first` to `last` of a 60 x 120 image."""
    ids = np.zeros((60, 120), np.uint16)
    for k, (first, last) in enumerate(boxes, start=1):
        ids[10:50, first:last] = k
    return Clusters(ids, np.zeros(len(boxes), np.int64), np.float32(scores))


@pytest.mark.parametrize(("label", "ap50"), [(VOID, 1), (CAR_GROUP, 1), (ROAD, 0.25)])
def test_a_car_in_void_or_in_a_group_of_cars_is_not_wrong(tmp_path, label, ap50):
    found = car((0, 20), (80, 110), scores=[0.5, 0.9])
    ids = np.where(found.id_map == 1, 26000, ROAD).astype(np.uint16)
    ids[:, 70:] = label
    precision = CityscapesPrecision(["car"])
    precision.add(found, write(tmp_path / "truth.png", ids))
    assert precision.scores()["AP50"] == pytest.approx(ap50)


def test_a_class_that_cityscapes_has_not_is_refused():
    with pytest.raises(ValueError, match="cityscapesscripts does not know dog, only person, rider, car, "):
        CityscapesPrecision(["car", "dog"])


def test_numpy_is_left_as_it_was(tmp_path):
    before = "in1d" in vars(np)
    precision = CityscapesPrecision(["car"])
    precision.add(car(scores=[]), write(tmp_path / "truth.png", np.full((60, 120), ROAD, np.uint16)))
    assert ("in1d" in vars(np)) == before
    assert precision.scores() == {"AP": -1, "AP50": -1, "classes": {"car": {"AP": -1, "AP50": -1}}}
