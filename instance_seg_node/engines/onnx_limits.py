"""What an ONNX file must be before ONNX Runtime or TensorRT is given it: data of a picture network, and nothing else.

Their parsers are C++ and make what a file asks for. So a file is refused here that has operators of other domains or
kinds than such networks need, graphs within graphs (loops), functions, weights in other files, tensors that claim more
elements than the file holds, or another input than model.yaml's. The memory that an accepted graph takes while it runs
is not known before.

The file is walked as protobuf: the package `onnx` is not on a vehicle, and makes objects of all of it first.
"""

from math import prod

from ..model_spec import ModelSpec
from .protobuf import Fields, fields, message, messages, numbers

# Field numbers of onnx.proto, IR versions up to 13.
GRAPH, TRAINING, FUNCTIONS = 7, 20, 25  # of ModelProto
NODES, INITIALISERS, INPUTS, SPARSE = 1, 5, 11, 15  # of GraphProto
OP_TYPE, ATTRIBUTES, DOMAIN = 4, 5, 7  # of NodeProto
TENSOR, SUBGRAPH, TENSORS, SUBGRAPHS, SPARSE_TENSOR, SPARSE_TENSORS = 5, 6, 10, 11, 22, 23  # of AttributeProto
DIMS, TENSOR_NAME, EXTERNAL_DATA, DATA_LOCATION = 1, 8, 13, 14  # of TensorProto
NAME, TYPE, TENSOR_TYPE, ELEMENT, SHAPE, DIM = 1, 2, 1, 1, 2, 1  # of ValueInfoProto and what is in it
UINT8 = 2

DOMAINS = ("", "ai.onnx")
OPS = frozenset("""
    Abs Add And ArgMax AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant ConstantOfShape Conv
    ConvTranspose Cos DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp Expand Flatten Floor Gather
    Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Identity
    InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log MatMul Max MaxPool Mean Min Mish Mul Neg
    Not Or PRelu Pad Pow QuantizeLinear Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape
    Resize Round Selu Shape Sigmoid Sign Sin Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile
    Transpose Unsqueeze Upsample Where
""".split())
MAX_DIMS = 8
"""TensorRT's own limit. The product of very many would take long."""
ELEMENTS_PER_BYTE = 4
"""At most, in the smallest type that ONNX has, of two bits."""


def check_onnx(content: bytes, spec: ModelSpec) -> None:
    """Raises ValueError saying what of an ONNX file is not accepted."""
    model = fields(content)
    if any(messages(model, part) for part in (TRAINING, FUNCTIONS)):
        raise ValueError("it has functions or training steps beside its graph")
    graph = fields(message(model, GRAPH))
    if not graph.get(NODES):
        raise ValueError("it holds no graph")
    if messages(graph, SPARSE):
        raise ValueError("it has sparse weights")
    for tensor in messages(graph, INITIALISERS):
        _check_tensor(tensor)
    for node in map(fields, messages(graph, NODES)):
        _check_node(node)
    _check_input(graph, spec)


def _check_node(node: Fields) -> None:
    for domain in _texts(node, DOMAIN):
        if domain not in DOMAINS:
            raise ValueError(f"it has operators of the domain {domain!r:.80}, and only ONNX's own are accepted")
    for kind in _texts(node, OP_TYPE):
        if kind not in OPS:
            raise ValueError(f"it has the operator {kind!r:.80}, which is not among those of picture networks "
                             "(engines/onnx_limits.py)")
    for attribute in map(fields, messages(node, ATTRIBUTES)):
        if any(messages(attribute, part) for part in (SUBGRAPH, SUBGRAPHS, SPARSE_TENSOR, SPARSE_TENSORS)):
            raise ValueError("it has an operator with a graph or sparse tensor within")
        tensors = messages(attribute, TENSORS)
        if messages(attribute, TENSOR):
            tensors.append(message(attribute, TENSOR))
        for tensor in tensors:
            _check_tensor(tensor)


def _check_tensor(content: memoryview) -> None:
    tensor = fields(content)
    if tensor.get(EXTERNAL_DATA) or any(numbers(tensor, DATA_LOCATION, 1)):
        raise ValueError("it has weights in other files (external data), and a model is model.onnx alone")
    dims = numbers(tensor, DIMS, MAX_DIMS)
    if any(dim >= 2**63 for dim in dims) or prod(dims) > ELEMENTS_PER_BYTE * len(content):
        raise ValueError(f"it has a tensor of {' x '.join(map(str, dims)):.80} elements in {len(content)} bytes")


def _check_input(graph: Fields, spec: ModelSpec) -> None:
    weights = {_text(fields(tensor), TENSOR_NAME) for tensor in messages(graph, INITIALISERS)}
    found = [given for given in (_input(fields(value)) for value in messages(graph, INPUTS))
             if given[0] not in weights]  # before IR version 4 weights were inputs with a default
    expected = [spec.input_height, spec.input_width, 3]
    if len(found) != 1 or found[0][0] != "image" or found[0][1] != [UINT8] or found[0][2][1:] != expected:
        said = ", ".join(f"{name!r:.40} of type {kind} and shape {shape!s:.80}" for name, kind, shape in found[:4])
        raise ValueError(f"it does not fit its model.yaml: it takes {said or 'nothing'}, not 'image' of type "
                         f"[{UINT8}] (uint8) and shape {[None, *expected]}")


def _input(value: Fields) -> tuple[str, list[int], list[int | None]]:
    """Name, element type and shape of an input; None for a side that is not a number."""
    tensor = fields(message(fields(message(value, TYPE)), TENSOR_TYPE))
    dims = messages(fields(message(tensor, SHAPE)), DIM)
    return _text(value, NAME), numbers(tensor, ELEMENT, 1), [_side(fields(dim)) for dim in dims]


def _side(dim: Fields) -> int | None:
    values = numbers(dim, 1, 1)
    return values[0] if values else None


def _text(found: Fields, number: int) -> str:
    return "".join(_texts(found, number)[-1:])


def _texts(found: Fields, number: int) -> list[str]:
    return [bytes(text).decode() for text in messages(found, number)]
