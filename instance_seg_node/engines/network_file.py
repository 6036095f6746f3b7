"""The network of a model folder, as the bytes that its model.yaml vouches for."""

import hashlib
from pathlib import Path

from ..errors import InputError
from ..files.yaml_files import read_limited
from ..model_spec import ModelSpec
from .onnx_limits import check_onnx

MAX_BYTES = 2**29
"""Twenty times the largest model that is shipped."""


def read_network(folder: Path, spec: ModelSpec) -> bytes:
    """`model.onnx` of a folder. Raises InputError if it is missing, not the file that `spec` describes, or not data of
    a network as onnx_limits.py has it."""
    path = Path(folder) / "model.onnx"
    try:
        content = read_limited(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({getattr(error, 'strerror', error)}). Make it: instance-seg export "
                         f"CHECKPOINT {path.parent}") from error
    if spec.sha256 and hashlib.sha256(content).hexdigest() != spec.sha256:
        raise InputError(f"{path} is not the file that model.yaml describes (its SHA-256 differs): it was cut short or "
                         f"replaced. Export it again: instance-seg export CHECKPOINT {path.parent}")
    try:
        check_onnx(content, spec)
    except ValueError as error:
        raise InputError(f"{path} is not a network that is accepted: {error}. Export it again: instance-seg export "
                         f"CHECKPOINT {path.parent}") from error
    return content
