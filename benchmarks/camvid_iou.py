"""Semantic IoU of models on real driving frames: CamVid, whose labels tell classes apart but not instances.

    python benchmarks/camvid_iou.py models/street [MODEL ...] [--split test] [--every 4] [--sheet worst.png] [--card]
    python benchmarks/camvid_iou.py --statistics --split train --every 6

Runs each model through the node's own segmenter and compares the class map that the node publishes with the labels,
pixel by pixel over all frames; how well neighbours are told apart is not measured. One class is what the labels hold
as one:
- car: cars, vans, lorries and buses have one label; whichever of them a model says is right.
- pedestrian: person.
- bicyclist: rider and bicycle together; motorcycles and their riders are taken for it too.
Unlabelled pixels, among them parked bicycles, count for nobody. Writes benchmarks/results/camvid_iou.json.
CamVid: Brostow et al. 2009, CC BY-NC 4.0, in 480x360. With --statistics it tells instead how frames and generated
streets differ, as a network sees them; learn from train and val, and leave test for measuring.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.card import put_on_card  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.datasets.codes import CODES, IGNORE, NONE, UNKNOWN  # noqa: E402
from instance_seg_node.datasets.folder import pairs  # noqa: E402
from instance_seg_node.datasets.id_pictures import IdPictures  # noqa: E402
from instance_seg_node.datasets.street import classes as street  # noqa: E402
from instance_seg_node.datasets.streets import CAMERAS, scene  # noqa: E402
from instance_seg_node.evaluation.report import Judged  # noqa: E402
from instance_seg_node.evaluation.semantic import Correspondence, class_scores, pixel_counts  # noqa: E402
from instance_seg_node.evaluation.sheet import draw_sheet  # noqa: E402
from instance_seg_node.files.atomic_files import write_atomically  # noqa: E402
from instance_seg_node.frame import Frame  # noqa: E402
from instance_seg_node.model_spec import ObjectClass  # noqa: E402
from instance_seg_node.resolution import shrink  # noqa: E402
from instance_seg_node.segmenter import Segmenter, open_segmenter  # noqa: E402

RESULTS = HERE / "results" / "camvid_iou.json"
UNLABELLED, LABEL_COUNT = 0, 34
PERSON, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE = street.CITYSCAPES_ID
LABELS = {"sky": street.SKY, "building": street.BUILDING, "pole": street.POLE, "road": street.ROAD,
          "pavement": street.PAVEMENT, "tree": street.PLANT, "sign": street.SIGN, "fence": street.FENCE,
          "car": CAR, "pedestrian": PERSON, "bicyclist": RIDER, "unlabelled": UNLABELLED}
"""Cityscapes label id of each of CamVid's, in the order of the values in its files."""

CLASSES = (Correspondence("car", (CAR, TRUCK, BUS, TRAIN), ("car", "truck", "bus", "train")),
           Correspondence("pedestrian", (PERSON,), ("person",)),
           Correspondence("bicyclist", (RIDER, MOTORCYCLE, BICYCLE), ("rider", "bicycle", "motorcycle")))
ANY = Correspondence("object", street.CITYSCAPES_ID, tuple(c.name for c in street.CLASSES))
DRAWN = (ObjectClass(name="car", color=(0, 0, 142)), ObjectClass(name="pedestrian", color=(220, 20, 60)),
         ObjectClass(name="bicyclist", color=(119, 11, 32)))
SHEET_IMAGES = 16

HEIGHT, WIDTH = 256, 512
STREETS = [seed for seed in range(200_000, 200_064) if CAMERAS[seed % len(CAMERAS)] == 0]
"""Seeds of streets for the statistics: those that look ahead, as CamVid does."""

OBJECTS = {one.name: one.labels for one in CLASSES}
REGIONS = {name: (LABELS[name],) for name in ("sky", "road", "pavement", "building", "tree")} | OBJECTS
EDGE, FEWEST = 10, 60
"""Grey levels a pixel from which on a slope is an edge, and pixels from which on a region is described."""


def camvid(folder: Path, split: str, every: int) -> IdPictures:
    """Every `every`-th frame. All pixels of a class are one "instance" of a frame: good for drawing alone."""
    meaning, labels = np.full(CODES, UNKNOWN), np.zeros(CODES, np.uint8)
    for code, (name, label) in enumerate(LABELS.items()):
        labels[code] = label
        drawn = [k for k, one in enumerate(DRAWN) if one.name == name]
        meaning[code] = drawn[0] if drawn else IGNORE if label == UNLABELLED else NONE
    files = tuple(pairs(folder / split, "images", "labels", "").values())[::every]
    return IdPictures(f"camvid {split}", DRAWN, files, meaning, f"CamVid's are 0..{len(LABELS) - 1}", labels)


def measured(segmenter: Segmenter, frames: IdPictures) -> tuple[dict, list[Judged]]:
    """Figures of a model; and its worst frames, by the IoU of objects of any class, the worst first."""
    classes = [c.name for c in segmenter.spec.classes]
    total, judged = np.zeros((LABEL_COUNT, len(classes) + 1), np.int64), []
    for i in tqdm(range(len(frames)), desc=segmenter.spec.name, leave=False):
        frame = frames[i]
        [found] = segmenter([Frame(frame.rgb)])
        counts = pixel_counts(frame.labels, found.class_map(), LABEL_COUNT, len(classes), ignore=UNLABELLED)
        total += counts
        judged.append(Judged(i, frames.title(i), class_scores(counts, ANY, classes)["IoU"], found))
    figures = {one.name: class_scores(total, one, classes) | {"false_on": false_on(total, one, classes),
                                                              "taken_for": taken_for(total, one, classes)}
               for one in CLASSES}
    worst = sorted((j for j in judged if j.quality >= 0), key=lambda j: j.quality)[:SHEET_IMAGES]
    return {"model": segmenter.spec.name, "frames": len(frames), "classes": figures}, worst


def false_on(counts: np.ndarray, one: Correspondence, classes: list[str]) -> dict[str, float]:
    """Where the wrong pixels of a class lie: the share of each label, the largest first."""
    wrong = counts[:, [i for i, name in enumerate(classes) if name in one.classes]].sum(axis=1)
    wrong[list(one.labels)] = 0
    return shares({name: wrong[label] for name, label in LABELS.items()})


def taken_for(counts: np.ndarray, one: Correspondence, classes: list[str]) -> dict[str, float]:
    """What the true pixels of a class were found as: the share of each class, the largest first."""
    return shares(dict(zip([*classes, "nothing"], counts[list(one.labels)].sum(axis=0), strict=True)))


def shares(pixels: dict[str, int]) -> dict[str, float]:
    ranked = sorted(pixels.items(), key=lambda item: -item[1])
    return {name: round(float(count / max(sum(pixels.values()), 1)), 4) for name, count in ranked if count}


def table(figures: dict) -> str:
    lines = [f"{figures['model']} on {figures['frames']} frames", f"{'':12}   IoU  precision  recall  false on"]
    for name, scores in figures["classes"].items():
        where = ", ".join(f"{label} {share:.0%}" for label, share in list(scores["false_on"].items())[:4])
        lines.append(f"{name:12} {scores['IoU']:5.3f}  {scores['precision']:9.3f}  {scores['recall']:6.3f}  {where}")
    return "\n".join(lines)


def features(rgb: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What an image is like, as a whole and in each of REGIONS. Brightness is in 0..255.

    Height is that of connected pieces, not of objects, in percent of the image's.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 8 > EDGE
    found = {f"brightness, {p} % are below": np.percentile(grey, p) for p in (10, 50, 90)}
    found |= {"overexposed, %": 100 * (grey >= 250).mean(), "colour, max - min": np.ptp(rgb, axis=2).mean(),
              "edges, %": 100 * edges.mean()}
    for name, ids in REGIONS.items():
        inside = np.isin(labels, ids)
        found[f"{name}: area, %"] = 100 * inside.mean()
        if inside.sum() >= FEWEST:
            found |= {f"{name}: brightness": np.median(grey[inside]), f"{name}: contrast": grey[inside].std(),
                      f"{name}: edges, %": 100 * edges[inside].mean()}
        if name in OBJECTS:
            pieces = cv2.connectedComponentsWithStats(inside.view(np.uint8))[2][1:]
            heights = pieces[pieces[:, cv2.CC_STAT_AREA] >= FEWEST, cv2.CC_STAT_HEIGHT]
            if len(heights):
                found[f"{name}: height of pieces, %"] = 100 * np.median(heights) / len(labels)
    return found


def statistics(frames: IdPictures) -> str:
    """A table of the features of frames and of streets, median and in brackets the 10th and 90th percentile."""
    real = []
    for i in tqdm(range(len(frames)), desc="frames", leave=False):
        small = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        shrink(frames[i].rgb, small)
        real.append(features(small, cv2.resize(frames[i].labels, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)))
    streets = [scene(seed, HEIGHT, WIDTH) for seed in tqdm(STREETS, desc="streets", leave=False)]
    drawn = [features(street.rgb, street.labels) for street in streets]
    names = dict.fromkeys(name for one in real + drawn for name in one)
    rows = [f"{'':30}{frames.name:>22}{'streets':>22}"]
    return "\n".join(rows + [f"{name:30}{spread(name, real):>22}{spread(name, drawn):>22}" for name in names])


def spread(name: str, images: list[dict[str, float]]) -> str:
    values = [one[name] for one in images if name in one]
    return "{1:.1f} [{0:.1f} {2:.1f}]".format(*np.percentile(values, (10, 50, 90))) if values else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="*", metavar="MODEL")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/camvid"), help="folder of train, val, test")
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=1, help="4: only every fourth frame")
    parser.add_argument("--sheet", type=Path, help="a PNG of each model's worst frames, truth beside findings")
    parser.add_argument("--card", action="store_true", help="write the IoUs into model.yaml")
    parser.add_argument("--statistics", action="store_true", help="how the frames differ from generated streets")
    arguments = parser.parse_args()
    if not arguments.models and not arguments.statistics:
        parser.error("name a model, such as models/street, or --statistics")
    frames = camvid(arguments.data, arguments.split, arguments.every)
    if arguments.statistics:
        print(statistics(frames))
        return
    results, sheets = [], []
    for model in arguments.models:
        segmenter = open_segmenter(model)
        figures, worst = measured(segmenter, frames)
        results.append({"data": f"{frames.name}, every={arguments.every}, CC BY-NC 4.0"} | figures)
        print(table(figures), flush=True)
        if arguments.card:
            put_on_card(model, {f"IoU {name} on {len(frames)} real frames ({frames.name})": scores["IoU"]
                                for name, scores in figures["classes"].items()})
        if arguments.sheet:
            sheets.append(draw_sheet(worst, frames, segmenter.spec))
    if sheets:
        write_atomically(arguments.sheet, cv2.imencode(".png", np.concatenate(sheets)[..., ::-1])[1].tobytes())
    write_results(RESULTS, results, "onnxruntime", "numpy", "numba")


if __name__ == "__main__":
    main()
