"""The network alone on a GPU: for the programs that measure heads or take one image after the other.

The node keeps the other steps on the GPU as well: pipelines/gpu.py.
"""

from pathlib import Path

import numpy as np

from ..gpu.context import Gpu
from ..model_spec import ModelSpec
from .plans import find_or_build
from .runtimes import find_runtime
from .trt import TrtNetwork, TrtPlan


class CudaEngine:
    """The plan of a model folder, built if there is none. Raises InputError if it cannot be built or does not run
    here."""

    def __init__(self, folder: Path, spec: ModelSpec, *, precision: str = "fp32"):
        runtime = find_runtime()
        plan = find_or_build(folder, precision=precision, runtime=runtime.name)
        gpu = Gpu()
        opened = TrtPlan(runtime, plan.content)
        self._lane = gpu.lane()
        self._network = TrtNetwork(opened, self._lane)
        self.description = f"{opened.description}, {gpu.description}, {precision}"

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        heads = [self._run(image) for image in images]
        return {name: np.stack([head[name] for head in heads]) for name in self._network.heads}

    def _run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        self._lane.upload(self._network.images[0], image)
        self._network(1)
        return {name: self._lane.download(head[0]) for name, head in self._network.heads.items()}
