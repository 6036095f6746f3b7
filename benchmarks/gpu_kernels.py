"""The kernels against the CPU path, on fresh random inputs: on a GPU, or thread by thread on this machine's processor.

    python benchmarks/gpu_kernels.py [--device cuda|cpu] [--rounds 100] [--size 512x1024] [--seed N] [--name NAME]

Each round converts a message of random bytes, clusters drawn heads, enlarges the clusters to a camera and draws them,
and compares every result bit for bit. Writes benchmarks/results/gpu_kernels-NAME.json; exits with 1 on a difference.
"""

import argparse
import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "test")]

from instance_seg_node.bench.heads import drawn_heads  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.cli.options import height_and_width  # noqa: E402
from instance_seg_node.datasets.street import CLASSES  # noqa: E402
from instance_seg_node.drawing import instance_colours, overlay  # noqa: E402
from instance_seg_node.encodings import ENCODINGS, rgb_of_image  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.gpu.clustering import Clustering  # noqa: E402
from instance_seg_node.gpu.conversion import Conversion, layout_of  # noqa: E402
from instance_seg_node.gpu.device import Array, Device  # noqa: E402
from instance_seg_node.gpu.enlarging import Enlarging  # noqa: E402
from instance_seg_node.gpu.overlay import Overlay  # noqa: E402
from instance_seg_node.instances import UNLABELLED, Instances  # noqa: E402
from instance_seg_node.methods import DECODERS, Clusters  # noqa: E402
from instance_seg_node.model_spec import Thresholds  # noqa: E402
from instance_seg_node.resolution import enlarge, shrink  # noqa: E402

RESULTS = HERE / "results"
GROUPS = ([[0]], [[0], [1], [2]], [[c] for c in range(8)], [[0], [1], [2, 3, 4, 5], [6, 7]])


def open_device(name: str, seed: int) -> Device:
    """Raises InputError if there is no GPU."""
    if name == "cuda":
        from instance_seg_node.gpu.context import Gpu

        return Gpu().lane()
    from cuda_on_cpu import CpuDevice

    return CpuDevice(shuffle=seed, limit=10**12)


def on_device(device: Device, values: np.ndarray) -> Array:
    array = device.array(values.shape, values.dtype)
    device.upload(array, values)
    return array


def conversion_differs(device: Device, rng: np.random.Generator, size: tuple[int, int]) -> bool:
    """A camera's message of random bytes, to the network's input."""
    name = rng.choice(list(ENCODINGS))
    encoding = ENCODINGS[name]
    height, width = (int(side * rng.choice([1, 2, 1.5, 2.11, 0.7])) // 2 * 2 for side in size)
    step = width * encoding.samples * encoding.sample_bytes + int(rng.integers(9))
    data = rng.integers(0, 256, encoding.data_rows(height) * step, np.uint8)
    message = SimpleNamespace(encoding=name, height=height, width=width, step=step, data=data,
                              is_bigendian=int(rng.integers(2)))
    expected, batch = np.empty((*size, 3), np.uint8), device.array((1, *size, 3), np.uint8)
    shrink(rgb_of_image(message), expected)
    conversion = Conversion(device, layout_of(message))
    conversion.load(message)
    conversion.send()
    conversion(batch, 0)
    return not np.array_equal(device.download(batch)[0], expected)


def heads_of(rng: np.random.Generator, size: tuple[int, int], classes: int) -> list[np.ndarray]:
    """Drawn objects of each class, all in one image; sometimes noise, of which nothing can be expected."""
    if rng.random() < 0.1:
        scales = (2, 1), (2, 1e4), (classes, 1)
        return [rng.random((channels, *size), np.float32) * np.float32(scale) for channels, scale in scales]
    each = [drawn_heads(*size, int(rng.integers(1, 40)), random_state=int(rng.integers(1 << 31)))
            for _ in range(classes)]
    seed = np.concatenate([heads["seed"] for heads in each])
    winner = seed.argmax(axis=0)[None, None]
    embedding, bandwidth = (np.take_along_axis(np.stack([heads[name] for heads in each]), winner, axis=0)[0]
                            for name in ("embedding", "bandwidth"))
    if rng.random() < 0.5:
        bandwidth = np.concatenate([bandwidth, bandwidth * rng.uniform(0.5, 2, bandwidth.shape).astype(np.float32)])
    return [np.ascontiguousarray(head, np.float32) for head in (embedding, bandwidth, seed)]


def clusters_of(device: Device, rng: np.random.Generator, size: tuple[int, int]) -> tuple[Clustering, Clusters]:
    """The same heads clustered on the device and by the CPU."""
    groups = GROUPS[rng.integers(len(GROUPS))]
    heads = heads_of(rng, size, sum(map(len, groups)))
    thresholds = Thresholds(refine=bool(rng.integers(2)), foreground=float(rng.choice([0.2, 0.5])),
                            seed=float(rng.choice([0.5, 0.9])), min_pixels=int(rng.choice([12, 128])))
    clustering = Clustering(device, groups, len(heads[1]), (1, *size))
    clustering(*(on_device(device, head[None]) for head in heads), thresholds)
    return clustering, DECODERS["spatial_embedding"](groups)(*heads, thresholds)


def differ(found: object, expected: object) -> bool:
    return any(not np.array_equal(getattr(found, f.name), getattr(expected, f.name)) for f in fields(type(expected)))


def enlarged(device: Device, rng: np.random.Generator, clustering: Clustering, size: tuple[int, int]) -> Enlarging:
    height, width = (max(int(side * rng.choice([1, 2, 1.5, 2.37, 0.6])), 1) for side in size)
    enlarging = Enlarging(device, height, width, clustering.class_ids.shape[1])
    enlarging(clustering.id_map[0], clustering.class_ids[0], clustering.scores[0], clustering.count[0:1])
    return enlarging


def overlay_differs(device: Device, rng: np.random.Generator, enlarging: Enlarging, instances: Instances) -> bool:
    rgb, spec = rng.integers(0, 256, (*instances.id_map.shape, 3), np.uint8), SimpleNamespace(classes=CLASSES)
    drawing = Overlay(device, *instances.id_map.shape)
    drawing(on_device(device, rgb), enlarging.id_map, instance_colours(instances, spec))
    return not np.array_equal(device.download(drawing.picture), overlay(rgb, instances, spec, labels=False))


def compared(device: Device, rng: np.random.Generator, size: tuple[int, int]) -> dict[str, bool]:
    """Which steps of one round differ from the CPU's."""
    clustering, clusters = clusters_of(device, rng, size)
    enlarging = enlarged(device, rng, clustering, size)
    instances = enlarge(clusters, *enlarging.id_map.shape)
    classes = np.append(instances.class_ids, UNLABELLED).astype(np.uint8)[instances.id_map.astype(np.int64) - 1]
    return {"convert": conversion_differs(device, rng, size), "cluster": differ(clustering.clusters()[0], clusters),
            "enlarge": differ(enlarging.instances(), instances),
            "class map": not np.array_equal(device.download(enlarging.class_map), classes),
            "overlay": overlay_differs(device, rng, enlarging, instances)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--size", default="512x1024", metavar="HEIGHTxWIDTH", help="of the network's input")
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the next have the next ones")
    parser.add_argument("--name", default="", help="of the results file; by default the device's")
    options = parser.parse_args(arguments)
    try:
        size = height_and_width(options.size, "--size")
        seed = int(np.random.SeedSequence().entropy % (1 << 31)) if options.seed is None else options.seed
        device = open_device(options.device, seed)
    except InputError as error:
        parser.error(str(error))
    differences, failed = Counter(), []
    print(f"first seed: {seed}", flush=True)  # to be known even where a kernel ends the process
    for number in tqdm(range(seed, seed + options.rounds), desc="rounds", leave=False):
        found = compared(device, np.random.default_rng(number), size)
        differences.update({step: int(differs) for step, differs in found.items()})
        failed += [number] * any(found.values())
    results = {"device": getattr(device, "description", "CUDA on a CPU"), "rounds": options.rounds, "size": size,
               "seed": seed, "differences": dict(differences), "failed": failed}
    print(results)
    write_results(RESULTS / f"gpu_kernels-{options.name or options.device}.json", results, "numpy", "numba",
                  "opencv-python-headless", "pycuda", "nvidia-cuda-nvrtc")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
