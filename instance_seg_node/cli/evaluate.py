"""`instance-seg evaluate`"""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Device, Precision, progress, require_folder_of_sheet


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A shipped model (instance-seg models) or a folder.")],
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Labelled images: see instance-seg datasets.")],
    split: Annotated[str, typer.Option(help="Part of the dataset, where it has several: train, val, ..., all.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many images.")] = None,
    sheet: Annotated[Path | None, typer.Option(
        metavar="OUT.png", help="Draw the worst images there: truth beside what was found.")] = None,
    worst: Annotated[int, typer.Option(min=1, help="How many images the sheet has.")] = 12,
    device: Device = "auto",
    precision: Precision = "fp32",
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """How good a model is on labelled images, and what keeps it from being better.

    Average precision is pycocotools'; sizes are COCO's (small: below 32 x 32 pixels of the labelled image, large: above
    96 x 96). For the layout of Cityscapes it is also that of the official script. `sampled` takes centres and margins
    from the truth, and so leaves the seeds out. `recall` is the share of true pixels in a matched instance, `seeds` the
    share of instances from which the clustering can start. Classes are matched by name.

    The worst images are those with the lowest sum of the IoUs of right matches (same class, IoU above 0.5), divided by
    the mean of the numbers of true and found instances.

    \b
    Example: instance-seg evaluate street street:5000000..5000099:256x512 --sheet worst.png
    """
    from ..datasets.opening import open_dataset
    from ..evaluation.report import evaluate as run
    from ..models import find_model
    from ..segmenter import open_segmenter

    _check_sheet(sheet)
    images = open_dataset(dataset, split=split)
    segmenter = open_segmenter(find_model(model), device=device, precision=precision)
    count = min(len(images), limit or len(images))
    if not count:
        raise InputError(f"dataset {dataset} has no image. Look at it: instance-seg datasets check {dataset}")
    evaluation = run(segmenter, images, progress(range(count), total=count, unit="images"), worst=worst)
    if sheet:
        _write_sheet(sheet, evaluation, images, segmenter.spec)
    print(json.dumps(evaluation.report, indent=2) if as_json else "\n".join(_table(evaluation.report)))


def _check_sheet(sheet: Path | None) -> None:
    if sheet and sheet.suffix.lower() != ".png":
        raise InputError(f"--sheet {sheet} must be named .png")
    if sheet:
        require_folder_of_sheet(sheet)


def _write_sheet(sheet: Path, evaluation, dataset, spec) -> None:
    import cv2

    from ..evaluation.sheet import draw_sheet
    from ..files.atomic_files import write_atomically

    bgr = cv2.cvtColor(draw_sheet(evaluation.worst, dataset, spec), cv2.COLOR_RGB2BGR)
    write_atomically(sheet, cv2.imencode(".png", bgr)[1].tobytes())


def _table(report: dict) -> list[str]:
    lines = [f"{report['model']} on {report['dataset']}: {report['images']} images"]
    lines += [f"{what}: {', '.join(report[key])}" for key, what in (
        ("lacking", "The model lacks"), ("unlabelled", "Not labelled here, and not judged")) if report[key]]
    lines += ["", *_overall(report), "", *_by_class(report), ""]
    seeds = report["seeds"]
    return [*lines, f"Seeds of {seeds['threshold']:g} or more: in {_figure(seeds['starts'])} of the true instances, on "
                    f"{_figure(seeds['background_above'])} of the background; {_figure(seeds['above_on_background'])} "
                    "of them are background.", f"Recall of pixels: {_figure(report['pixel_recall']['all'])}."]


def _overall(report: dict) -> list[str]:
    columns = ("AP", "AP50", "AP75", "small", "medium", "large")
    lines = [" " * 22 + "".join(f"{name:>8}" for name in columns)]
    for key, row in (("average_precision", "found"), ("ground_truth_sampling", "sampled")):
        for tool, scores in report[key].items():
            values = scores | scores.get("sizes", {})
            lines.append(f"{f'{row} ({tool})':22}" + "".join(f"{_figure(values.get(name, -1)):>8}" for name in columns))
    return lines


def _by_class(report: dict) -> list[str]:
    width = max(len(name) for name in (*report["classes"], "class"))
    lines = [f"{'class':{width}}    true      AP    AP50 sampled  recall   seeds  found as"]
    confusion, found, sampled = (report["confusion"], report["average_precision"]["coco"]["classes"],
                                 report["ground_truth_sampling"]["coco"]["classes"])
    for name in report["classes"]:
        counts = confusion["counts"][confusion["true"].index(name)]
        ranked = sorted(zip(counts, confusion["found"], strict=True), key=lambda pair: -pair[0])
        figures = (found[name]["AP"], found[name]["AP50"], sampled[name]["AP"], report["pixel_recall"]["classes"][name],
                   report["seeds"]["classes"][name]["starts"])
        lines.append(f"{name:{width}}{sum(counts):8}" + "".join(f"{_figure(value):>8}" for value in figures) + "  "
                     + ", ".join(f"{what} {count}" for count, what in ranked[:4] if count))
    return lines


def _figure(value: float) -> str:
    """-1 stands for nothing to measure."""
    return "-" if value == -1 else f"{value:.3f}"
