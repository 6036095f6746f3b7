"""Average precision of masks, by pycocotools."""

import json

import numpy as np
import pytest
from drawn_scenes import HEIGHT, WIDTH, drawn_scene
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.evaluation import average_precision
from instance_seg_node.evaluation.coco import CocoPrecision
from instance_seg_node.methods import Clusters

NAMES = ("car", "person", "train", "bus")


def squares(*columns, classes=None):
    """A truth, uint16 ids: a 20 x 20 square at each start column."""
    ids = np.zeros((30, 120), np.uint16)
    for k, column in enumerate(columns, start=1):
        ids[5:25, column:column + 20] = k
    classes = np.zeros(len(columns), np.int64) if classes is None else np.array(classes)
    return LabelledImage(np.zeros((30, 120, 3), np.uint8), ids, classes, np.arange(len(columns)))


def found(truth, scores=None):
    scores = np.ones(len(truth)) if scores is None else np.array(scores)
    return Clusters(truth.instance_map, truth.class_ids, scores.astype(np.float32))


def test_the_truth_has_ap_one():
    truth = squares(0, 30, 60, classes=[0, 1, 1])
    scores = average_precision([found(truth)], [truth], ["car", "person"])
    assert scores == pytest.approx({"AP": 1, "AP50": 1, "AP50 car": 1, "AP50 person": 1}, abs=1e-9)


def test_nothing_found_has_ap_zero():
    assert average_precision([found(squares())], [squares(0)], ["car"])["AP50"] == 0


def test_half_of_the_objects_found_has_ap_of_about_one_half():
    scores = average_precision([found(squares(0))], [squares(0, 60)], ["car"])
    assert scores["AP50"] == pytest.approx(51 / 101)


def test_right_mask_of_the_wrong_class_counts_as_nothing():
    scores = average_precision([found(squares(0, classes=[1]))], [squares(0)], ["car", "person"])
    assert scores["AP50 car"] == 0


def test_mask_of_iou_two_thirds_counts_up_to_that_threshold():
    scores = average_precision([found(squares(4))], [squares(0)], ["car"])  # 16 of 24 columns
    assert scores["AP50"] == pytest.approx(1)
    assert scores["AP"] == pytest.approx(0.4)  # 0.50, 0.55, 0.60, 0.65


def test_class_without_truth_is_left_out_of_the_mean():
    scores = average_precision([found(squares(0))], [squares(0)], ["car", "train"])
    assert scores["AP50"] == pytest.approx(1) and scores["AP50 train"] == -1


def test_false_positive_with_the_higher_score_halves_the_precision():
    truth, result = squares(0), squares(0, 60)
    assert average_precision([found(result, [0.5, 0.9])], [truth], ["car"])["AP50"] == pytest.approx(0.5)
    assert average_precision([found(result, [0.9, 0.5])], [truth], ["car"])["AP50"] == pytest.approx(1)


def ignoring(truth, first, last):
    """The truth with the columns `first` to `last` ignored."""
    ignore = np.zeros(truth.instance_map.shape, bool)
    ignore[:, first:last] = True
    return LabelledImage(truth.rgb, truth.instance_map, truth.class_ids, ignore=ignore)


@pytest.mark.parametrize(("column", "ap50"), [(62, 1), (50, 1), (49, 0.5)])
def test_a_prediction_mostly_inside_ignore_is_neither_right_nor_wrong(column, ap50):
    result = found(squares(0, column), [0.5, 0.9])  # of 20 columns, ten of those from 50 on are ignored
    assert average_precision([result], [ignoring(squares(0), 60, 120)], ["car"])["AP50"] == pytest.approx(ap50)


def test_ignore_is_for_every_class():
    truth = ignoring(squares(0, 30, classes=[0, 1]), 60, 120)
    result = found(squares(0, 30, 60, 90, classes=[0, 1, 0, 1]), [0.5, 0.5, 0.9, 0.9])
    assert average_precision([result], [truth], ["car", "person"])["AP50"] == pytest.approx(1)


def test_id_maps_of_two_sizes_are_refused():
    small = Clusters(np.zeros((15, 60), np.uint16), np.zeros(0, np.int64), np.zeros(0, np.float32))
    with pytest.raises(ValueError, match=r"found instances are \(15, 60\) but the truth is \(30, 120\)"):
        average_precision([small], [squares(0)], ["car"])


def test_nothing_found_in_nothing_has_no_precision():
    assert average_precision([found(squares())], [squares()], ["car"]) == {"AP": -1, "AP50": -1, "AP50 car": -1}


def one_by_one(image, id_map, class_ids):
    """COCO's rows of the instances, masks encoded one by one."""
    rows = []
    for k, class_id in enumerate(class_ids.tolist(), start=1):
        mask = rle.encode(np.asfortranarray(id_map == k, np.uint8))
        rows.append({"image_id": image, "category_id": class_id, "area": int((id_map == k).sum()), "iscrowd": 0,
                     "segmentation": mask | {"counts": mask["counts"].decode()}})
    return rows


def write_files(folder, scenes):
    """truth.json and found.json of COCO."""
    annotations, results = [], []
    for image, (truth, result) in enumerate(scenes):
        annotations += one_by_one(image, truth.instance_map, truth.class_ids)
        if truth.ignore is not None:
            for class_id in range(len(NAMES)):
                [crowd] = one_by_one(image, truth.ignore.astype(np.uint16), np.array([class_id]))
                annotations.append(crowd | {"iscrowd": 1})
        for row, score in zip(one_by_one(image, result.id_map, result.class_ids), result.scores, strict=True):
            results.append({k: row[k] for k in ("image_id", "category_id", "segmentation")} | {"score": float(score)})
    images = [{"id": i, "height": HEIGHT, "width": WIDTH} for i in range(len(scenes))]
    (folder / "truth.json").write_text(json.dumps({
        "images": images, "categories": [{"id": i, "name": name} for i, name in enumerate(NAMES)],
        "annotations": [row | {"id": i} for i, row in enumerate(annotations, start=1)]}))
    (folder / "found.json").write_text(json.dumps(results))


def by_hand(folder, class_id=None):
    """What the tool prints first: AP, AP50, AP75, and AP of small, medium and large."""
    truth = COCO(folder / "truth.json")
    evaluation = COCOeval(truth, truth.loadRes(str(folder / "found.json")), "segm")
    if class_id is not None:
        evaluation.params.catIds = [class_id]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[:6].tolist()


@pytest.mark.parametrize("ignore", [False, True])
def test_every_figure_is_that_of_the_tool_run_by_hand_to_the_last_digit(tmp_path, ignore):
    rng = np.random.default_rng(5 + ignore)
    scenes = [drawn_scene(rng, 3, ignore=ignore) for _ in range(40)]  # none has a bus
    write_files(tmp_path, scenes)
    precision = CocoPrecision(NAMES)
    for truth, result in scenes:
        precision.add(result, truth)
    scores = precision.scores()
    assert [scores["AP"], scores["AP50"], scores["AP75"], *scores["sizes"].values()] == by_hand(tmp_path)
    assert list(scores["sizes"]) == ["small", "medium", "large"]
    for class_id, name in enumerate(NAMES):
        assert list(scores["classes"][name].values()) == by_hand(tmp_path, class_id)[:2]
    assert 0.05 < scores["AP"] < scores["AP50"] < 0.9 and min(scores["sizes"].values()) > 0
    assert scores["classes"]["bus"] == {"AP": -1, "AP50": -1}
