"""The precision of a network is that of its graph: TensorRT's strongly typed networks keep the types of the ONNX."""

import onnx
from onnx import TensorProto, numpy_helper

from ..errors import InputError
from .half import half

QUANTISING = ("QuantizeLinear", "DequantizeLinear")

def in_precision(content: bytes, precision: str) -> bytes:
    """An ONNX file as one whose types say fp32, fp16 or int8. Raises InputError if it cannot be that."""
    try:
        onnx.checker.check_model(content)
    except (ValueError, onnx.checker.ValidationError) as error:
        raise InputError(f"it is not an ONNX graph: {error}") from error
    model = onnx.load_from_string(content)
    found = found_precision(model.graph)
    if precision == found:
        if found == "int8":
            _check_symmetric(model.graph)
        return content
    if (found, precision) == ("fp32", "fp16"):
        return half(model).SerializeToString()
    if precision == "int8":
        raise InputError("the graph has no QuantizeLinear and DequantizeLinear, and int8 comes from these alone. Make "
                         "a quantised model folder with onnxruntime.quantization.quantize_static (see "
                         "benchmarks/quantise.py), or use --precision fp16")
    raise InputError(f"the graph is in {found} already. Use --precision {found}")


def found_precision(graph: onnx.GraphProto) -> str:
    """What a graph is in: int8 with Q/DQ, fp16 with weights in half, else fp32."""
    if any(node.op_type in QUANTISING for node in graph.node):
        return "int8"
    return "fp16" if any(tensor.data_type == TensorProto.FLOAT16 for tensor in graph.initializer) else "fp32"


def _check_symmetric(graph: onnx.GraphProto) -> None:
    """TensorRT's 8 bits are signed, with zero at 0; biases are not quantised."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in QUANTISING:
            zero = constants.get(node.input[2]) if len(node.input) > 2 else None  # none: unsigned
            if zero is None or zero.data_type != TensorProto.INT8 or numpy_helper.to_array(zero).any():
                raise InputError(f"{node.name} is not of signed bytes with zero at 0, as TensorRT wants it. Quantise "
                                 "again with activation_type and weight_type QInt8 and extra_options="
                                 "{'ActivationSymmetric': True, 'QuantizeBias': False}")
