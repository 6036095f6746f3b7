"""How fast is the GPU path? Each stage and the whole, beside what they need at least, and torch on the same GPU."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from ..datasets.streets import scene
from ..gpu.frame_path import FramePath, Network
from ..methods import DECODERS
from ..model_spec import ModelSpec
from ..pipelines.session import LANES, Session
from ..resolution import enlarge
from .gpu_networks import KINDS, DrawnHeads, NoNetwork, open_networks
from .gpu_pair import pairs
from .gpu_points import Needs, Point, beside, points
from .gpu_times import TimedDevice, batch_ms, batches_per_s, stage_ms
from .machine import machine
from .roofline import known_gpu

STREET = 5_000_000
"""Seed of the street that all cameras see. What is in it does not matter, since the heads are drawn."""
PAIRED_SIZE = 1024, 2048
"""Of heads that are clustered in both ways, beside the model's own."""
PACKAGES = ("tensorrt", "tensorrt-rtx", "torch", "pycuda", "nvidia-cuda-nvrtc", "numpy")


class Gpu(Protocol):
    """gpu/context.py"""

    description: str

    def lane(self) -> TimedDevice: ...


def run(gpu: Gpu, folder: Path, *, precisions: Sequence[str], cameras: Sequence[int], sizes: Sequence[tuple[int, int]],
        instances: Sequence[int], frames: int = 100, kinds: Sequence[str] = KINDS, torch_device: str = "cuda") -> dict:
    """Measure the batches of `points`, `frames` times each, with the network of a model folder, by the first of
    `kinds` that runs here; and the clustering against torch. What fails is told in its place.

    Raises InputError if the model cannot be read.
    """
    spec = ModelSpec.load(folder)
    needs, rows = Needs(folder, gpu.description), []
    for precision in precisions:
        lanes = [gpu.lane() for _ in range(LANES)]
        networks, what = open_networks(lanes, folder, spec, precision=precision, most=max(cameras), kinds=kinds)
        for point in points(precisions, cameras, sizes, instances):
            if point.precision == precision:
                rows.append(asdict(point) | {"network": what} | attempt(measured, gpu, lanes, networks, spec, point,
                                                                        frames, needs))
                gc.collect()  # arrays of the last one
    heads = dict.fromkeys([(spec.input_height, spec.input_width), PAIRED_SIZE])
    return {"gpu": gpu.description, "roofline of": known_gpu(gpu.description), "model": spec.name,
            "input": [spec.input_height, spec.input_width], "frames": frames, "batches": rows,
            "clustering against torch": attempt(pairs, gpu.lane(), list(heads), instances, torch_device),
            "machine": machine(*PACKAGES)}


def attempt(measure, *arguments) -> Any:
    """What `measure` returns; or {"failed": why}, since the others may do better."""
    try:
        return measure(*arguments)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def measured(gpu: Gpu, lanes: Sequence[TimedDevice], networks: Sequence[Network], spec: ModelSpec, point: Point,
             frames: int, needs: Needs) -> dict:
    drawn = [DrawnHeads(lane, network, spec, point.instances) for lane, network in zip(lanes, networks, strict=True)]
    messages = street(point)
    each = stage_ms(lanes[0], drawn[0], spec, messages, frames)
    whole = batch_ms(lanes[0], drawn[0], spec, messages, frames)
    session = Session([FramePath(lane, network, spec) for lane, network in zip(lanes, drawn, strict=True)], "", gpu)
    per_second = batches_per_s(session, spec, messages, frames)
    foreground = (drawn[0].of_image["seed"].max(axis=0) > spec.thresholds.foreground).mean()
    least = needs(spec, point, foreground, network=not isinstance(networks[0], NoNetwork))
    return {"stages": {name: beside(ms, least[name]) for name, ms in each.items()},
            "batch": beside(whole["device"], {"floor_ms": needs.total(least)}),
            "batch by the host's clock": whole["host"], "one graph": drawn[0].capturable(point.cameras),
            "frames_per_s, two batches at once": round(point.cameras * per_second, 1),
            **checked(session.paths[0], drawn[0], spec, messages)}


def street(point: Point) -> dict[str, SimpleNamespace]:
    """A sensor_msgs/Image of each camera."""
    height, width = point.size
    message = SimpleNamespace(encoding="rgb8", height=height, width=width, step=3 * width, is_bigendian=0,
                              data=seen(height, width))
    return {f"camera{number}": message for number in range(point.cameras)}


@cache
def seen(height: int, width: int) -> bytes:
    return scene(STREET, height, width).rgb.tobytes()


def checked(path: FramePath, drawn: DrawnHeads, spec: ModelSpec, messages: Mapping[str, Any]) -> dict:
    """How many instances come of the drawn heads, and whether they are the CPU's in each camera, bit for bit."""
    found = path(messages, spec.thresholds)
    path.wait()
    clusters = DECODERS[spec.method](spec.groups)(**drawn.of_image, thresholds=spec.thresholds)
    message = next(iter(messages.values()))
    expected = enlarge(clusters, message.height, message.width)
    equal = all(np.array_equal(getattr(result.instances, field.name), getattr(expected, field.name))
                for result in found.values() for field in fields(expected))
    return {"instances_found": len(expected), "ids_equal": equal}
