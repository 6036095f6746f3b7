"""From a checkpoint to a model folder: `instance-seg export CHECKPOINT MODEL`."""

import hashlib
import os
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from pydantic import ValidationError

from ..errors import InputError
from ..methods.spatial_embedding.network import SpatialEmbedding
from ..model_spec import ModelSpec, problems
from .checkpoint import load_network
from .recipe import Recipe

OPSET = 18

LARGEST_DIFFERENCE = 1e-4
"""Of ONNX Runtime against torch: a tenth of a pixel in the embedding. 1.4e-5 is usual, in the bandwidth."""


def export(checkpoint: Path, folder: Path, *, size: tuple[int, int] | None = None, name: str = "") -> ModelSpec:
    """Write model.onnx and model.yaml.

    size: height and width of the input; name: of the model. Both are the recipe's if they are not given.
    Raises InputError if `checkpoint` is none, the network does not take the size, or the graph does not agree.
    """
    recipe, classes, origin, network = load_network(checkpoint)
    options = (f" --size {size[0]}x{size[1]}" if size else "") + (f" --name {name}" if name else "")
    recipe = _changed(recipe, size or (recipe.input_height, recipe.input_width), name or recipe.name)
    graph = SpatialEmbedding(network, recipe.bandwidths, recipe.input_height, recipe.input_width).eval()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "model.unfinished.onnx"
    write_onnx(graph, unfinished, recipe.input_height, recipe.input_width)
    difference = largest_difference(graph, unfinished, recipe.input_height, recipe.input_width)
    if not all(value <= LARGEST_DIFFERENCE for value in difference.values()):  # also NaN
        unfinished.unlink()
        raise InputError(f"the exported graph does not agree with the network: {difference}. Nothing was exported")
    spec = ModelSpec(
        name=recipe.name, input_height=recipe.input_height, input_width=recipe.input_width,
        bandwidths=recipe.bandwidths, classes=classes, look_alikes=recipe.look_alikes, thresholds=recipe.thresholds,
        provenance=origin.provenance(f"instance-seg export {checkpoint} {folder}{options}"),
        sha256=hashlib.sha256(unfinished.read_bytes()).hexdigest())
    os.replace(unfinished, folder / "model.onnx")
    spec.save(folder)
    return spec


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
