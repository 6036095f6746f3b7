"""`instance-seg export`"""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Overwrite, height_and_width


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="checkpoint.pt of a training run.")],
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder for model.onnx and model.yaml.")],
    size: Annotated[str, typer.Option(metavar="HEIGHTxWIDTH", help="Of the input, other than the recipe's. Larger: "
                                      "smaller objects are found, and a frame takes longer.")] = "",
    name: Annotated[str, typer.Option(help="Of the model, other than the recipe's.")] = "",
    overwrite: Overwrite = False,
) -> None:
    """Make a model folder of a trained network, and check its ONNX graph against torch.

    \b
    Example: instance-seg export runs/street/checkpoint.pt models/street
    """
    if (model / "model.onnx").exists() and not overwrite:
        raise InputError(f"{model} holds a model already. Choose another folder, or add --overwrite")
    pixels = height_and_width(size, "--size") if size else None
    from ..training.export import export as write

    spec = write(checkpoint, model, size=pixels, name=name)
    print(f"exported: {model} ({spec.name}, {spec.input_width} x {spec.input_height}, {len(spec.classes)} classes)")
