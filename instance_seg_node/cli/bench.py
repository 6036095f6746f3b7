"""`instance-seg bench`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..models import DEFAULT_MODEL, find_model
from .lists import choices, counts, width_and_height
from .options import Model

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def bench() -> None:
    """Measure a step on this machine.

    \b
    Example: instance-seg bench clustering --instances 100
    """


@app.command()
def clustering(
    heads: Annotated[Path | None, typer.Option(
        metavar="FILE.npz", help="Arrays embedding, bandwidth, seed, float32 (channels, h, w); else drawn.")] = None,
    height: Annotated[int, typer.Option(min=1, help="Of drawn heads, in pixels.")] = 1024,
    width: Annotated[int, typer.Option(min=1)] = 2048,
    instances: Annotated[int, typer.Option(min=1)] = 30,
    ids: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Write the 16-bit id map there.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Medians are over so many runs.")] = 11,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """The clustering, against the literal loop of the method in PyTorch on two threads.

    \b
    Example: instance-seg bench clustering --height 1024 --width 2048 --instances 30 --json
    """
    from ..bench.clustering import run

    report = run(heads=heads, height=height, width=width, instances=instances, ids=ids, repeats=repeats)
    print(json.dumps(report, indent=2) if as_json else "\n".join(f"{name:26}{value}" for name, value in report.items()))


@app.command()
def gpu(
    model: Model = DEFAULT_MODEL,
    precisions: Annotated[str, typer.Option(metavar="LIST", help="Of fp32, fp16, int8.")] = "fp16,fp32,int8",
    cameras: Annotated[str, typer.Option(metavar="LIST", help="Messages in a batch.")] = "1,4,8",
    sizes: Annotated[str, typer.Option(metavar="LIST", help="Of a camera, as WIDTHxHEIGHT.")] =
        "2048x1024,1920x1080,1280x720",
    instances: Annotated[str, typer.Option(metavar="LIST", help="In each image.")] = "30,10,100",
    network: Annotated[str, typer.Option(help="plan, torch in its place, none, or auto: the first of these that "
                                         "runs.")] = "auto",
    frames: Annotated[int, typer.Option(min=1, help="Percentiles are over so many batches.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """The path of a batch through this machine's GPU, stage by stage and as a whole, and the clustering against torch.

    Measured is the batch of the first value of each list, and each other value with the first of the other lists.
    Exit status 1 if one of them failed.

    \b
    Example: instance-seg bench gpu --precisions fp16 --cameras 1,8 --json
    """
    from ..engines import PRECISIONS
    from ..engines.gpus import this_gpu

    lists = {"precisions": choices(precisions, "--precisions", PRECISIONS), "cameras": counts(cameras, "--cameras"),
             "sizes": width_and_height(sizes, "--sizes"), "instances": counts(instances, "--instances")}
    choices(network, "--network", ("auto", "plan", "torch", "none"))
    folder = find_model(model)
    this_gpu(remedy=". This measures one; without: instance-seg bench clustering")
    from ..bench.gpu import run
    from ..bench.gpu_networks import KINDS
    from ..bench.gpu_text import text
    from ..gpu.context import Gpu

    report = run(Gpu(), folder, frames=frames, kinds=[kind for kind in KINDS if network in ("auto", kind)], **lists)
    print(json.dumps(report, indent=2) if as_json else text(report))
    if any("failed" in row for row in report["batches"]):
        raise typer.Exit(1)
