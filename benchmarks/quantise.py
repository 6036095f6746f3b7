"""A model's network in static 8 bits, as QDQ: what ONNX Runtime then runs in integers on a CPU."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from instance_seg_node.model_spec import ModelSpec

CONVOLUTIONS = ("Conv", "ConvTranspose")

QUANTISED = ("Conv", "Relu", "Add", "AveragePool", "MaxPool", "Resize", "Concat")
"""Ops with an 8-bit kernel in ONNX Runtime on CPUs. ConvTranspose has none, nor what makes real numbers of bytes."""


def quantise(model: Path, images: Iterable[np.ndarray], folder: Path) -> None:
    """Write the model folder in 8 bits into another one, which exists.

    images: uint8 (H, W, 3) RGB of the network's size; activations get the range that they have on them.
    Raises InputError if `model` is no model folder.
    """
    spec, path = ModelSpec.load(model), Path(folder) / "model.onnx"
    # Not after quant_pre_process: exported graphs have their shapes and are folded, so it changes nothing.
    network = onnx.load(Path(model) / "model.onnx")
    # As quantize_static advises for x86 without VNNI, where two products of u8 and s8 are added in 16 bits: weights of
    # 7 bits cannot overflow these (2 * 255 * 64 < 2^15). Measured on `street`: with 8 bits offsets miss by up to 73 px,
    # with 7 by 20; S8 activations take 1.5 times as long; steps per channel cost no time.
    quantize_static(network, path, Images(images), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, reduce_range=True, per_channel=True,
                    op_types_to_quantize=list(QUANTISED), nodes_to_exclude=last_layers(network.graph))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    spec.model_copy(update={"sha256": sha256, "measured": {}}).save(folder)


def last_layers(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes that no convolution follows: the last convolutions and the decoding of heads.

    In steps of 8 bits an offset would miss by pixels, and the bandwidth exp(10 r) by factors.
    """
    names: list[str] = []
    read: set[str] = set()  # tensors that lead to a convolution
    for node in reversed(graph.node):  # ONNX sorts each node after those that it reads
        leads_on = not read.isdisjoint(node.output)
        if not leads_on:
            names.append(node.name)
        if leads_on or node.op_type in CONVOLUTIONS:
            read.update(node.input)
    return names


class Images(CalibrationDataReader):
    """Feeds images to a network, one at a time."""

    def __init__(self, images: Iterable[np.ndarray]):
        self._feeds = ({"image": image[None]} for image in images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)
