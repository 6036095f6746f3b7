"""The network in ONNX Runtime on the CPU: the engine of every machine without a GPU."""

import os
from pathlib import Path

import numpy as np
import onnxruntime

from ..errors import InputError
from ..model_spec import ModelSpec
from .network_file import read_network


class OrtEngine:
    """`model.onnx` of a folder. Raises InputError if it is missing, altered, unreadable or does not fit its spec."""

    def __init__(self, folder: Path, spec: ModelSpec, *, precision: str = "fp32"):
        if precision != "fp32":
            raise InputError(f"the CPU engine runs models as they are, in fp32; precision {precision!r} needs a GPU "
                             "engine. Leave precision at fp32")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        # A spinning pool takes the cores from the clustering and from DDS between two frames.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A file that starts like ONNX Runtime's own format would be taken for it, past the checks of read_network.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self._session = _open(Path(folder), spec, options)
        self._heads = [output.name for output in self._session.get_outputs()]
        _check_fits(self._session, spec, folder)
        self.description = (f"ONNX Runtime {onnxruntime.__version__}, CPU, fp32, "
                            f"{options.intra_op_num_threads} threads")

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self._heads, self._session.run(self._heads, {"image": images}), strict=True))


def _open(folder: Path, spec: ModelSpec, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    content = read_network(folder, spec)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has no common base class for its errors
        raise InputError(f"{folder}/model.onnx is not a network that ONNX Runtime can run: {error}") from error


def _check_fits(session: onnxruntime.InferenceSession, spec: ModelSpec, folder: Path) -> None:
    size = [spec.input_height, spec.input_width]
    expected = {"embedding": [2, *size], "bandwidth": [spec.bandwidths, *size], "seed": [len(spec.classes), *size]}
    found = {output.name: output.shape[1:] for output in session.get_outputs()}
    if found != expected:
        raise InputError(f"{folder}/model.onnx does not fit its model.yaml: it gives {found}, the spec says "
                         f"{expected}. Export both: instance-seg export")
