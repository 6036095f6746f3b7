"""Plans of the shipped models on a GPU: heads against ONNX Runtime's, and camera bytes to masks, with their times.

    python benchmarks/gpu_engine.py [MODEL ...] [--precision fp16] [--runtime tensorrt-rtx] [--gpu this] [--frames 200]

For each model it says whether its plan is built and loads here, and if not, why; with --gpu sm_80,sm_89, whether one
that was built for these does. Heads are compared on streets of the
model's input size; times are of one 2048x1024 rgb8 camera, by the host's clock, from the message to downloaded masks.
Writes benchmarks/results/gpu_engine-PRECISION[-elsewhere].json; exits with 1 if no plan ran.
"""

import argparse
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.datasets.streets import scene  # noqa: E402
from instance_seg_node.engines import Engine, open_engine  # noqa: E402
from instance_seg_node.engines.plans import find_or_build  # noqa: E402
from instance_seg_node.engines.runtimes import find_runtime  # noqa: E402
from instance_seg_node.engines.trt import TrtNetwork, TrtPlan  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.gpu.context import Gpu  # noqa: E402
from instance_seg_node.gpu.device import Device  # noqa: E402
from instance_seg_node.gpu.frame_path import FramePath, Network  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402
from instance_seg_node.models import find_model, shipped  # noqa: E402

RESULTS = HERE / "results"
STREETS = range(5_000_000, 5_000_008)
CAMERA = (1024, 2048)
WARM_UP = 20


def differences(device: Device, network: Network, engine: Engine, images: list[np.ndarray]) -> dict[str, float]:
    """The largest difference of each head from ONNX Runtime's; of bandwidths relative to them."""
    largest: dict[str, float] = {}
    for image in images:
        device.upload(network.images[:1], image[None])
        network(1)
        for name, expected in engine(image[None]).items():
            difference = np.abs(device.download(network.heads[name][:1]) - expected)
            difference = difference / expected if name == "bandwidth" else difference
            largest[name] = max(largest.get(name, 0.0), float(difference.max()))
    return largest


def milliseconds(path: FramePath, spec: ModelSpec, rgb: np.ndarray, frames: int) -> dict[str, float]:
    """Of `frames` frames, from the message's bytes to downloaded instances: median, 95 % and 99 % of them."""
    message = SimpleNamespace(encoding="rgb8", height=rgb.shape[0], width=rgb.shape[1], step=3 * rgb.shape[1],
                              is_bigendian=0, data=rgb.tobytes())
    taken = []
    for _ in range(WARM_UP + frames):
        begin = time.perf_counter()
        results = path({"front": message}, spec.thresholds)
        path.wait()
        assert results["front"].instances is not None
        taken.append(1e3 * (time.perf_counter() - begin))
    return dict(zip(("p50", "p95", "p99"), np.percentile(taken[WARM_UP:], (50, 95, 99)).tolist(), strict=True))


def measured(gpu: Gpu, folder: Path, options: argparse.Namespace) -> dict:
    """What a model's plan does here; or "not run": why."""
    spec = ModelSpec.load(folder)
    try:
        runtime = find_runtime(options.runtime)
        plan = find_or_build(folder, precision=options.precision, gpu=options.gpu, runtime=runtime.name)
        lane = gpu.lane()
        network = TrtNetwork(TrtPlan(runtime, plan.content), lane)
    except InputError as error:
        return {"model": spec.name, "not run": str(error)}
    images = [scene(seed, spec.input_height, spec.input_width).rgb for seed in STREETS]
    path = FramePath(lane, network, spec)
    return {"model": spec.name, "plan": plan.key, "largest difference": differences(
        lane, network, open_engine(folder, spec, device="cpu"), images),
        "ms": milliseconds(path, spec, scene(STREETS[0], *CAMERA).rgb, options.frames)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[folder.name for folder in shipped()], metavar="MODEL")
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--runtime", default="", help="tensorrt or tensorrt-rtx; default: the one that is installed")
    parser.add_argument("--gpu", default="this", help="that the plan is built for; others by tensorrt-rtx alone")
    parser.add_argument("--frames", type=int, default=200)
    options = parser.parse_args(arguments)
    try:
        folders, gpu = [find_model(model) for model in options.models], Gpu()
    except InputError as error:
        parser.error(str(error))
    found = [measured(gpu, folder, options) for folder in folders]
    for result in found:
        print(result, flush=True)
    results = {"device": gpu.description, "precision": options.precision, "built for": options.gpu, "camera": CAMERA,
               "models": found}
    where = "" if options.gpu == "this" else "-elsewhere"
    write_results(RESULTS / f"gpu_engine-{options.precision}{where}.json", results, "tensorrt", "tensorrt-rtx",
                  "pycuda", "onnxruntime", "numpy")
    return int(all("not run" in result for result in found))


if __name__ == "__main__":
    sys.exit(main())
