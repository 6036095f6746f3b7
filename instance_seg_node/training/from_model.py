"""The weights of an exported model, to train it further: a model folder is all that is published of a run.

An exported graph keeps the names of the network's weights, but most batch norms have been folded into the convolution
before them. Such a norm is given back what it would have said of that convolution's output: the mean and the deviation
over images, as its statistics and, to undo them, as its shift and gain. In evaluation the network computes what the
graph does; in training its norms again follow the data.
"""

from collections.abc import Iterable
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ..errors import InputError
from ..methods.spatial_embedding.networks import Branched

PREFIX = "network."
"""Of weights' names in the graph: the network is a member of SpatialEmbedding."""


def weights_of_graph(path: Path) -> dict[str, Tensor]:
    """The weights in a model.onnx by their names in the network. Raises InputError if it cannot be read."""
    try:
        graph = onnx.load(path, load_external_data=False).graph
        tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except Exception as error:  # protobuf's, NumPy's and the file system's
        raise InputError(f"{path} cannot be read as ONNX: {error}. Export the model again") from error
    return {name.removeprefix(PREFIX): torch.from_numpy(array.copy()) for name, array in tensors.items()
            if name.startswith(PREFIX)}


def open_folded_norms(weights: dict[str, Tensor], network: Branched) -> list[nn.BatchNorm2d]:
    """Add to `weights` the norms that they lack, made to pass their input on unchanged. Returns those of `network`."""
    folded = []
    for name, norm in network.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            if f"{name}.weight" not in weights:
                _pass_on(norm, torch.zeros(norm.num_features), torch.ones(norm.num_features))
                folded.append(norm)
            for key, value in norm.state_dict(prefix=f"{name}.").items():
                weights.setdefault(key, value.clone())
    return folded


@torch.no_grad()
def measure(network: Branched, norms: list[nn.BatchNorm2d], batches: Iterable[Tensor]) -> None:
    """Give `norms`, which pass their input on, its statistics over `batches`, each float (B, 3, H, W) in [0, 1]."""
    sums = {norm: torch.zeros(2, norm.num_features, dtype=torch.float64, device=norm.weight.device) for norm in norms}
    counts = dict.fromkeys(norms, 0)

    def note(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        x = inputs[0].double()
        sums[norm] += torch.stack([x.sum((0, 2, 3)), x.square().sum((0, 2, 3))])
        counts[norm] += x.numel() // x.shape[1]

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    network.eval()
    for batch in batches:
        network(batch)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        mean, square = sums[norm] / counts[norm]
        _pass_on(norm, mean.float(), (square - mean.square()).clamp(min=0).float())


@torch.no_grad()
def _pass_on(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Statistics, and the gain and shift that undo them."""
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean)
