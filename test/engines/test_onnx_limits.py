"""A network that is more than the data of a network is refused before a parser of C++ sees it."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_model import write_tiny_model

from instance_seg_node.engines import network_file
from instance_seg_node.engines.network_file import read_network
from instance_seg_node.engines.onnx_limits import check_onnx
from instance_seg_node.engines.ort import OrtEngine
from instance_seg_node.engines.protobuf import fields
from instance_seg_node.errors import InputError
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.models import shipped


@pytest.fixture
def folder(tmp_path):
    write_tiny_model(tmp_path)
    return tmp_path


def spec_of(folder):
    return ModelSpec.load(folder).model_copy(update={"sha256": ""})


def changed(folder, change) -> None:
    """The network with a change of the function `change`, which is given its ModelProto."""
    model = onnx.load(folder / "model.onnx")
    change(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def other_domain(model):
    model.graph.node[0].domain = "com.example.shell"


def loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["forever"], [], body=body))


def graph_within(model):
    model.graph.node[0].attribute.append(helper.make_attribute("body", helper.make_graph([], "body", [], [])))


def function(model):
    model.functions.append(helper.make_function("", "Relu", ["x"], ["y"], [], []))


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def external_by_location_alone(model):
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


def dims_bomb(model):
    model.graph.initializer[0].dims[:] = [2**20, 2**20]


def negative_dims(model):
    model.graph.initializer[0].dims[:] = [-1, -(2**40)]


def constant_bomb(model):
    tensor = numpy_helper.from_array(np.float32([0]))
    tensor.dims[:] = [2**40]
    model.graph.node.append(helper.make_node("Constant", [], ["large"], value=tensor))


def sparse(model):
    model.graph.sparse_initializer.add(dims=[2**40])


def large_input(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40


def second_input(model):
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def input_of_another_type(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def nine_dims(model):
    model.graph.initializer[0].dims[:] = [1] * 9


REFUSED = {
    other_domain: "operators of the domain 'com.example.shell'",
    loop: "the operator 'Loop'",
    graph_within: "a graph or sparse tensor within",
    function: "it has functions",
    external: "weights in other files",
    external_by_location_alone: "weights in other files",
    dims_bomb: "a tensor of 1048576 x 1048576 elements in [0-9]+ bytes",
    nine_dims: "more than 8 numbers in field 1 of a message",
    negative_dims: "a tensor of 18446744073709551615 x ",
    constant_bomb: "a tensor of 1099511627776 elements",
    sparse: "sparse weights",
    large_input: "does not fit its model.yaml",
    second_input: "does not fit its model.yaml",
    input_of_another_type: "does not fit its model.yaml",
}


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_what_is_no_plain_network_is_refused_before_onnx_runtime_sees_it(change, folder, monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: pytest.fail("ONNX Runtime was given it"))
    changed(folder, change)
    with pytest.raises(InputError, match=f"model.onnx is not a network that is accepted: .*{REFUSED[change]}"):
        OrtEngine(folder, spec_of(folder))


def test_weights_that_are_inputs_too_are_none_of_its_inputs_as_before_ir_version_4(folder):
    def weights_as_inputs(model):
        model.ir_version = 3
        for tensor in model.graph.initializer:
            model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))

    changed(folder, weights_as_inputs)
    assert len(onnx.load(folder / "model.onnx").graph.input) > 1
    assert OrtEngine(folder, spec_of(folder))


@pytest.mark.parametrize("kind", ["CastLike", "Cos", "Einsum", "Mean", "Range", "ReduceL2", "Selu", "Sin", "Sum",
                                  "Tile"])
def test_operators_that_move_and_combine_data_are_accepted(kind, folder):
    changed(folder, lambda model: model.graph.node.append(helper.make_node(kind, ["x"], ["y"])))
    assert read_network(folder, spec_of(folder))


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.name)
def test_every_shipped_model_is_accepted(path):
    assert read_network(path, ModelSpec.load(path))


def test_a_file_beyond_the_limit_is_refused(folder, monkeypatch):
    monkeypatch.setattr(network_file, "MAX_BYTES", 500)
    with pytest.raises(InputError, match="model.onnx cannot be read .it has more than 500 bytes"):
        read_network(folder, spec_of(folder))


def test_a_network_that_never_ends_is_refused(folder):
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="model.onnx cannot be read .it is not a file"):
        read_network(folder, spec_of(folder))


def test_a_network_that_starts_like_onnx_runtimes_own_format_is_still_read_as_onnx(folder):
    changed(folder, lambda model: setattr(model, "producer_name", "ORTM"))
    assert (folder / "model.onnx").read_bytes()[4:8] == b"ORTM"
    assert OrtEngine(folder, spec_of(folder))


def test_a_tensor_given_in_two_parts_is_checked_as_the_one_that_parsers_make_of_it(folder):
    model = onnx.load(folder / "model.onnx")
    half = helper.make_tensor("t", TensorProto.FLOAT, [2**10], np.zeros(2**10, np.float32)).SerializeToString()
    value = b"\x2a" + _length(half) + half  # field 5, twice: dims are 1024 x 1024 then
    attribute = b"\x0a\x05value" + value * 2 + b"\xa0\x01\x04"
    node = b"\x12\x01c\x22\x08Constant\x2a" + _length(attribute) + attribute
    graph = b"\x0a" + _length(node) + node
    content = model.SerializeToString() + b"\x3a" + _length(graph) + graph
    assert list(onnx.load_from_string(content).graph.node[-1].attribute[0].t.dims) == [1024, 1024]
    with pytest.raises(ValueError, match="a tensor of 1024 x 1024 elements"):
        check_onnx(content, spec_of(folder))


def _length(content: bytes) -> bytes:
    size, out = len(content), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])


@pytest.mark.parametrize(("content", "said"), [
    (b"\x3a\x05abc", "cut short at field 7"), (b"\x08", "cut short"), (b"\x08" + b"\xff" * 11, "more than ten bytes"),
    (b"\xba\x80\x80\x80\x70\x00", "no field has the tag"), (b"\x3b\x3c", "cut short at field 7"),
    (b"\x00\x00", "tag 0"),
])
def test_what_is_no_protobuf_is_refused(content, said):
    with pytest.raises(ValueError, match=said):
        fields(content)


def test_fields_are_found_with_their_numbers_and_values():
    found = fields(onnx.ModelProto(ir_version=300, producer_name="us").SerializeToString())
    assert {number: [bytes(v) if not isinstance(v, int) else v for v in values] for number, values in found.items()} \
        == {1: [300], 2: [b"us"]}
