"""Average precision of models on generated streets they have never seen.

    python benchmarks/street_ap.py MODEL [MODEL ...] --recipe config/recipes/street.yaml [--size 512x1024] [--card]
                                   [--thresholds]

Runs each shipped ONNX through the node's own segmenter on the test split of the recipe, rendered in the size of its
input or in --size, and writes benchmarks/results/street_ap.json, street_ap-SIZE.json with --size; with --card the
figures go into each model's card too. With --thresholds it compares settings on the validation split instead, which is
how the cards' thresholds were chosen.
"""

import argparse
import itertools
import statistics
import sys
from pathlib import Path

from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.card import put_on_card  # noqa: E402
from instance_seg_node.bench.machine import machine, write_results  # noqa: E402
from instance_seg_node.cli.options import height_and_width  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.evaluation import average_precision  # noqa: E402
from instance_seg_node.frame import Frame  # noqa: E402
from instance_seg_node.methods import DECODERS  # noqa: E402
from instance_seg_node.resolution import enlarge  # noqa: E402
from instance_seg_node.segmenter import open_segmenter  # noqa: E402
from instance_seg_node.training.recipe import Recipe  # noqa: E402
from instance_seg_node.training.scenes import load, split_files  # noqa: E402

RESULTS = HERE / "results"


def scenes_of(recipe: Recipe, split: str, cache: Path, size: tuple[int, int] | None = None) -> list:
    """size: height and width; None: those of the recipe's input."""
    count = getattr(recipe.scenes, split)
    size = size or (recipe.input_height, recipe.input_width)
    return [load(file) for file in split_files(cache, split, count, recipe.scenes.seed, *size)]


def measured(segmenter, truths: list) -> tuple[dict[str, float], float]:
    """Average precision, and the median of the network's milliseconds."""
    found, network_ms = [], []
    for truth in tqdm(truths, desc="segmenting", leave=False):
        found += segmenter([Frame(truth.rgb)])
        network_ms.append(segmenter.stage_ms["network"])
    names = [c.name for c in segmenter.spec.classes]
    return average_precision(found, truths, names), statistics.median(network_ms)


def compare_thresholds(segmenter, truths: list) -> None:
    """The network runs once on each image; its heads are clustered with every setting."""
    heads = [segmenter.engine(truth.rgb[None]) for truth in tqdm(truths, desc="network", leave=False)]
    decode = DECODERS[segmenter.spec.method](segmenter.spec.groups)
    for foreground, seed, min_pixels, refine in itertools.product((0.1, 0.2, 0.3, 0.5), (0.5, 0.6, 0.7, 0.8), (12, 24),
                                                                  (False, True)):
        if seed < foreground:
            continue
        changes = {"foreground": foreground, "seed": seed, "min_pixels": min_pixels, "refine": refine}
        thresholds = segmenter.spec.thresholds.model_copy(update=changes)
        found = [enlarge(decode(**{name: head[0] for name, head in one.items()}, thresholds=thresholds),
                         *truth.instance_map.shape) for one, truth in zip(heads, truths, strict=True)]
        scores = average_precision(found, truths, [c.name for c in segmenter.spec.classes])
        print(f"{changes}: AP {scores['AP']:.4f}, AP50 {scores['AP50']:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/street/scenes"), help="where rendered scenes are kept")
    parser.add_argument("--size", metavar="HEIGHTxWIDTH", help="of the streets; else that of the recipe's input")
    parser.add_argument("--card", action="store_true", help="write the figures into model.yaml")
    parser.add_argument("--thresholds", action="store_true", help="compare settings on the validation split")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    if recipe.scenes is None:
        parser.error(f"{arguments.recipe} does not learn from streets. For other data: instance-seg evaluate")
    if arguments.thresholds and arguments.size:
        parser.error("--thresholds looks at streets of the input's size. Leave --size out")
    try:
        size = height_and_width(arguments.size, "--size") if arguments.size else None
    except InputError as error:
        parser.error(str(error))
    truths = scenes_of(recipe, "validation" if arguments.thresholds else "test", arguments.cache, size)
    results = []
    for model in arguments.models:
        segmenter = open_segmenter(model)
        if arguments.thresholds:
            compare_thresholds(segmenter, truths)
            continue
        scores, network_ms = measured(segmenter, truths)
        results.append({"model": segmenter.spec.name, "scenes": len(truths), "size": truths[0].rgb.shape[:2],
                        "network_ms": network_ms, "scores": scores})
        print(results[-1], flush=True)
        if arguments.card:
            streets = f"{len(truths)} held-out streets{f' of {arguments.size}' if size else ''}"
            here = machine()
            put_on_card(model, {f"{name} on {streets}": score for name, score in scores.items()}
                        | {f"ms of the network on {here['cores']} cores, {here['processor']}": network_ms,
                           "MB of model.onnx": (model / "model.onnx").stat().st_size / 1e6})
    if results:
        name = f"street_ap-{arguments.size}.json" if size else "street_ap.json"
        write_results(RESULTS / name, results, "onnxruntime", "numpy", "numba", "pycocotools")


if __name__ == "__main__":
    main()
