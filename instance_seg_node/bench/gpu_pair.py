"""The clustering on a GPU against the literal loop of METHODS 1.6 in torch on the same GPU: same heads, in turn."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..gpu.clustering import Clustering
from ..methods import Clusters
from ..model_spec import Thresholds
from .gpu_times import TimedDevice, device_ms
from .heads import drawn_heads

REPEATS = 11


def pairs(device: TimedDevice, sizes: Sequence[tuple[int, int]], instances: Sequence[int],
          torch_device: str = "cuda") -> list[dict] | str:
    """A row for each size (height, width) of the heads and number of instances, of one class; or why there is none."""
    try:
        import torch
    except ImportError as error:
        return f"not run: {error}"
    if torch_device == "cuda" and not torch.cuda.is_available():
        return f"not run: torch {torch.__version__} has no GPU here"
    return [pair(device, *size, number, torch_device) for size in sizes for number in instances]


def pair(device: TimedDevice, height: int, width: int, instances: int, torch_device: str) -> dict:
    """Medians in milliseconds: of both by the host's clock, to the ids in its memory, and of the clustering by the
    device's, without the way down."""
    import torch

    from .clustering import in_turn, torch_loop

    heads, thresholds = drawn_heads(height, width, instances), Thresholds()
    clustering = Clustering(device, [[0]], 1, (1, height, width))
    arrays = {name: device.array((1, *head.shape), head.dtype) for name, head in heads.items()}
    for name, head in heads.items():
        device.upload(arrays[name], head[None])
    tensors = [torch.from_numpy(head).to(torch_device) for head in heads.values()]
    ask, found = partial(clustering, **arrays, thresholds=thresholds), {}

    def ours() -> None:
        ask()
        found["ours"] = clustering.clusters()[0]

    def theirs() -> None:
        found["theirs"] = torch_loop(*tensors, thresholds)

    on_device = device_ms(device, ask, REPEATS)
    ours_ms, theirs_ms = (1e3 * float(np.median(seconds)) for seconds in in_turn(ours, theirs, REPEATS))
    return {"height": height, "width": width, "instances": instances, "instances_found": len(found["ours"].scores),
            "clustering_device_ms": round(float(np.median(on_device)), 4), "clustering_ms": round(ours_ms, 4),
            "torch_loop_ms": round(theirs_ms, 4), "times_faster": round(theirs_ms / ours_ms, 2),
            "ids_equal": same(found["ours"], found["theirs"])}


def same(one: Clusters, other: Clusters) -> bool:
    """Bit for bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("id_map", "class_ids", "scores"))
