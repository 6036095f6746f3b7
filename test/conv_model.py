"""A model folder with a small network of convolutions, as `export` writes it: something to build engines of."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, parser
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from instance_seg_node.model_spec import ModelSpec, ObjectClass, Provenance

GRAPH = """
<ir_version: 10, opset_import: ["" : 18]>
small (uint8[{batch}, 32, 64, 3] image)
    => (float[{batch}, 2, 32, 64] embedding, float[{batch}, 2, 32, 64] bandwidth, float[{batch}, 1, 32, 64] seed) {{
    real = Cast <to = 1> (image)
    planes = Transpose <perm = [0, 3, 1, 2]> (real)
    rgb = Div (planes, levels)
    stem = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (rgb, stem_weight, stem_bias)
    active = Relu (stem)
    pooled = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (active)
    large = Resize <mode = "linear"> (pooled, , scales)
    sum = Add (large, active)
    shape = ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (sum, shape_weight, shape_bias)
    class = ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (sum, class_weight, class_bias)
    raw = Concat <axis = 1> (shape, class)
    offset, r, logit = Split <axis = 1> (raw, sizes)
    reach = Tanh (offset)
    embedding = Add (reach, coordinates)
    log_precision = Mul (r, ten)
    bandwidth = Exp (log_precision)
    seed = Sigmoid (logit)
}}
"""


def conv_graph(*, batch: str = "batch") -> onnx.ModelProto:
    """The graph, with weights of chance. batch: its number, or a name for any."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:32, :64] / 1023
    values = {"levels": np.float32(255), "ten": np.float32(10), "scales": np.float32([1, 1, 2, 2]),
              "sizes": np.int64([2, 2, 1]), "coordinates": np.float32([x, y])}
    for name, shape in {"stem": (8, 3, 3, 3), "shape": (8, 4, 2, 2), "class": (8, 1, 2, 2)}.items():
        values[f"{name}_weight"] = random.normal(0, 0.3, shape).astype(np.float32)
        values[f"{name}_bias"] = random.normal(0, 0.1, 8 if name == "stem" else shape[1]).astype(np.float32)
    model = parser.parse_model(GRAPH.format(batch=batch))
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in values.items())
    onnx.checker.check_model(model, full_check=True)
    return model


def write_conv_model(folder: Path, graph: onnx.ModelProto | None = None) -> Path:
    """Write model.onnx and model.yaml into `folder` (made if missing), and return it."""
    content = (graph or conv_graph()).SerializeToString()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    ModelSpec(name="small", input_height=32, input_width=64, classes=(ObjectClass(name="car", color=(0, 0, 142)),),
              provenance=Provenance(data="none: weights of chance", licence="Apache-2.0", command="write_conv_model"),
              sha256=hashlib.sha256(content).hexdigest()).save(folder)
    return folder


class Noise(CalibrationDataReader):
    """A few pictures of chance."""

    def __init__(self):
        self._images = iter(np.random.default_rng(0).integers(0, 256, (4, 1, 32, 64, 3), np.uint8))

    def get_next(self):
        image = next(self._images, None)
        return None if image is None else {"image": image}


def quantised(path: Path, *, signed: bool = True, biases: bool = False) -> onnx.ModelProto:
    """The graph in 8 bits (QDQ), written to `path` too: activations signed with zero at 0 or not, biases too or not."""
    kind = QuantType.QInt8 if signed else QuantType.QUInt8
    quantize_static(conv_graph(), path, Noise(), quant_format=QuantFormat.QDQ, activation_type=kind,
                    weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "Relu"],
                    extra_options={"ActivationSymmetric": signed, "QuantizeBias": biases})
    return onnx.load(path)
