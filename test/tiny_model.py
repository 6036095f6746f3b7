"""A model folder whose answers are known: every bright, evenly coloured region of an image is one instance."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from instance_seg_node.model_spec import ModelSpec, ObjectClass, Provenance, Thresholds

CLASSES = ("car", "person")


def write_tiny_model(folder: Path, *, name: str = "tiny", height: int = 64, width: int = 128) -> ModelSpec:
    """Write model.onnx and model.yaml into `folder` (made if missing): two classes, elliptic margin, dynamic batch.

    A pixel whose brightest channel is above 160 is foreground, with that channel / 255 as its seed probability (an
    instance needs 0.9: 230). Its class is person where blue is above 128, car elsewhere. Its embedding is
    (red, green) / 255 with a margin of 0.1 (25 grey levels, wider than JPEG noise): pixels of one colour are one
    instance wherever they lie. An instance has more than 8 pixels at the model's resolution.
    """
    spec = ModelSpec(
        name=name, input_height=height, input_width=width, bandwidths=2,
        classes=(ObjectClass(name=CLASSES[0], color=(0, 0, 142)), ObjectClass(name=CLASSES[1], color=(220, 20, 60))),
        thresholds=Thresholds(min_pixels=8),
        provenance=Provenance(data="none: written by hand", licence="Apache-2.0", command="write_tiny_model"))
    content = _graph(height, width).SerializeToString()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    spec = spec.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    spec.save(folder)
    return spec


def blobs(*, height: int = 64, width: int = 128) -> np.ndarray:
    """A black picture, uint8 (H, W, 3) RGB, of three instances of the tiny model, in the order of their ids.

    A red car, a green car with a lower score and a blue person with the lowest, as eighths of the picture's sides:
    columns 1-2, 3-4 and 5-6, rows 2-5. On sides that are multiples of 8 times the model's they stay exact.
    """
    rgb = np.zeros((height, width, 3), np.uint8)
    rows = slice(height // 4, 3 * height // 4)
    for start, color in ((1, (255, 0, 0)), (3, (0, 245, 0)), (5, (0, 0, 235))):
        rgb[rows, start * width // 8:(start + 2) * width // 8] = color
    return rgb


def _graph(height: int, width: int):
    def constant(name, value):
        return numpy_helper.from_array(np.asarray(value), name)

    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        node("Transpose", ["real"], ["planes"], perm=[0, 3, 1, 2]),
        node("Div", ["planes", "255"], ["rgb"]),
        node("Split", ["rgb", "2,1"], ["embedding", "blue"], axis=1),
        node("Mul", ["embedding", "0"], ["zeros"]),
        node("Add", ["zeros", "precision"], ["bandwidth"]),
        node("ReduceMax", ["rgb"], ["brightest"], axes=[1], keepdims=1),
        node("Greater", ["brightest", "160/255"], ["is_bright"]),
        node("Cast", ["is_bright"], ["bright"], to=TensorProto.FLOAT),
        node("Mul", ["brightest", "bright"], ["probability"]),
        node("Greater", ["blue", "128/255"], ["is_person"]),
        node("Cast", ["is_person"], ["person"], to=TensorProto.FLOAT),
        node("Mul", ["probability", "person"], ["person_seed"]),
        node("Sub", ["probability", "person_seed"], ["car_seed"]),
        node("Concat", ["car_seed", "person_seed"], ["seed"], axis=1),
    ]
    constants = [constant("255", np.float32(255)), constant("0", np.float32(0)), constant("2,1", np.int64([2, 1])),
                 constant("precision", np.float32(np.log(2) / 0.1 ** 2)),
                 constant("160/255", np.float32(160 / 255)), constant("128/255", np.float32(128 / 255))]

    def value(name, kind, *shape):
        return helper.make_tensor_value_info(name, kind, ["N", *shape])

    graph = helper.make_graph(
        nodes, "tiny", [value("image", TensorProto.UINT8, height, width, 3)],
        [value(name, TensorProto.FLOAT, 2, height, width) for name in ("embedding", "bandwidth", "seed")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model


def enlarged(ids: np.ndarray, height: int, width: int) -> np.ndarray:
    """An id map of few ids at another size: at each pixel the id with most of the bilinear weight, by OpenCV."""
    weights = [cv2.resize((ids == k).astype(np.float32), (width, height)) for k in range(int(ids.max()) + 1)]
    return np.argmax(weights, axis=0).astype(ids.dtype)
