"""10^4 batches through the GPU as the node has them: memory stays flat, and is given back.

    python benchmarks/gpu_frames.py [MODEL] [--batches 10000] [--cycles 20] [--precision fp16] [--device cuda|cpu]

1. Batches of cameras that come and go and change their sizes; memory is read whenever all of it comes round again.
2. Opened, used and closed again, as by the node's activate and deactivate; memory is read while all is closed.
Where no plan runs, nothing stands in the network's place and heads are drawn. Writes benchmarks/results/gpu_frames.json
after both; exits with 1 if memory grows.
"""

import gc
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.gpu_pipeline import CAMERAS, PACKAGES, SIZES, messages, parser, pipeline_of  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.gpu.context import driver  # noqa: E402
from instance_seg_node.pipelines.gpu import GpuPipeline  # noqa: E402

RESULTS = HERE / "results" / "gpu_frames.json"
BATCHES_OF_A_SIZE = 100
ROUND = BATCHES_OF_A_SIZE * len(SIZES)
"""Batches after which the cameras have the same sizes again."""
SETTLING = 0.2
"""Share of the samples that is left out: the first sizes, graphs and caches."""
FLAT_BYTES = 16e6


def messages_of(number: int, images: list[SimpleNamespace]) -> dict[int, SimpleNamespace]:
    """The cameras of a batch, in turn each set of them, and what each of them sees in its size of now."""
    cameras = 1 + number % (2**CAMERAS - 1)
    return {camera: images[(number // BATCHES_OF_A_SIZE + camera) % len(SIZES)] for camera in range(CAMERAS)
            if cameras >> camera & 1}


def run_batches(pipeline: GpuPipeline, images: list[SimpleNamespace], count: int,
                sample: Callable[[], object] = lambda: None) -> list:
    """Two at once, as the node does. Returns what `sample` gave after each ROUND."""
    under_way, samples = deque(), []
    for number in tqdm(range(count), desc="batches", leave=False, disable=None):
        if len(under_way) == pipeline.depth:
            under_way.popleft()
            pipeline.finish()
        pipeline.start(messages_of(number, images))
        under_way.append(number)
        if number % ROUND == ROUND - 1:
            samples.append(sample())
    for _ in under_way:
        pipeline.finish()
    return samples


def host_bytes() -> int:
    """Of this process, in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def device_bytes() -> int:
    """Used on the GPU of this thread's context, by whomever."""
    free, total = driver().mem_get_info()
    return total - free


def closed_device_bytes() -> int:
    """The same while nobody has a context: one is made for the question and is part of the answer."""
    context = driver().Device(0).retain_primary_context()
    context.push()
    try:
        return device_bytes()
    finally:
        context.pop()
        context.detach()


def growth(samples: list[int], batches_each: int) -> dict[str, float]:
    """After the settling share: the difference of the last and the first, and a line's slope, as bytes in 10^4."""
    kept = samples[int(len(samples) * SETTLING):]
    slope = np.polyfit(np.arange(len(kept)) * batches_each, kept, 1)[0] if len(kept) > 1 else 0.0
    return {"bytes": kept[-1] - kept[0], "bytes in 10^4 by slope": float(slope * 1e4), "samples": samples}


def frames(pipeline: GpuPipeline, images: list[SimpleNamespace], batches: int) -> dict:
    begin = time.perf_counter()
    samples = run_batches(pipeline, images, batches, lambda: (device_bytes(), host_bytes()))
    taken = time.perf_counter() - begin
    device, host = (growth(list(values), ROUND) for values in zip(*samples))
    flat = all(max(grown["bytes"], grown["bytes in 10^4 by slope"]) <= FLAT_BYTES for grown in (device, host))
    return {"batches": batches, "seconds": round(taken, 2), "device": device, "host": host, "flat": flat}


def cycles(pipeline: GpuPipeline, images: list[SimpleNamespace], count: int) -> dict:
    """Of a pipeline that is closed, and is so again."""
    samples = []
    for _ in range(count):
        pipeline.open(lambda: False)
        run_batches(pipeline, images, 2**CAMERAS)
        pipeline.close()
        gc.collect()
        samples.append((closed_device_bytes(), host_bytes()))
    device, host = (growth(list(values), 1) for values in zip(*samples))
    return {"cycles": count, "device": device, "host": host, "flat": device["bytes"] <= FLAT_BYTES}


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--batches", type=int, default=10_000)
    options.add_argument("--cycles", type=int, default=20)
    chosen = options.parse_args(arguments)
    if chosen.batches < 2 * ROUND or chosen.cycles < 2:
        options.error(f"growth is seen in at least {2 * ROUND} batches and 2 cycles")
    try:
        pipeline = pipeline_of(chosen)
        pipeline.open(lambda: False)
    except InputError as error:
        options.error(str(error))
    results, images = {"model": pipeline.spec.name, "device": pipeline.description}, messages()
    results["frames"] = frames(pipeline, images, chosen.batches)
    print("frames", results["frames"], flush=True)
    write_results(RESULTS, results, *PACKAGES)
    pipeline.close()
    results["cycles"] = cycles(pipeline, images, chosen.cycles)
    print("cycles", results["cycles"], flush=True)
    write_results(RESULTS, results, *PACKAGES)
    return int(not (results["frames"]["flat"] and results["cycles"]["flat"]))


if __name__ == "__main__":
    sys.exit(main())
