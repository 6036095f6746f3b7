"""What each choice of inference brings on streets that no training has seen, everything else as the model is shipped.

    python benchmarks/choices.py [MODEL] [--streets 60] [--json]

Labels have a camera's resolution: at twice the network's input all ways to enlarge are the same. Differences are in
points of AP; a sign that the two halves of the streets do not share is chance. Writes benchmarks/results/choices.json.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.choice_variants import SHIPPED, Choice, choices_of, heads_of, instances  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.datasets.street import CLASSES  # noqa: E402
from instance_seg_node.engines import Engine  # noqa: E402
from instance_seg_node.evaluation.coco import CocoPrecision  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402
from instance_seg_node.models import DEFAULT_MODEL, find_model  # noqa: E402
from instance_seg_node.resolution import shrink  # noqa: E402
from instance_seg_node.segmenter import open_segmenter  # noqa: E402
from instance_seg_node.training.recipe import Recipe  # noqa: E402
from instance_seg_node.training.scenes import load, split_files  # noqa: E402

RESULTS = HERE / "results" / "choices.json"
RECIPE = HERE.parent / "config" / "recipes" / "street.yaml"
SCENES = HERE.parent / "runs" / "street" / "scenes"
HEIGHT, WIDTH = 1024, 2048
"""Of the labels, in pixels."""


def measured(choices: dict[str, Choice], network: Engine, spec: ModelSpec, files: list[Path]) -> dict[str, dict]:
    """Of each choice the scores on all streets and on both halves, see CocoPrecision, and milliseconds a frame, None
    if not timed.

    Halves are of streets in a row: which camera sees a street goes by its number modulo 8.
    """
    precision = {name: [CocoPrecision([c.name for c in spec.classes]) for _ in range(3)] for name in choices}
    ms: dict[str, list[float]] = {name: [] for name in choices}
    rgb = np.empty((spec.input_height, spec.input_width, 3), np.uint8)
    for i, file in enumerate(tqdm(files, desc="streets")):
        truth = load(file)
        shrink(truth.rgb, rgb)
        heads = heads_of(network, rgb)
        for name, choice in choices.items():
            begin = time.perf_counter()
            found = instances(choice, network, rgb, heads, truth.instance_map.shape)
            ms[name].append(1e3 * (time.perf_counter() - begin))
            precision[name][0].add(found, truth)
            precision[name][1 + 2 * i // len(files)].add(found, truth)
    return {name: {"scores": [part.scores() for part in precision[name]],
                   "ms": statistics.median(ms[name]) if choice.timed else None}
            for name, choice in tqdm(choices.items(), desc="scores")}


def figures(scores: dict) -> dict[str, float]:
    """In points of AP, the last three by COCO's sizes at the labels' resolution."""
    return {name: 100 * score for name, score in [("AP", scores["AP"]), ("AP50", scores["AP50"]),
                                                  *scores["sizes"].items()]}


def differences(own: dict, shipped: dict) -> dict:
    """Of a choice to the shipped way: in points, also those of the AP of each half, and in milliseconds a frame."""
    points, *halves = ({name: figure - figures(b)[name] for name, figure in figures(a).items()}
                       for a, b in zip(own["scores"], shipped["scores"], strict=True))
    ms = None if own["ms"] is None else own["ms"] - shipped["ms"]
    return points | {"AP of halves": [half["AP"] for half in halves], "ms": ms}


def table(results: dict) -> str:
    shipped = results["shipped"]
    lines = [f"{'':37}" + "".join(f"{name:>9}" for name in [*shipped, "1st half", "2nd half", "ms"]),
             f"{SHIPPED:37}" + "".join(f"{figure:9.2f}" for figure in shipped.values())]
    for name, found in results["choices"].items():
        points = [found[column] for column in shipped] + found["AP of halves"]
        ms = "" if found["ms"] is None else f"{found['ms']:+9.1f}"
        lines.append(f"{name:37}" + "".join(f"{difference:+9.2f}" for difference in points) + ms)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, help="a shipped model or a model's folder")
    parser.add_argument("--streets", type=int, default=60, help="of the validation split, two or more")
    parser.add_argument("--json", action="store_true", help="print the results as they are written")
    arguments = parser.parse_args()
    if arguments.streets < 2:
        parser.error(f"--streets {arguments.streets} cannot be halved. Take two or more")
    segmenter = open_segmenter(find_model(arguments.model))
    if [c.name for c in segmenter.spec.classes] != [c.name for c in CLASSES]:
        parser.error(f"{arguments.model} has other classes than generated streets. Choose a model of streets")
    files = split_files(SCENES, "validation", arguments.streets, Recipe.load(RECIPE).scenes.seed, HEIGHT, WIDTH)
    choices = choices_of(segmenter.spec)
    found = measured(choices, segmenter.engine, segmenter.spec, files)
    shipped = found.pop(SHIPPED)
    results = {"model": segmenter.spec.name, "streets": arguments.streets, "labels": [HEIGHT, WIDTH],
               "shipped": figures(shipped["scores"][0]),
               "choices": {name: differences(own, shipped) for name, own in found.items()}}
    write_results(RESULTS, results, "onnxruntime", "numpy", "numba", "opencv-python-headless", "pycocotools")
    print(json.dumps(results, indent=2) if arguments.json else table(results))


if __name__ == "__main__":
    main()
