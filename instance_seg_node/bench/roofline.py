"""What a batch needs at least: bytes moved and operations of every stage, counted, and how fast a GPU is sold to be."""

from dataclasses import dataclass
from math import prod

import onnx

CAMERA = (1024, 2048)
CAMERA_BYTES = 3
FOREGROUND = 0.15
"""Share of pixels, METHODS 4."""
SLOT = 24
"""Bytes of a foreground pixel sorted into its bin: x, y, key, label, linear index."""
VALUE_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
"""Of an activation and a weight, by precision."""


@dataclass(frozen=True)
class Gpu:
    """memory, link: GB/s. half: TFLOP/s of the tensor cores, fp16 dense with fp32 sums. link None: shared memory."""

    memory: float
    half: float
    link: float | None


# Data sheets: Jetson AGX Orin 64 GB (170 sparse INT8 TOPS of the GPU are 42.5 dense in fp16), Jetson T5000 (2070
# sparse FP4 are 259), GeForce RTX 4090 (Ada white paper), H200 SXM. Links: PCIe 4.0 x16 and 5.0 x16.
GPUS = {"Jetson AGX Orin": Gpu(204.8, 42.5, None), "Jetson Thor": Gpu(273, 259, None),
        "RTX 4090": Gpu(1008, 165.2, 31.5), "H200": Gpu(4800, 989, 63)}


@dataclass
class Stage:
    """What a stage needs at least: bytes of memory, bytes over the link, and multiply-adds."""

    name: str
    memory: float
    link: float = 0.0
    macs: float = 0.0

    def ms(self, gpu: Gpu) -> float:
        """The longest of its needs; where memory is shared, a transfer is none."""
        link = self.link / gpu.link if gpu.link else 0.0
        return max(self.memory / gpu.memory, link, 2 * self.macs / gpu.half / 1e3) / 1e6


def counted(model: onnx.ModelProto) -> dict[str, float]:
    """Of one image: multiply-adds; bytes in fp16 that the convolutions read and write, and of all weights.

    What comes between two convolutions (ReLU, sums, resizing) is taken as done within them, as TensorRT does where it
    can. What the last ones write is decoded to heads in fp32, which `stages` counts.
    """
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {v.name: [d.dim_value or 1 for d in v.type.tensor_type.shape.dim]
              for v in [*inferred.value_info, *inferred.input, *inferred.output]}
    weights = {w.name: list(w.dims) for w in inferred.initializer}
    macs = activations = parameters = 0
    for node in inferred.node:
        if node.op_type not in ("Conv", "ConvTranspose"):
            continue
        read, kernel, written = shapes[node.input[0]], weights[node.input[1]], shapes[node.output[0]]
        positions = prod(written[2:]) if node.op_type == "Conv" else prod(read[2:])
        macs += positions * prod(kernel)
        activations += 2 * (prod(read) + prod(written))
        parameters += sum(prod(weights[name]) for name in node.input[1:])
    return {"macs": macs, "activations": activations, "weights": 2 * parameters}


def stages(count: dict[str, float], pixels: int, heads: int, height: int, width: int, *,
           camera: tuple[int, int] = CAMERA, cameras: int = 1, precision: str = "fp16",
           foreground: float = FOREGROUND) -> list[Stage]:
    """The stages of one batch, in the order of gpu/frame_path.STAGES. count: of an input of so many `pixels`; a
    convolution's needs grow with the area.

    heads: channels that the network writes, fp32. camera: height and width of each of the `cameras`. An operation in
    int8 counts as half of one in fp16, one in fp32 as a whole: less than it takes, so that this stays a floor.
    """
    scale, network, seen = cameras * height * width / pixels, cameras * height * width, cameras * prod(camera)
    image, maps, written, size = 3 * network, 4 * heads * network, 3 * seen, VALUE_BYTES[precision] / 2
    return [
        Stage("upload", seen * CAMERA_BYTES, link=seen * CAMERA_BYTES),
        Stage("convert and resize", seen * CAMERA_BYTES + image),
        Stage("network", image + size * (scale * count["activations"] + count["weights"]) + maps,
              macs=min(size, 1) * scale * count["macs"]),
        Stage("cluster", maps + 3 * foreground * network * SLOT + 2 * network),
        Stage("enlarge", 2 * network + written),
        Stage("download", written, link=written),
    ]


def known_gpu(description: str) -> str | None:
    """The row of GPUS that a GPU's own name says it is."""
    return next((name for name in GPUS if name.split()[-1] in description.replace("_", " ").split()), None)
