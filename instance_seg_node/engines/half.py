"""A network's graph in half precision, its decoding left in fp32.

The converters of onnxconverter-common and ONNX Runtime do not serve here: between two nodes that shall stay in fp32
they round to half, and a coordinate in half is a pixel wide (METHODS 1.2).
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..errors import InputError

CONVOLUTIONS = ("Conv", "ConvTranspose")

KEPT = {("Resize", 1), ("Resize", 2), ("Upsample", 1)}
"""Inputs (op, place) that are fp32 whatever the op runs in: regions and scales."""


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose convolutions, and all that leads to one, have float16 weights and activations.

    What follows the last convolutions is the decoding: it stays in fp32, and reads their outputs through a cast.
    Raises InputError if there is no convolution, a weight is beyond float16, or types would not fit.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    network = _network(copy.graph)
    if not any(network):
        raise InputError("the graph has no convolution that could run in fp16. Use --precision fp32")
    halves = _halve_weights(copy.graph, network)
    crossing = _crossing(model, network)
    nodes = []
    for node, inside in zip(copy.graph.node, network, strict=True):
        nodes.append(node)
        if inside:
            _halve_attributes(node)
            _read_halves(node, halves)
            nodes += _casts_back(node, crossing, halves)
    return _checked(_with(copy, nodes))


def _network(graph: onnx.GraphProto) -> list[bool]:
    """For each node, whether it is a convolution or leads to one."""
    read: set[str] = set()  # by nodes of the network
    inside = []
    for node in reversed(graph.node):  # ONNX sorts each node after those that it reads
        inside.append(node.op_type in CONVOLUTIONS or not read.isdisjoint(node.output))
        read.update(node.input if inside[-1] else ())
    return inside[::-1]


def _crossing(model: onnx.ModelProto, network: list[bool]) -> set[str]:
    """Names of the fp32 tensors that the decoding reads, or the graph gives."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    read = {name for node, inside in zip(graph.node, network, strict=True) if not inside for name in node.input}
    read.update(output.name for output in graph.output)
    return {value.name for value in (*graph.value_info, *graph.output)
            if value.name in read and value.type.tensor_type.elem_type == TensorProto.FLOAT}


def _halve_weights(graph: onnx.GraphProto, network: list[bool]) -> dict[str, str]:
    """Add the network's weights in half to the graph. Returns names by those of the weights in fp32."""
    read = {name for node, inside in zip(graph.node, network, strict=True) if inside
            for place, name in enumerate(node.input) if (node.op_type, place) not in KEPT}
    weights = [w for w in graph.initializer if w.name in read and w.data_type == TensorProto.FLOAT]
    graph.initializer.extend(_halved(weight, f"{weight.name}.half") for weight in weights)
    return {weight.name: f"{weight.name}.half" for weight in weights}


def _halved(tensor: TensorProto, name: str) -> TensorProto:
    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    if not np.isfinite(halved).all():
        raise InputError(f"{tensor.name} holds {np.abs(values).max():g}, and float16 ends at 65504. "
                         "Use --precision fp32")
    return numpy_helper.from_array(halved, name)


def _halve_attributes(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if (node.op_type, attribute.name, attribute.i) == ("Cast", "to", TensorProto.FLOAT):
            attribute.i = TensorProto.FLOAT16
        elif attribute.t.data_type == TensorProto.FLOAT:  # of Constant and ConstantOfShape
            attribute.t.CopyFrom(_halved(attribute.t, attribute.t.name))


def _read_halves(node: onnx.NodeProto, halves: dict[str, str]) -> None:
    for place, name in enumerate(node.input):
        if (node.op_type, place) not in KEPT:
            node.input[place] = halves.get(name, name)


def _casts_back(node: onnx.NodeProto, crossing: set[str], halves: dict[str, str]) -> Iterator[onnx.NodeProto]:
    """Casts that give the node's outputs in fp32 under their old names, where these are read."""
    for place, name in enumerate(node.output):
        if name in crossing:
            node.output[place] = halves[name] = f"{name}.half"
            yield helper.make_node("Cast", [halves[name]], [name], name=f"{name}.fp32", to=TensorProto.FLOAT)


def _with(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    """The model with these nodes, and without the weights and types that are no longer true."""
    graph = onnx.GraphProto(name=model.graph.name, node=nodes, input=model.graph.input, output=model.graph.output)
    read = {name for node in nodes for name in node.input}
    graph.initializer.extend(tensor for tensor in model.graph.initializer if tensor.name in read)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise InputError(f"the graph cannot be made half: {error}. Use --precision fp32") from error
