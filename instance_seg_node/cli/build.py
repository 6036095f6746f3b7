"""`instance-seg build`"""

import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Overwrite


def build(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A shipped model's name, or a model folder.")],
    precision: Annotated[str, typer.Option(help="fp32, fp16, or int8 if the graph is quantised. Heads are decoded in "
                                           "fp32 in each.")] = "fp16",
    gpu: Annotated[str, typer.Option(metavar="this|SM,...", help="The GPU of this machine, or architectures such as "
                                     "sm_86,sm_89; then this machine needs no GPU.")] = "this",
    runtime: Annotated[str, typer.Option(help="tensorrt (vehicles; this GPU alone) or tensorrt-rtx. Default: the one "
                                         "that is installed.")] = "",
    cameras: Annotated[int, typer.Option(help="The largest batch: frames of so many cameras.")] = 1,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan there too, to take it "
                                             "elsewhere.")] = None,
    report: Annotated[bool, typer.Option("--report", help="List the precision of each layer.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Build the engine of a model for a GPU, and keep it in the cache folder for the node to find.

    \b
    Example: instance-seg build street --precision fp16 --gpu sm_86,sm_89 --runtime tensorrt-rtx
    """
    if out and out.exists() and not overwrite:
        raise InputError(f"{out} is there already. Choose another name, or add --overwrite")
    if out and not out.parent.is_dir():
        raise InputError(f"--out {out} needs the folder {out.parent}, which does not exist. Make it: mkdir -p "
                         f"{out.parent}")
    from ..engines.plans import find_or_build
    from ..engines.runtimes import find_runtime
    from ..files.cached_files import fits, write
    from ..models import find_model

    runtime, folder = find_runtime(runtime).name, find_model(model)
    logging.basicConfig(format="instance-seg: %(message)s")
    logging.getLogger("instance_seg_node").setLevel(logging.INFO)  # that it builds, or waits for another who does
    start = time.monotonic()
    plan = find_or_build(folder, precision=precision, gpu=gpu, runtime=runtime, cameras=cameras)
    if out:
        write(out, plan.key, plan.content)
    elif not fits(plan.path, plan.key):
        raise OSError(f"{plan.path} could not be kept, so nothing is built. Free some space, or name another place: "
                      "--out FILE")
    if report:
        print("\n".join(_report(folder, runtime, precision, plan.content)))
    how = f"built in {time.monotonic() - start:.1f} s" if plan.built else "already there"
    print(f"{how}: {out or plan.path} ({precision}, {runtime} {plan.key['version']}, {' '.join(plan.key['gpus'])}, "
          f"batches of 1 to {cameras}, {len(plan.content) / 1e6:.1f} MB)")


def _report(folder: Path, runtime: str, precision: str, plan: bytes) -> list[str]:
    from ..engines import report
    from ..engines.network_file import read_network
    from ..engines.precision import in_precision
    from ..engines.runtimes import RUNTIMES
    from ..model_spec import ModelSpec

    row = RUNTIMES[runtime]
    layers, note = report.layers_of_plan(row, plan), []
    if layers is None:
        network = read_network(folder, ModelSpec.load(folder))
        layers = report.layers_of_network(row, in_precision(network, precision))
        note = [report.UNOPENED]
    return [*note, *(f"{layer.precision:8} {layer.kind:16} {layer.name}" for layer in layers), report.summary(layers)]
