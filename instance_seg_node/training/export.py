"""From a checkpoint to a model folder: `instance-seg export CHECKPOINT MODEL`."""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from pydantic import ValidationError

from ..errors import InputError
from ..files.atomic_files import atomic_folder
from ..methods.spatial_embedding.network import SpatialEmbedding
from ..model_spec import ModelSpec, problems
from .checkpoint import load_network
from .recipe import Recipe

OPSET = 18

FILES = ("model.onnx", "model.yaml")
"""Of a model folder."""

LARGEST_DIFFERENCE = 1e-4
"""Of ONNX Runtime against torch: a tenth of a pixel in the embedding. 1.4e-5 is usual, in the bandwidth."""


def export(checkpoint: Path, folder: Path, *, size: tuple[int, int] | None = None, name: str = "") -> ModelSpec:
    """Make a folder of model.onnx and model.yaml, in the place of a model that is there.

    size: height and width of the input; name: of the model. Both are the recipe's if they are not given.
    Raises InputError if `checkpoint` is none, the network does not take the size, the graph does not agree, or the
    folder holds more than a model.
    """
    folder = Path(folder)
    check_holds_no_more(folder)
    recipe, classes, origin, network = load_network(checkpoint)
    options = (f" --size {size[0]}x{size[1]}" if size else "") + (f" --name {name}" if name else "")
    recipe = _changed(recipe, size or (recipe.input_height, recipe.input_width), name or recipe.name)
    graph = SpatialEmbedding(network, recipe.bandwidths, recipe.input_height, recipe.input_width).eval()
    spec = ModelSpec(
        name=recipe.name, input_height=recipe.input_height, input_width=recipe.input_width,
        bandwidths=recipe.bandwidths, classes=classes, look_alikes=recipe.look_alikes, thresholds=recipe.thresholds,
        provenance=origin.provenance(f"instance-seg export {checkpoint} {folder}{options}"))
    with atomic_folder(folder) as model:
        model.mkdir()
        _write_checked(graph, model / "model.onnx", recipe)
        spec = spec.model_copy(update={"sha256": hashlib.sha256((model / "model.onnx").read_bytes()).hexdigest()})
        spec.save(model)
        check_holds_no_more(folder)  # it may do so by now
    return spec


def check_holds_no_more(folder: Path) -> None:
    """Raise InputError if a folder holds other files than a model's: it is replaced as a whole."""
    more = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.is_dir() else []
    if more:
        raise InputError(f"{folder} holds more than a model ({', '.join(more[:4])}{', ...' * (len(more) > 4)}), and is "
                         "replaced as a whole. Name a folder for the model alone, which may be new")


def _write_checked(graph: SpatialEmbedding, path: Path, recipe: Recipe) -> None:
    size = recipe.input_height, recipe.input_width
    write_onnx(graph, path, *size)
    difference = largest_difference(graph, path, *size)
    if not all(value <= LARGEST_DIFFERENCE for value in difference.values()):  # also NaN
        raise InputError(f"the exported graph does not agree with the network: {difference}. Nothing was exported")


def _changed(recipe: Recipe, size: tuple[int, int], name: str) -> Recipe:
    changes = {"input_height": size[0], "input_width": size[1], "name": name}
    try:
        return Recipe.model_validate(recipe.model_dump(exclude_unset=True) | changes)
    except ValidationError as error:
        raise InputError(f"this network cannot be exported so:\n{problems(error, Recipe)}") from error


def write_onnx(graph: SpatialEmbedding, path: Path, height: int, width: int) -> None:
    """The graph as ONNX with any batch size, in one file."""
    example = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    program = torch.onnx.export(graph, (example,), dynamo=True, opset_version=OPSET, verbose=False,
                                input_names=["image"], output_names=["embedding", "bandwidth", "seed"],
                                dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    program.save(path, external_data=False)


@torch.no_grad()
def largest_difference(graph: SpatialEmbedding, path: Path, height: int, width: int) -> dict[str, float]:
    """Per head, ONNX Runtime against torch on random images: absolute; of the bandwidth (it spans decades) relative."""
    images = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = ["embedding", "bandwidth", "seed"]
    expected = {name: head.numpy() for name, head in zip(names, graph(torch.from_numpy(images)), strict=True)}
    found = dict(zip(names, session.run(names, {"image": images}), strict=True))
    found["bandwidth"], expected["bandwidth"] = found["bandwidth"] / expected["bandwidth"], np.float32(1)
    return {name: float(np.abs(found[name] - expected[name]).max()) for name in names}
