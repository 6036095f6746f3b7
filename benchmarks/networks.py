"""What each network costs: a frame in ONNX Runtime, and a step of training, in turn in one process; medians.

    python benchmarks/networks.py

Exported with 2 bandwidths and 8 classes from chance: time does not depend on weights. Writes
benchmarks/results/networks.json.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.methods.spatial_embedding.network import (  # noqa: E402
    SpatialEmbedding,
    spatial_embedding_network,
)
from instance_seg_node.methods.spatial_embedding.networks import NETWORKS  # noqa: E402
from instance_seg_node.training.export import write_onnx  # noqa: E402

SIZES = [(256, 512), (512, 1024)]
CROPS = (4, 3, 256, 256)
"""A batch of training: images, channels, height, width."""

FRAMES, STEPS = 30, 8


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    results = {f"frame {h}x{w}": measured({name: frame(name, h, w, cores) for name in NETWORKS}, FRAMES)
               for h, w in SIZES}
    results["training step " + "x".join(map(str, CROPS))] = measured({name: step(name) for name in NETWORKS}, STEPS)
    for what, found in results.items():
        print(what, found)
    write_results(HERE / "results" / "networks.json", results, "onnxruntime", "torch", "numpy")


def frame(name: str, height: int, width: int, threads: int) -> Callable[[], object]:
    """Runs the exported graph on one image."""
    graph = SpatialEmbedding(spatial_embedding_network(2, 8, network=name), 2, height, width).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As in the node; and the pool of one network would take the cores from the other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(graph, Path(folder) / "model.onnx", height, width)
        session = onnxruntime.InferenceSession(Path(folder) / "model.onnx", options, ["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    return lambda: session.run(None, {"image": image})


def step(name: str) -> Callable[[], object]:
    """Runs the network forward and back on a batch, and Adam, with any loss."""
    network = spatial_embedding_network(2, 8, network=name, dropout=0.0).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters())
    images = torch.rand(CROPS).to(memory_format=torch.channels_last)

    def run() -> None:
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()

    return run


def measured(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each, called in turn, and how many times as long as the last the others take."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in tqdm(range(rounds + 2)):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if round_ >= 2:
                times[name].append(time.perf_counter() - begin)
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    *others, last = median
    return ({f"{name} ms": round(1e3 * seconds, 1) for name, seconds in median.items()}
            | {f"{name} / {last}": round(median[name] / median[last], 2) for name in others})


if __name__ == "__main__":
    main()
