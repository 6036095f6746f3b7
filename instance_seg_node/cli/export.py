"""`instance-seg export`"""

import re
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Overwrite


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
    pixels = _size(size)
    from ..training.export import export as write

    spec = write(checkpoint, model, size=pixels, name=name)
    print(f"exported: {model} ({spec.name}, {spec.input_width} x {spec.input_height}, {len(spec.classes)} classes)")


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found:
        raise InputError(f"--size {text} is not HEIGHTxWIDTH, such as 512x1024")
    return int(found[1]), int(found[2])
