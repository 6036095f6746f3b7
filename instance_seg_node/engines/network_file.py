"""The network of a model folder, as the bytes that its model.yaml vouches for."""

import hashlib
from pathlib import Path

from ..errors import InputError
from ..model_spec import ModelSpec


def read_network(folder: Path, spec: ModelSpec) -> bytes:
    """`model.onnx` of a folder. Raises InputError if it is missing or not the file that `spec` describes."""
    path = Path(folder) / "model.onnx"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Make it: instance-seg export CHECKPOINT "
                         f"{path.parent}") from error
    if spec.sha256 and hashlib.sha256(content).hexdigest() != spec.sha256:
        raise InputError(f"{path} is not the file that model.yaml describes (its SHA-256 differs): it was cut short or "
                         f"replaced. Export it again: instance-seg export CHECKPOINT {path.parent}")
    return content
