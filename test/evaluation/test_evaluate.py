"""`instance-seg evaluate`: a model on a dataset, from its files to the figures."""

import json
import sys

import cv2
import numpy as np
import pytest
from tiny_model import blobs

from instance_seg_node.cli import main
from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.datasets.opening import open_dataset
from instance_seg_node.errors import InputError
from instance_seg_node.evaluation.cityscapes import CityscapesPrecision
from instance_seg_node.evaluation.report import evaluate
from instance_seg_node.frame import Frame
from instance_seg_node.model_spec import ObjectClass
from instance_seg_node.segmenter import open_segmenter

CAR, PERSON, DOG = range(3)


class Pictures:
    """A dataset in memory."""

    name = "pictures"

    def __init__(self, *images, classes=("car", "person", "dog")):
        self._images = images
        self.classes = tuple(ObjectClass(name=name, color=(9, 9, 9)) for name in classes)

    def __len__(self):
        return len(self._images)

    def __getitem__(self, i):
        return self._images[i]

    def title(self, i):
        return f"picture {i}"


def on_grey():
    """`blobs` on a grey that is far from their colours: black has the embedding of the blue one."""
    rgb = blobs()
    rgb[(rgb == 0).all(axis=2)] = 100
    return rgb


def blob_map():
    """The true ids of `blobs`: a red, a green and a blue one."""
    ids = np.zeros((64, 128), np.uint16)
    for k, start in enumerate((16, 48, 80), start=1):
        ids[16:48, start:start + 32] = k
    return ids


def picture(*classes):
    """The three blobs, which are such objects; without classes, the blobs without a truth."""
    ids = blob_map() if classes else np.zeros((64, 128), np.uint16)
    return LabelledImage(on_grey(), ids, np.array(classes, np.int64))


@pytest.fixture(scope="module")
def segmenter(model):
    return open_segmenter(model)


def test_a_model_that_finds_the_truth_has_full_marks(segmenter):
    report = evaluate(segmenter, Pictures(picture(CAR, CAR, PERSON), classes=("car", "person")), [0]).report
    for key in ("average_precision", "ground_truth_sampling"):
        assert report[key]["coco"]["AP"] == report[key]["coco"]["AP50"] == pytest.approx(1)
        assert list(report[key]) == ["coco"]
    assert report["pixel_recall"] == {"all": 1, "classes": {"car": 1, "person": 1}}
    assert report["seeds"]["starts"] == 1 and report["seeds"]["background_above"] == 0
    assert report["confusion"]["counts"] == [[2, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert report["worst"] == [{"title": "picture 0", "quality": 1}]
    assert (report["lacking"], report["unlabelled"], report["images"]) == ([], [], 1)


def test_confused_classes_cost_precision_but_not_the_embeddings(segmenter):
    report = evaluate(segmenter, Pictures(picture(PERSON, CAR, PERSON)), [0]).report
    assert report["average_precision"]["coco"]["classes"]["person"]["AP"] < 0.6
    assert report["ground_truth_sampling"]["coco"]["AP"] == pytest.approx(1)
    [car, person, *_] = report["confusion"]["counts"]
    assert report["confusion"]["found"] == ["car", "person", "nothing"]
    assert (car, person) == ([1, 0, 0], [1, 1, 0])
    assert report["seeds"]["classes"]["person"]["starts"] == 0.5
    assert report["worst"][0]["quality"] == pytest.approx(2 / 3)


def test_a_class_that_the_model_lacks_is_named_and_not_judged(segmenter):
    report = evaluate(segmenter, Pictures(picture(CAR, DOG, PERSON)), [0]).report
    assert report["lacking"] == ["dog"] and report["classes"] == ["car", "person"]
    assert report["confusion"]["counts"][DOG] == [1, 0, 0]  # but one sees what it was taken for
    assert report["average_precision"]["coco"]["classes"]["car"]["AP50"] == pytest.approx(1)
    assert report["pixel_recall"]["all"] == 1


def test_a_class_that_is_not_labelled_is_no_mistake(segmenter):
    report = evaluate(segmenter, Pictures(picture(0, 0, 0), classes=("car",)), [0]).report
    assert report["unlabelled"] == ["person"]
    assert report["worst"][0]["quality"] == pytest.approx(0.8)  # the third is missed, but no person is too many


def test_no_class_in_common_is_refused(segmenter):
    with pytest.raises(InputError, match="the model finds car, person, the dataset has cat: no class in common"):
        evaluate(segmenter, Pictures(picture(0, 0, 0), classes=("cat",)), [0])


def test_the_worst_images_come_first_and_only_so_many(segmenter):
    images = Pictures(picture(CAR, CAR, PERSON), picture(), picture(PERSON, CAR, PERSON), picture())
    evaluation = evaluate(segmenter, images, range(4), worst=3)
    assert [one.place for one in evaluation.worst] == [1, 3, 2]
    assert evaluation.report["worst"][0] == {"title": "picture 1", "quality": 0}
    assert evaluation.report["images"] == 4


def test_the_thresholds_are_the_segmenter_s(model):
    strict = open_segmenter(model)
    strict.thresholds = strict.thresholds.model_copy(update={"min_pixels": 5000})
    report = evaluate(strict, Pictures(picture(CAR, CAR, PERSON)), [0]).report
    assert report["average_precision"]["coco"]["AP"] == 0
    assert report["ground_truth_sampling"]["coco"]["AP"] == pytest.approx(1)


@pytest.fixture(scope="module")
def cityscapes(tmp_path_factory):
    """Three pictures in the layout of Cityscapes; in the second one person is a car and void is beside it."""
    folder = tmp_path_factory.mktemp("cityscapes")
    images, truth = folder / "leftImg8bit" / "val" / "town", folder / "gtFine" / "val" / "town"
    for i, codes in enumerate(([7, 26000, 26001, 24000], [0, 26000, 26001, 26002], [7, 26000, 26, 24000])):
        for path, name, array in ((images, "leftImg8bit", on_grey()[..., ::-1]),
                                  (truth, "gtFine_instanceIds", np.array(codes, np.uint16)[blob_map()])):
            path.mkdir(parents=True, exist_ok=True)
            (path / f"town_{i:06}_000000_{name}.png").write_bytes(cv2.imencode(".png", array)[1].tobytes())
    return folder


def test_the_layout_of_cityscapes_is_also_judged_by_its_own_script(segmenter, cityscapes):
    pytest.importorskip("cityscapesscripts", reason="cityscapesscripts is not installed; the extra evaluate has it")
    dataset = open_dataset(str(cityscapes))
    report = evaluate(segmenter, dataset, range(3)).report
    assert report["classes"] == ["person", "car"]
    precision = CityscapesPrecision(["car", "person"])  # the ids of the model
    for picture_file, truth_file in dataset.files:
        [found] = segmenter([Frame(cv2.imread(str(picture_file))[..., ::-1])])
        precision.add(found, truth_file)
    official = report["average_precision"]["cityscapes"]
    assert official == precision.scores()
    assert 0 < official["AP50"] < 1
    assert set(report["ground_truth_sampling"]) == {"coco", "cityscapes"}


@pytest.fixture(scope="module")
def own_labels(tmp_path_factory):
    """Three pictures with labels of one's own; the second has none."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    (folder / "classes.yaml").write_text("classes: [car, person, dog]\ndivisor: 1000\n")
    for i, codes in enumerate(([0, 1000, 1001, 2000], [0, 0, 0, 0], [0, 1000, 3000, 2000])):
        cv2.imwrite(str(folder / "images" / f"{i}.png"), on_grey()[..., ::-1])
        cv2.imwrite(str(folder / "masks" / f"{i}.png"), np.array(codes, np.uint16)[blob_map()])
    return folder


def test_json_is_the_whole_report(model, segmenter, own_labels, capsys):
    assert main(["evaluate", str(model), str(own_labels), "--json"]) == 0
    dataset = open_dataset(str(own_labels))
    assert json.loads(capsys.readouterr().out) == evaluate(segmenter, dataset, range(3)).report


def test_the_table_names_what_is_measured(model, own_labels, capsys):
    assert main(["evaluate", str(model), str(own_labels), "--limit", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tiny on ") and lines[0].endswith(": 1 images")
    assert "The model lacks: dog" in lines
    assert [line.split()[:6] for line in lines if line.startswith(("car", "person"))] == [
        ["car", "2", "1.000", "1.000", "1.000", "1.000"], ["person", "1", "1.000", "1.000", "1.000", "1.000"]]
    assert any(line.split()[:4] == ["found", "(coco)", "1.000", "1.000"] for line in lines)
    assert "Recall of pixels: 1.000." in lines


def test_the_sheet_shows_the_worst_image_first_with_its_truth(model, own_labels, tmp_path):
    sheet = tmp_path / "worst.png"
    assert main(["evaluate", str(model), str(own_labels), "--sheet", str(sheet), "--worst", "2"]) == 0
    drawn = cv2.imread(str(sheet))
    assert drawn.shape == (262, 1920, 3)  # two images, each with its truth at 480 x 240 beside it, below a title
    blank = cv2.resize(on_grey()[..., ::-1], (480, 240), interpolation=cv2.INTER_LINEAR)
    assert (drawn[22:, :480] == blank).all()  # the second image has no truth to outline
    assert (drawn[22:, 480:960] != blank).any() and (drawn[22:, 960:1440] != blank).any()


@pytest.mark.parametrize(("options", "line"), [
    (["--sheet", "worst.jpg"], "--sheet worst.jpg must be named .png"),
    (["--sheet", "no/worst.png"], "--sheet no/worst.png needs the folder no, which does not exist. Make it: mkdir"),
    (["--split", "test"], " has no split 'test'"),
    (["--limit", "0"], "Invalid value for '--limit'"),
])
def test_a_wrong_option_is_one_line_and_status_2(model, own_labels, options, line, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", str(model), str(own_labels), *options]) == 2
    [said] = capsys.readouterr().err.splitlines()
    assert line in said


def test_without_cityscapesscripts_one_line_says_how_to_get_it(model, cityscapes, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cityscapesscripts", None)
    monkeypatch.delitem(sys.modules, "cityscapesscripts.evaluation", raising=False)
    assert main(["evaluate", str(model), str(cityscapes)]) == 1
    assert capsys.readouterr().err == ("instance-seg: evaluate needs cityscapesscripts: "
                                       "pip install 'instance_seg_node[evaluate]'\n")
