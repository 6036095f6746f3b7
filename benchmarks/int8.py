"""What static 8 bits (QDQ) bring a model on this CPU: time of a frame, in turn in one process, and AP on test streets.

    python benchmarks/int8.py [MODEL] [--calibration 32] [--streets 200] [--scenes FOLDER] [--json]

Activations are calibrated on validation streets. Worth keeping are 8 bits if a frame takes at most 1/2.5 of the time
and less than one point of AP is lost. The 8-bit model is not kept here. Writes benchmarks/results/int8.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks import networks, street_ap  # noqa: E402
from benchmarks.quantise import quantise  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.datasets.labelled_image import LabelledImage  # noqa: E402
from instance_seg_node.datasets.street import CLASSES  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402
from instance_seg_node.models import DEFAULT_MODEL, find_model  # noqa: E402
from instance_seg_node.segmenter import Segmenter, open_segmenter  # noqa: E402
from instance_seg_node.training.recipe import Recipe  # noqa: E402
from instance_seg_node.training.scenes import load, split_files  # noqa: E402

RESULTS = HERE / "results" / "int8.json"
RECIPE = HERE.parent / "config" / "recipes" / "street.yaml"
SCENES = HERE.parent / "runs" / "street" / "scenes"

LEAST_RATIO, LARGEST_LOSS = 2.5, 1.0
"""Of the times of fp32 and INT8, and of AP in points."""


def streets(spec: ModelSpec, split: str, count: int, scenes: Path) -> list[LabelledImage]:
    """The first streets of a split, at the network's size."""
    files = split_files(scenes, split, count, Recipe.load(RECIPE).scenes.seed, spec.input_height, spec.input_width)
    return [load(file) for file in files]


def compared(fp32: Segmenter, int8: Segmenter, truths: list[LabelledImage]) -> dict:
    """Milliseconds of the network a frame and AP in points, of both; and whether 8 bits are worth keeping."""
    image, segmenters = truths[0].rgb[None], {"fp32": fp32, "INT8": int8}
    times = networks.measured({name: lambda s=s: s.engine(image) for name, s in segmenters.items()}, networks.FRAMES)
    scores = {name: street_ap.measured(s, truths)[0] for name, s in segmenters.items()}
    points = {name: {what: 100 * scores[name][what] for what in ("AP", "AP50")} for name in segmenters}
    lost = {f"{what} lost": points["fp32"][what] - points["INT8"][what] for what in ("AP", "AP50")}
    return (times | {f"{name} {what}": score for name, both in points.items() for what, score in both.items()}
            | lost | {"kept": is_kept(times["fp32 / INT8"], lost["AP lost"])})


def is_kept(ratio: float, lost: float) -> bool:
    """ratio: of the times of fp32 and INT8. lost: AP in points."""
    return ratio >= LEAST_RATIO and lost < LARGEST_LOSS


def table(results: dict) -> str:
    return "\n".join(f"{name:13}{value:.2f}" if isinstance(value, float) else f"{name:13}{value}"
                     for name, value in results.items())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, help="a shipped model or a model's folder")
    parser.add_argument("--calibration", type=int, default=32, help="streets of the validation split")
    parser.add_argument("--streets", type=int, default=200, help="of the test split")
    parser.add_argument("--scenes", type=Path, default=SCENES, help="where rendered streets are kept")
    parser.add_argument("--json", action="store_true", help="print the results as they are written")
    options = parser.parse_args(arguments)
    if min(options.calibration, options.streets) < 1:
        parser.error("--calibration and --streets must be one or more")
    model = find_model(options.model)
    fp32 = open_segmenter(model, device="cpu")
    if [c.name for c in fp32.spec.classes] != [c.name for c in CLASSES]:
        parser.error(f"{options.model} has other classes than generated streets. Choose a model of streets")
    calibration = streets(fp32.spec, "validation", options.calibration, options.scenes)
    truths = streets(fp32.spec, "test", options.streets, options.scenes)
    with tempfile.TemporaryDirectory() as folder:
        quantise(model, (street.rgb for street in calibration), Path(folder))
        found = compared(fp32, open_segmenter(Path(folder), device="cpu"), truths)
    results = {"model": fp32.spec.name, "calibration": options.calibration, "streets": options.streets} | found
    write_results(RESULTS, results, "onnxruntime", "onnx", "numpy", "numba", "pycocotools")
    print(json.dumps(results, indent=2) if options.json else table(results))


if __name__ == "__main__":
    main()
