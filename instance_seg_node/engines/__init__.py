"""A network behind one protocol: bytes of images in, heads out. A new engine is one file and one row of ENGINES."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from ..model_spec import ModelSpec

log = logging.getLogger(__name__)


class Engine(Protocol):
    """A loaded network. `description` is one line for logs: runtime, version, device, precision."""

    description: str

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Heads by name, float32 (N, channels, h, w). images: uint8 (N, h, w, 3) RGB, any N >= 1."""
        ...


def _ort(folder: Path, spec: ModelSpec, precision: str) -> Engine:
    from .ort import OrtEngine

    return OrtEngine(folder, spec, precision=precision)


def _cuda(folder: Path, spec: ModelSpec, precision: str) -> Engine:
    from .cuda import CudaEngine

    return CudaEngine(folder, spec, precision=precision)


ENGINES: dict[str, Callable[[Path, ModelSpec, str], Engine]] = {"cpu": _ort, "cuda": _cuda}
"""Device -> how to open a model folder there."""

DEVICES = ("auto", *ENGINES)
PRECISIONS = ("fp32", "fp16", "int8")


def open_engine(folder: Path, spec: ModelSpec, *, device: str = "auto", precision: str = "fp32") -> Engine:
    """The engine of a model folder on a device of DEVICES; the log says which `auto` takes, and why.

    Raises InputError if that device cannot be used here.
    """
    from .devices import chosen_device

    chosen, why = chosen_device(device)
    log.info("%s", why)
    return ENGINES[chosen](folder, spec, precision)
