"""Which batches are measured, and the floor of each: what it needs at least on the GPU at hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import onnx

from ..errors import InputError
from ..model_spec import ModelSpec
from .roofline import GPUS, Stage, counted, known_gpu, stages


@dataclass(frozen=True)
class Point:
    """What a batch is: messages of rgb8 by so many cameras of a size (height, width)."""

    precision: str
    cameras: int
    size: tuple[int, int]
    instances: int


def points(precisions: Sequence[str], cameras: Sequence[int], sizes: Sequence[tuple[int, int]],
           instances: Sequence[int]) -> list[Point]:
    """The first of each; and each other one, with the first of the others."""
    axes = dict(zip((field.name for field in fields(Point)), (precisions, cameras, sizes, instances), strict=True))
    base = Point(**{name: values[0] for name, values in axes.items()})
    return [base, *(replace(base, **{name: value}) for name, values in axes.items() for value in values[1:])]


class Needs:
    """The floor of each stage on a GPU (roofline.py), if it is a known one: what it is sold with, not what it does."""

    def __init__(self, folder: Path, description: str):
        try:
            model = onnx.load(folder / "model.onnx")
        except Exception as error:  # protobuf's and the file system's
            raise InputError(f"{folder}/model.onnx cannot be read: {error}") from error
        _, height, width, _ = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
        self._count, self._pixels, self._gpu = counted(model), height * width, GPUS.get(known_gpu(description))

    def __call__(self, spec: ModelSpec, point: Point, foreground: float, network: bool) -> dict[str, dict]:
        """By the names of frame_path.STAGES: bytes, multiply-adds, and on a known GPU milliseconds. A network that is
        none needs nothing."""
        heads = 2 + spec.bandwidths + len(spec.classes)
        counts = stages(self._count, self._pixels, heads, spec.input_height, spec.input_width, camera=point.size,
                        cameras=point.cameras, precision=point.precision, foreground=float(foreground))
        counts = [stage if network or stage.name != "network" else Stage("network", 0) for stage in counts]
        return {stage.name.split()[0]: {
            "bytes": stage.memory, "link_bytes": stage.link, "macs": stage.macs,
            "floor_ms": round(stage.ms(self._gpu), 5) if self._gpu else None} for stage in counts}

    def total(self, needs: Mapping[str, dict]) -> float | None:
        return round(sum(need["floor_ms"] for need in needs.values()), 5) if self._gpu else None


def beside(ms: Mapping[str, float], need: Mapping[str, Any]) -> dict:
    """Measured milliseconds, what is needed, and the share of the floor's speed that is reached at the median."""
    known = need["floor_ms"] and ms["p50"]
    return {**ms, **need, "reached": round(need["floor_ms"] / ms["p50"], 4) if known else None}
