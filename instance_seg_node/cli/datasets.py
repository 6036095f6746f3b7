"""`instance-seg datasets`"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import progress, require_folder_of_sheet

app = typer.Typer(rich_markup_mode=None)

SIZES = 5
"""Image sizes in the table, the most frequent ones; --json has all."""


@app.callback()
def datasets() -> None:
    """Labelled images: generated streets, Cityscapes, COCO, Penn-Fudan, or a folder of your own.

    \b
    Example: instance-seg datasets check my_labels
    """


@app.command()
def check(
    where: Annotated[str, typer.Argument(
        metavar="DIR|FILE|street:...", help="A folder, a .json of COCO, or streets such as street:0..9:256x512.")],
    split: Annotated[str, typer.Option(help="train, val and so on, or all.")] = "all",
    classes: Annotated[str, typer.Option(
        metavar="NAME,...", help="The classes that count, such as those of a model. Default: all.")] = "",
    skip_broken: Annotated[bool, typer.Option(
        "--skip-broken", help="Leave out what cannot be read, and list it.")] = False,
    sheet: Annotated[Path | None, typer.Option(
        metavar="OUT.png", help="Write 24 images with their masks drawn, spread over the dataset.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for programs.")] = False,
) -> None:
    """Read every image and label of a dataset, and print what there is.

    The layout is recognised by what is in the folder:

    \b
    Cityscapes  leftImg8bit/ and gtFine/
    COCO        a .json of instances beside its images, or in annotations/
    Penn-Fudan  PNGImages/ and PedMasks/
    your own    images/NAME.jpg, masks/NAME.png and classes.yaml: ids in a PNG of 8 or 16 bits, 0 = no object;
                `classes: [person]` makes every other id a person

    \b
    Example: instance-seg datasets check my_labels --skip-broken --sheet my_labels.png
    """
    from ..datasets.opening import open_dataset

    if sheet is not None:
        _check_sheet(sheet)
    dataset = open_dataset(where, classes=[name.strip() for name in classes.split(",")] if classes else None,
                           split=split)
    census, tiles = _read(dataset, skip_broken=skip_broken, drawn=sheet is not None)
    report = census.report()
    print(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report)))
    if sheet is not None:
        _write(sheet, tiles)


def _check_sheet(path: Path) -> None:
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"--sheet {path} is neither .png nor .jpg. Name it so")
    require_folder_of_sheet(path)


def _read(dataset, *, skip_broken: bool, drawn: bool) -> tuple:
    """The census of a dataset, and the tiles of a contact sheet if one is to be drawn."""
    from ..datasets.census import Census
    from ..datasets.contact_sheet import TILES, spread, tile
    from ..datasets.dataset import readable

    census, tiles, shown = Census(dataset), [], set(spread(TILES, len(dataset)) if drawn else ())
    images = readable(dataset, census.broken if skip_broken else None)
    try:
        for i, image in progress(images, total=len(dataset), unit="images"):
            census.add(image)
            if i in shown:
                tiles.append(tile(image, dataset.title(i), dataset))
    except InputError as error:
        raise InputError(f"{error}. To leave such images out and list them: --skip-broken") from error
    if not census.images:
        raise InputError(f"none of the {len(dataset)} images can be read. The first: {census.broken[0]}")
    return census, tiles


def _lines(report: dict) -> list[str]:
    size = [f"{s['width']} x {s['height']} ({s['images']})" for s in report["sizes"]]
    more = f" and {len(size) - SIZES} more" if len(size) > SIZES else ""
    share = report["ignored_pixels"] / report["pixels"]
    lines = [f"{report['dataset']}: {report['images']} images ({report['without_objects']} without an object), "
             f"{report['instances']} instances, {share:.1%} of the pixels ignored",
             f"sizes (images): {', '.join(size[:SIZES])}{more}",
             "", f"{'class':16}{'images':>10}{'instances':>12}{'pixels':>14}{'of all':>8}{'median area':>13}"]
    lines += [f"{c['name']:16}{c['images']:10}{c['instances']:12}{c['pixels']:14}"
              f"{c['pixels'] / report['pixels']:8.1%}{c['median_area']:13.0f}" for c in report["classes"]]
    if report["broken"]:
        lines += ["", f"broken, left out ({len(report['broken'])}):", *(f"  {text}" for text in report["broken"])]
    return lines


def _write(path: Path, tiles: list) -> None:
    import cv2

    from ..datasets.contact_sheet import sheet
    from ..files.atomic_files import write_atomically

    picture = cv2.imencode(path.suffix, cv2.cvtColor(sheet(tiles), cv2.COLOR_RGB2BGR))[1]
    write_atomically(path, picture.tobytes())
    print(f"{len(tiles)} images with their masks: {path}", file=sys.stderr)
