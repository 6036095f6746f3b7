"""The loss of all instances at once against one instance after the other, forward and backward.

    python benchmarks/loss.py

Drawn scenes of discs whose pixels point half the way to their centroid. The loop is test/methods/literal_loss.py, the
definition. One process, calls in turn, medians. Writes benchmarks/results/loss.json.
"""

import math
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "test" / "methods")]

from literal_loss import literal_loss  # noqa: E402

from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.methods.spatial_embedding.loss import spatial_embedding_loss  # noqa: E402
from instance_seg_node.methods.spatial_embedding.network import coordinates  # noqa: E402

BATCHES = [(4, 256, 256, 8), (4, 256, 256, 30), (1, 512, 1024, 30), (1, 512, 1024, 100)]
"""Images, height, width, instances of each image."""

CLASSES = 8
COVERED = 0.3
"""Share of the image that the discs would cover if none hid another."""

ROUNDS = 15


def scene(height: int, width: int, instances: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Raw output of an ellipse network, (4 + CLASSES, H, W), and instances, (H, W); discs of areas from 1 to 9."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid, ids = coordinates(height, width), torch.zeros(height, width, dtype=torch.long)
    raw = 0.002 * torch.randn(4 + CLASSES, height, width, generator=random)
    typical = math.sqrt(COVERED * height * width / instances / math.pi)
    for k, (at_y, at_x, size) in enumerate(torch.rand(instances, 3, generator=random).tolist(), 1):
        radius = typical * (0.5 + size)
        own = (y - at_y * height) ** 2 + (x - at_x * width) ** 2 < radius**2
        ids[own] = k
        raw[:2, own] += 0.5 * (grid[:, own].mean(1, keepdim=True) - grid[:, own])
        raw[2:4, own] += math.log(math.log(2) / (radius / 1023) ** 2) / 10  # a margin of one radius
    return raw, ids


def seconds(loss, raw: Tensor, *truth: Tensor) -> tuple[float, float]:
    """Of forward and backward, and the loss itself."""
    raw = raw.clone().requires_grad_()
    start = time.perf_counter()
    total = loss(raw, *truth, bandwidths=2).total
    total.backward()
    return time.perf_counter() - start, total.item()


def measured(images: int, height: int, width: int, instances: int) -> dict:
    random = torch.Generator().manual_seed(0)
    drawn = [scene(height, width, instances, random) for _ in range(images)]
    raw, ids = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    batch = raw, ids, ids % CLASSES
    seconds(literal_loss, *batch), seconds(spatial_embedding_loss, *batch)  # warm
    rounds = [(*seconds(literal_loss, *batch), *seconds(spatial_embedding_loss, *batch))
              for _ in tqdm(range(ROUNDS), leave=False)]
    loop_s, loop, at_once_s, at_once = (statistics.median(column) for column in zip(*rounds, strict=True))
    visible = sum(len(image.unique()) - 1 for image in ids) / images
    return {"images": images, "height": height, "width": width, "instances": visible, "loop_ms": 1e3 * loop_s,
            "at_once_ms": 1e3 * at_once_s, "times_faster": loop_s / at_once_s, "loop_loss": loop,
            "at_once_loss": at_once}


def main() -> None:
    print("images x height x width, instances of each |  loop ms | at once ms | times faster | losses")
    runs = []
    for batch in BATCHES:
        run = measured(*batch)
        runs.append(run)
        print(f"{batch[0]} x {batch[1]:4} x {batch[2]:4}, {run['instances']:22.1f} | {run['loop_ms']:8.1f} | "
              f"{run['at_once_ms']:10.1f} | {run['times_faster']:12.1f} | {run['loop_loss']:.6f} "
              f"{run['at_once_loss']:.6f}", flush=True)
    write_results(HERE / "results" / "loss.json", {"threads": torch.get_num_threads(), "rounds": ROUNDS, "runs": runs},
                  "torch")


if __name__ == "__main__":
    main()
