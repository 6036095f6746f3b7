"""Graphs in half precision and in 8 bits: what of them is, what stays in fp32, and how far they are from fp32."""

import numpy as np
import onnx
import onnxruntime
import pytest
from conv_model import conv_graph, quantised
from onnx import TensorProto, numpy_helper, parser
from tiny_model import write_tiny_model

from instance_seg_node.datasets.streets import scene
from instance_seg_node.engines.half import half
from instance_seg_node.engines.precision import found_precision, in_precision
from instance_seg_node.errors import InputError
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.models import shipped

LARGEST_DIFFERENCE = {"embedding": 1 / 1023, "bandwidth": 0.1, "seed": 0.01}
"""Of a head in fp16 from that in fp32: one pixel; a tenth of the bandwidth (a twentieth of the margin); 0.01."""


def heads(model: onnx.ModelProto, image: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image}), strict=True))


def types(model: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = [*graph.value_info, *graph.output, *graph.input]
    return {value.name: value.type.tensor_type.elem_type for value in values} | \
        {tensor.name: tensor.data_type for tensor in graph.initializer}


def node(model: onnx.ModelProto, kind: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == kind)


@pytest.mark.parametrize("folder", shipped(), ids=lambda folder: folder.name)
def test_shipped_models_in_half_agree_with_fp32(folder):
    model, spec = onnx.load(folder / "model.onnx"), ModelSpec.load(folder)
    street = scene(5000000, spec.input_height, spec.input_width).rgb[None]
    expected, found = heads(model, street), heads(half(model), street)
    found["bandwidth"], expected["bandwidth"] = found["bandwidth"] / expected["bandwidth"], np.float32(1)
    difference = {name: float(np.abs(found[name] - expected[name]).max()) for name in found}
    print(folder.name, difference)
    assert {name for name in found if difference[name] > LARGEST_DIFFERENCE[name]} == set()
    assert difference["seed"] > 0, "nothing was made half"


def test_weights_and_activations_of_the_network_are_half():
    model = half(conv_graph())
    kinds = types(model)
    for read_or_written in ("Transpose", "Div", "Conv", "Relu", "AveragePool", "Add", "ConvTranspose"):
        found = node(model, read_or_written)
        assert {kinds[name] for name in (*found.input, *found.output)} == {TensorProto.FLOAT16}, read_or_written
    assert not [tensor.name for tensor in model.graph.initializer if tensor.name == "stem_weight"]


def test_the_decoding_stays_in_fp32():
    kinds = types(half(conv_graph()))
    for name in ("offset", "reach", "embedding", "coordinates", "r", "log_precision", "bandwidth", "logit", "seed"):
        assert kinds[name] == TensorProto.FLOAT, name


def test_bytes_become_half_before_they_are_permuted():
    model = half(conv_graph())
    assert [node.op_type for node in model.graph.node][:2] == ["Cast", "Transpose"]
    assert types(model)["image"] == TensorProto.UINT8


def test_scales_of_a_resize_stay_in_fp32():
    model = half(conv_graph())
    assert types(model)[node(model, "Resize").input[2]] == TensorProto.FLOAT


def test_a_tensor_that_network_and_decoding_read_is_there_in_both_precisions():
    model = parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 18]>
        both (uint8[1, 1, 4, 4] image) => (float[1, 1, 4, 4] seed)
        <float[1, 1, 1, 1] weight = {3}> {
            real = Cast <to = 1> (image)
            first = Conv (real, weight)
            second = Conv (first, weight)
            seed = Add (first, second)
        }""")
    image = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    assert (heads(half(model), image)["seed"] == image * 12).all()


def test_what_was_given_is_not_changed():
    model = conv_graph()
    before = model.SerializeToString()
    half(model)
    assert model.SerializeToString() == before


def test_a_weight_beyond_float16_is_refused():
    model = conv_graph()
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "stem_bias")
    bias.CopyFrom(numpy_helper.from_array(np.full(8, 1e5, np.float32), "stem_bias"))
    with pytest.raises(InputError, match="stem_bias holds 100000, and float16 ends at 65504. Use --precision fp32"):
        half(model)


def test_a_graph_without_convolutions_is_refused(tmp_path):
    write_tiny_model(tmp_path)
    with pytest.raises(InputError, match="no convolution that could run in fp16. Use --precision fp32"):
        in_precision((tmp_path / "model.onnx").read_bytes(), "fp16")


def test_types_that_would_not_fit_are_refused():
    model = parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 18]>
        mixed (float[1, 1, 4, 4] image) => (float[1, 1, 4, 4] seed)
        <float[1, 1, 1, 1] weight = {3}> { seed = Conv (image, weight) }""")
    with pytest.raises(InputError, match="cannot be made half:"):
        half(model)


def test_fp32_is_the_graph_as_it_is():
    content = conv_graph().SerializeToString()
    assert in_precision(content, "fp32") == content


def test_a_graph_that_is_half_already_is_taken_as_fp16_and_not_as_fp32():
    content = half(conv_graph()).SerializeToString()
    assert in_precision(content, "fp16") == content
    with pytest.raises(InputError, match="in fp16 already. Use --precision fp16"):
        in_precision(content, "fp32")


def test_int8_needs_a_quantised_graph():
    with pytest.raises(InputError, match="int8 comes from these alone. Make a quantised model folder.*or use --prec"):
        in_precision(conv_graph().SerializeToString(), "int8")


def test_signed_and_symmetric_8_bits_are_taken_as_they_are(tmp_path):
    model = quantised(tmp_path / "model.onnx")
    assert found_precision(model.graph) == "int8"
    assert in_precision(model.SerializeToString(), "int8") == model.SerializeToString()
    with pytest.raises(InputError, match="in int8 already. Use --precision int8"):
        in_precision(model.SerializeToString(), "fp16")


@pytest.mark.parametrize(("how", "where"), [({"signed": False}, "rgb_QuantizeLinear"),
                                            ({"biases": True}, "stem_bias_DequantizeLinear")])
def test_8_bits_as_cpus_want_them_are_refused(how, where, tmp_path):
    model = quantised(tmp_path / "model.onnx", **how)
    with pytest.raises(InputError, match=f"{where} is not of signed bytes.*Quantise again.*'QuantizeBias': False"):
        in_precision(model.SerializeToString(), "int8")


@pytest.mark.parametrize("content", [b"hello", b"", b"\x08\x0a", b"\x08"])
def test_a_file_that_is_no_graph_is_refused(content):
    with pytest.raises(InputError, match="is not an ONNX graph"):
        in_precision(content, "fp16")
