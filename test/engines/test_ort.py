"""A model folder opened in ONNX Runtime, or refused with the reason."""

import numpy as np
import onnx
import pytest
from tiny_model import blobs, write_tiny_model

from instance_seg_node.engines import open_engine
from instance_seg_node.errors import InputError
from instance_seg_node.frame import Frame
from instance_seg_node.segmenter import open_segmenter


@pytest.fixture
def folder(tmp_path):
    write_tiny_model(tmp_path)
    return tmp_path


def spec_of(folder, **changes):
    from instance_seg_node.model_spec import ModelSpec

    return ModelSpec.load(folder).model_copy(update=changes)


def test_opened_model_finds_what_is_in_the_picture(folder):
    found, = open_segmenter(folder)([Frame(blobs(height=128, width=256))])
    assert found.class_ids.tolist() == [0, 0, 1]
    assert found.id_map.shape == (128, 256)


def test_heads_are_float32_for_any_batch(folder):
    heads = open_engine(folder, spec_of(folder))(np.zeros((3, 64, 128, 3), np.uint8))
    assert {name: (head.dtype, head.shape) for name, head in heads.items()} == {
        "embedding": (np.float32, (3, 2, 64, 128)), "bandwidth": (np.float32, (3, 2, 64, 128)),
        "seed": (np.float32, (3, 2, 64, 128))}


def test_missing_network_says_how_to_make_it(folder):
    (folder / "model.onnx").unlink()
    with pytest.raises(InputError, match="model.onnx cannot be read.*instance-seg export"):
        open_engine(folder, spec_of(folder))


def test_altered_network_is_refused(folder):
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:-7])
    with pytest.raises(InputError, match="SHA-256 differs"):
        open_engine(folder, spec_of(folder))


def test_file_that_is_no_network_is_refused(folder):
    (folder / "model.onnx").write_text("hello")
    with pytest.raises(InputError, match="model.onnx is not a network that is accepted: it is damaged or cut short"):
        open_engine(folder, spec_of(folder, sha256=""))


def test_network_of_another_size_than_its_spec_is_refused(folder):
    with pytest.raises(InputError, match="does not fit its model.yaml"):
        open_engine(folder, spec_of(folder, input_width=256))


def test_network_with_another_output_is_refused(folder):
    model = onnx.load(folder / "model.onnx")
    del model.graph.output[2]
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(InputError, match="does not fit its model.yaml"):
        open_engine(folder, spec_of(folder, sha256=""))


def test_cuda_is_an_error_with_its_remedy_and_never_a_quiet_cpu(folder):
    with pytest.raises(InputError, match="device cuda cannot be used: there is no GPU here.*choose device cpu"):
        open_engine(folder, spec_of(folder), device="cuda")


def test_precision_that_the_cpu_does_not_have_is_an_error(folder):
    with pytest.raises(InputError, match="precision 'fp16' needs a GPU engine"):
        open_engine(folder, spec_of(folder), precision="fp16")


def test_unknown_device_names_the_known_ones(folder):
    with pytest.raises(InputError, match="auto, cpu, cuda.*'tpu'"):
        open_engine(folder, spec_of(folder), device="tpu")
