"""Which way a model goes: by the device that is asked for, and what is here."""

from pathlib import Path

from ..engines.devices import chosen_device
from ..segmenter import open_segmenter
from .cpu import CpuPipeline
from .gpu import gpu_pipeline
from .pipeline import Pipeline


def open_pipeline(folder: Path, *, device: str = "auto", precision: str = "fp32", transport: str = "raw",
                  cameras: int = 1) -> tuple[Pipeline, str]:
    """The pipeline of a model folder on a device of DEVICES, and a sentence on why there.

    A GPU's is yet to be opened; what must be in place for it is. cameras: the largest batch. Raises InputError.
    """
    chosen, why = chosen_device(device)
    if chosen == "cpu":
        return CpuPipeline(open_segmenter(folder, device="cpu", precision=precision), transport), why
    return gpu_pipeline(folder, precision=precision, transport=transport, cameras=cameras), why
