"""Average precision of models on generated streets they have never seen.

    python benchmarks/street_ap.py MODEL [MODEL ...] --recipe config/recipes/street.yaml [--card] [--thresholds]

Runs each shipped ONNX through the node's own segmenter on the test split of the recipe, writes
benchmarks/results/street_ap.json, and with --card the figures into each model's card. With --thresholds it compares
settings on the validation split instead, which is how the cards' thresholds were chosen.
"""

import argparse
import itertools
from pathlib import Path

from tqdm import tqdm

from instance_seg_node.bench.machine import write_results
from instance_seg_node.evaluation import average_precision
from instance_seg_node.frame import Frame
from instance_seg_node.methods import DECODERS
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.resolution import enlarge
from instance_seg_node.segmenter import open_segmenter
from instance_seg_node.training.recipe import Recipe
from instance_seg_node.training.scenes import load, rendered, split_seeds

RESULTS = Path(__file__).parent / "results" / "street_ap.json"


def scenes_of(recipe: Recipe, split: str, cache: Path) -> list:
    count = getattr(recipe.scenes, split)
    files = rendered(cache, split_seeds(split, count, recipe.scenes.seed), recipe.input_height, recipe.input_width)
    return [load(file) for file in files]


def measured(segmenter, truths: list) -> dict[str, float]:
    found = [segmenter([Frame(truth.rgb)])[0] for truth in tqdm(truths, desc="segmenting", leave=False)]
    return average_precision(found, truths, [c.name for c in segmenter.spec.classes])


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
    parser.add_argument("--card", action="store_true", help="write the figures into model.yaml")
    parser.add_argument("--thresholds", action="store_true", help="compare settings on the validation split")
    arguments = parser.parse_args()
    recipe = Recipe.load(arguments.recipe)
    if recipe.scenes is None:
        parser.error(f"{arguments.recipe} does not learn from streets. For other data: instance-seg evaluate")
    truths, results = scenes_of(recipe, "validation" if arguments.thresholds else "test", arguments.cache), []
    for model in arguments.models:
        segmenter = open_segmenter(model)
        if arguments.thresholds:
            compare_thresholds(segmenter, truths)
            continue
        scores = measured(segmenter, truths)
        results.append({"model": segmenter.spec.name, "scenes": len(truths), "scores": scores})
        print(results[-1], flush=True)
        if arguments.card:
            card = {f"{name} on {len(truths)} held-out streets": round(score, 4) for name, score in scores.items()}
            ModelSpec.load(model).model_copy(update={"measured": card}).save(model)
    if results:
        write_results(RESULTS, results, "onnxruntime", "numpy", "numba", "pycocotools")


if __name__ == "__main__":
    main()
