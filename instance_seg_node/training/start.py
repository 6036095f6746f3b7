"""Weights that a run starts with: those of another run, or of a model that was exported."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..methods.spatial_embedding.networks import Branched
from ..model_spec import ModelSpec, ObjectClass
from ..models import find_model, shipped
from .checkpoint import load_network
from .from_model import measure, open_folded_norms, weights_of_graph
from .origin import Origin


def load_weights(path: Path, classes: Sequence[ObjectClass], network: Branched,
                 batches: Iterable[Tensor]) -> Origin:
    """Give a network of `classes` the weights of a checkpoint or a model. Returns where those come from.

    path: of a checkpoint or a model folder, or a shipped model's name.
    If they are for other classes, seed maps are matched by the name of their class; one of a new class stays as it is.
    batches: images to come, float (B, 3, H, W) in [0, 1], looked at if the norms of a model are to be found again.
    Raises InputError if `path` is neither, or its weights do not fit.
    """
    path, norms = find_model(path) if str(path) in {model.name for model in shipped()} else Path(path), []
    if path.is_dir():
        spec = ModelSpec.load(path)
        weights, theirs, origin = weights_of_graph(path / "model.onnx"), spec.classes, Origin.of_model(spec.provenance)
        norms = open_folded_norms(weights, network)
    else:
        trained = load_network(path)
        weights, theirs, origin = trained.network.state_dict(), trained.classes, trained.origin
    names, ours = [c.name for c in theirs], [c.name for c in classes]
    try:
        if names != ours:
            weights = weights | _seed_maps(weights, names, network, ours)
        network.load_state_dict(weights)
    except (KeyError, IndexError, RuntimeError) as error:
        raise InputError(f"{path} holds another network than the recipe's. Give the recipe its network and its "
                         "bandwidths, or start from another run") from error
    if norms:
        measure(network, norms, batches)
    return origin


def _seed_maps(weights: dict[str, Tensor], theirs: list[str], network: Branched,
               ours: list[str]) -> dict[str, Tensor]:
    """The last layer of the seed branch: `weights` for the classes that are also `theirs`, else as in `network`."""
    branch = len(network.branches) - 1
    last = f"branches.{branch}.{len(network.branches[branch]) - 1}"
    own = network.state_dict()
    weight, bias = own[f"{last}.weight"].clone(), own[f"{last}.bias"].clone()  # (16, C, 2, 2), (C,)
    for i, name in enumerate(ours):
        if name in theirs:
            weight[:, i] = weights[f"{last}.weight"][:, theirs.index(name)]
            bias[i] = weights[f"{last}.bias"][theirs.index(name)]
    return {f"{last}.weight": weight, f"{last}.bias": bias}
