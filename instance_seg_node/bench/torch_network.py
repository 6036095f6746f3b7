"""torch in the place of a plan, where no plan runs on a GPU: the same network of the same weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..gpu.lane import GpuArray, Lane
from ..methods.spatial_embedding.network import SpatialEmbedding, spatial_embedding_network
from ..methods.spatial_embedding.networks import NETWORKS
from ..model_spec import ModelSpec
from ..training.from_model import open_folded_norms, weights_of_graph

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
WARM_UP = 3


class TorchNetwork:
    """A Network (gpu/frame_path.py) that torch runs in a lane, without heads: for DrawnHeads.

    Each size of a batch is a CUDA graph of torch's own, so that its time is the GPU's and not Python's; it stays out
    of the graph of a batch, since torch says nothing of graphs within graphs.
    """

    heads = {}

    def __init__(self, lane: Lane, graph: nn.Module, spec: ModelSpec, most: int):
        size = most, spec.input_height, spec.input_width, 3
        self._graph, self._captured = graph.cuda(), {}
        self._stream = torch.cuda.ExternalStream(lane.stream.handle)
        self._images = torch.zeros(size, dtype=torch.uint8, device="cuda")
        torch.cuda.synchronize()
        self.images = GpuArray(self._images.data_ptr(), size, np.dtype(np.uint8), self._images)

    def __call__(self, count: int) -> None:
        if count not in self._captured:
            self._captured[count] = self._capture(count)
        with torch.cuda.stream(self._stream):
            self._captured[count][0].replay()

    def capturable(self, count: int) -> bool:
        return False

    @torch.no_grad()
    def _capture(self, count: int) -> tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...]]:
        """The graph, and where it writes its heads."""
        stream, captured = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._graph(self._images[:count])
        torch.cuda.synchronize()
        with torch.cuda.graph(captured, stream=stream, capture_error_mode="relaxed"):  # others may free memory
            heads = self._graph(self._images[:count])
        return captured, heads


class InPrecision(nn.Module):
    """A network whose input is cast to a dtype, which is that of its weights."""

    def __init__(self, network: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.network, self.dtype = network.to(dtype, memory_format=torch.channels_last), dtype

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images.to(self.dtype))


def open_torch(lanes: Sequence[Lane], folder: Path, spec: ModelSpec, precision: str,
               most: int) -> tuple[list[TorchNetwork], str]:
    """A network in each lane, and what it is. Raises InputError if torch has no GPU or not this precision."""
    if not torch.cuda.is_available():
        raise InputError(f"torch {torch.__version__} has no GPU here")
    torch.backends.cudnn.allow_tf32 = False  # fp32 is meant
    graph = torch_graph(folder, spec, precision)
    return [TorchNetwork(lane, graph, spec, most) for lane in lanes], f"torch {torch.__version__}, {precision}"


def torch_graph(folder: Path, spec: ModelSpec, precision: str) -> SpatialEmbedding:
    """The network of a model folder: uint8 (N, h, w, 3) to its heads. Raises InputError if torch cannot run it so."""
    if precision not in DTYPES:
        raise InputError(f"torch runs {', '.join(DTYPES)} here, not {precision}")
    network = InPrecision(_trained(folder, spec), DTYPES[precision])
    return SpatialEmbedding(network, spec.bandwidths, spec.input_height, spec.input_width).eval()


def _trained(folder: Path, spec: ModelSpec) -> nn.Module:
    weights = weights_of_graph(folder / "model.onnx")
    for name in NETWORKS:
        network = spatial_embedding_network(spec.bandwidths, len(spec.classes), network=name)
        named = dict(weights)
        folded = open_folded_norms(named, network)
        try:
            network.load_state_dict(named)
        except RuntimeError:
            continue
        _leave_out(network, folded)
        return network
    raise InputError(f"{folder} holds none of the networks {', '.join(NETWORKS)}")


def _leave_out(network: nn.Module, norms: Sequence[nn.Module]) -> None:
    """Norms that pass on what they get take time."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if any(child is norm for norm in norms):
                setattr(module, name, nn.Identity())
