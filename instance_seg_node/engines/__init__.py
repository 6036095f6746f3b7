"""A network behind one protocol: bytes of images in, heads out. A new engine is one file and one row of ENGINES."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import InputError
from ..model_spec import ModelSpec


class Engine(Protocol):
    """A loaded network. `description` is one line for logs: runtime, version, device, precision."""

    description: str

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Heads by name, float32 (N, channels, h, w). images: uint8 (N, h, w, 3) RGB, any N >= 1."""
        ...


def _ort(folder: Path, spec: ModelSpec, precision: str) -> Engine:
    from .ort import OrtEngine

    return OrtEngine(folder, spec, precision=precision)


ENGINES: dict[str, Callable[[Path, ModelSpec, str], Engine]] = {"cpu": _ort}
"""Device -> how to open a model folder there."""

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("fp32", "fp16", "int8")


def open_engine(folder: Path, spec: ModelSpec, *, device: str = "auto", precision: str = "fp32") -> Engine:
    """The engine of a model folder on a device of DEVICES. Raises InputError if that device has no engine here."""
    if device not in DEVICES:
        raise InputError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if device == "auto":
        device = "cpu"
    if device not in ENGINES:
        raise InputError(f"device {device!r} has no engine in this version. Use device cpu (or auto, which takes it)")
    return ENGINES[device](folder, spec, precision)
