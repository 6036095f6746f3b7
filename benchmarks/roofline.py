"""The floor of one frame on vehicle GPUs, on paper: bytes moved and operations of every stage, counted, not measured.

    python benchmarks/roofline.py [MODEL]

Counts the shipped graph layer by layer and the other stages from their arrays, and divides by what each GPU is sold
with. Writes benchmarks/results/roofline.json and the tables of docs/performance.md.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import onnx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.row_page import markdown, put  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.bench.roofline import CAMERA, GPUS, counted, stages  # noqa: E402
from instance_seg_node.models import DEFAULT_MODEL, find_model  # noqa: E402

RESULTS = HERE / "results" / "roofline.json"
PAGE = HERE.parent / "docs" / "performance.md"

SIZES = [(512, 1024), (1024, 2048)]
"""Of the network's input; the camera has 1024 x 2048 pixels."""


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
