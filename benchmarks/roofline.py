"""The floor of one frame on vehicle GPUs, on paper: bytes moved and operations of every stage, counted, not measured.

    python benchmarks/roofline.py [MODEL]

Counts the shipped graph layer by layer and the other stages from their arrays, and divides by what each GPU is sold
with. Writes benchmarks/results/roofline.json and the tables of docs/performance.md.
"""

import argparse
import sys
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import onnx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.row_page import markdown, put  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.models import DEFAULT_MODEL, find_model  # noqa: E402

RESULTS = HERE / "results" / "roofline.json"
PAGE = HERE.parent / "docs" / "performance.md"

SIZES = [(512, 1024), (1024, 2048)]
"""Of the network's input; the camera has 1024 x 2048 pixels."""

CAMERA = (1024, 2048)
CAMERA_BYTES = 3
FOREGROUND = 0.15
"""Share of pixels, METHODS 4."""
SLOT = 24
"""Bytes of a foreground pixel sorted into its bin: x, y, key, label, linear index."""


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


def stages(count: dict[str, float], pixels: int, heads: int, height: int, width: int) -> list[Stage]:
    """The stages of one frame. count: of an input of so many `pixels`; a convolution's needs grow with the area.

    heads: channels that the network writes, fp32.
    """
    scale, network, camera = height * width / pixels, height * width, CAMERA[0] * CAMERA[1]
    image, maps, written = 3 * network, 4 * heads * network, 3 * camera
    return [
        Stage("upload", camera * CAMERA_BYTES, link=camera * CAMERA_BYTES),
        Stage("convert and resize", camera * CAMERA_BYTES + image),
        Stage("network", image + scale * count["activations"] + count["weights"] + maps, macs=scale * count["macs"]),
        Stage("cluster", maps + 3 * FOREGROUND * network * SLOT + 2 * network),
        Stage("enlarge", 2 * network + written),
        Stage("download", written, link=written),
    ]


def floors(count: dict[str, float], pixels: int, heads: int) -> list[dict]:
    """One row per input size and stage: its needs and its floor on each GPU, milliseconds."""
    return [asdict(stage) | {"input": [height, width], "ms": {name: stage.ms(gpu) for name, gpu in GPUS.items()}}
            for height, width in SIZES for stage in stages(count, pixels, heads, height, width)]


def tables(results: dict) -> str:
    """What is counted, and for each input size a table of stages and floors, as Markdown."""
    count, (height, width) = results["counted"], results["input"]
    text = [f"`{results['model']}` at {height} x {width}: {count['macs'] / 1e9:.2f} G multiply-adds, "
            f"{count['activations'] / 1e6:.0f} MB in and out of its convolutions in fp16, "
            f"{count['weights'] / 1e6:.1f} MB of weights. A GPU's memory GB/s, dense fp16 TFLOP/s and link GB/s: "
            + "; ".join(f"{name} {gpu['memory']:g}, {gpu['half']:g}, {gpu['link'] or 'shared memory'}"
                        for name, gpu in results["gpus"].items()) + "."]
    for size in SIZES:
        rows = [row for row in results["floors"] if row["input"] == list(size)]
        lines = [["stage", "MB of memory", "MB over the link", "GMAC", *(f"{name}, ms" for name in GPUS)]]
        lines += [[row["name"], f"{row['memory'] / 1e6:.1f}", f"{row['link'] / 1e6:.1f}" if row["link"] else "",
                   f"{row['macs'] / 1e9:.1f}" if row["macs"] else "", *(f"{row['ms'][name]:.3f}" for name in GPUS)]
                  for row in rows]
        lines.append(["**sum**", "", "", "", *(f"**{sum(row['ms'][name] for row in rows):.2f}**" for name in GPUS)])
        text += [f"Network input {size[0]} x {size[1]}, camera {CAMERA[0]} x {CAMERA[1]} rgb8:", markdown(lines, 1)]
    return "\n\n".join(text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, help="a shipped model or a model's folder")
    folder = find_model(parser.parse_args(arguments).model)
    model = onnx.load(folder / "model.onnx")
    _, height, width, _ = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
    heads = sum(output.type.tensor_type.shape.dim[1].dim_value for output in model.graph.output)
    count = counted(model)
    gpus = {name: asdict(gpu) for name, gpu in GPUS.items()}
    results = {"model": folder.name, "input": [height, width], "counted": count,
               "gpus": gpus, "floors": floors(count, height * width, heads)}
    write_results(RESULTS, results, "onnx")
    put(PAGE, "roofline.py", "Performance on a GPU: the floor", tables(results))
    print(tables(results))


if __name__ == "__main__":
    main()
