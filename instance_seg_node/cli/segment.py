"""`instance-seg segment`"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..models import DEFAULT_MODEL, find_model
from .options import Device, Model, Overwrite, Precision, progress, warn


def segment(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Images, folders of them, video files.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "fp32",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Name files that cannot be read, and go on.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Instance masks of images, of the images and videos directly in folders, and of each frame of videos.

    Writes for each image NAME.instances.png (16-bit ids, 0 = none) and NAME.overlay.jpg, and at the end
    instances.json: for each image file, width, height and its instances with id, class, score, box (x0 y0 x1 y1),
    area and mask (COCO run lengths); without it, the run was stopped. Frames of clip.mp4 are called clip_000000
    onwards. Images are turned upright as their EXIF orientation says, and so are the results.

    All inputs are looked at first; one that cannot be read ends the run before anything is written.

    \b
    Example: instance-seg segment photo.jpg drive.mp4 more_photos/ --out results
    """
    from ..picture_files import find_sources, picture_count
    from ..segmenter import open_segmenter

    sources = find_sources(inputs)
    _check_out(out, sources, overwrite)
    sources, skipped = _readable(sources, skip_bad)
    folder = find_model(model)
    segmenter = open_segmenter(folder, device=device, precision=precision)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be made: {error.strerror}") from error
    _remove_results(out)
    counts = {source: picture_count(source) for source in sources}
    started = time.perf_counter()
    images, instances = _segment(progress(_pictures(counts, skip_bad, skipped), total=sum(counts.values()),
                                          unit="images"), segmenter, out)
    print(f"{images} images, {instances} instances, {time.perf_counter() - started:.1f} s: {out / 'instances.json'}"
          + (f"; skipped {len(skipped)}: {', '.join(skipped)}" if skipped else ""))


def _check_out(out: Path, sources: list, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file. Name a folder, which may be new")
    if any(source.path.resolve().parent == out.resolve() for source in sources):
        raise InputError(f"--out {out} holds inputs. Name another folder, which may be new")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise InputError(f"--out {out} is not empty. Name another folder, or add --overwrite")


def _remove_results(out: Path) -> None:
    """What an earlier run left, finished or not: no picture may lie beside an instances.json that does not name it."""
    (out / "instances.json").unlink(missing_ok=True)
    for ids in out.glob("*.instances.png"):
        overlay = ids.with_name(ids.name.removesuffix(".instances.png") + ".overlay.jpg")
        overlay.unlink(missing_ok=True)  # first: alone are ids, if anything, and these are looked for
        ids.unlink()


def _readable(sources: list, skip_bad: bool) -> tuple[list, list[str]]:
    """The sources that can be read as far as is seen without decoding them, and the names of the others."""
    from ..picture_files import check_source

    good, skipped = [], []
    for source in sources:
        try:
            check_source(source)
            good.append(source)
        except InputError as error:
            _skip(error, skip_bad, source, skipped)
    return good, skipped


def _pictures(counts: dict, skip_bad: bool, skipped: list[str]) -> Iterator:
    """The pictures of all sources. counts: how many each promises."""
    from ..picture_files import pictures

    for source, promised in counts.items():
        try:
            number = 0
            for number, picture in enumerate(pictures(source), 1):  # noqa: B007, it is used after the loop
                yield picture
            if number < promised:
                warn(f"{source.path} promises {promised} frames, but {number} could be decoded: it may be cut short")
        except InputError as error:
            _skip(error, skip_bad, source, skipped)


def _skip(error: InputError, skip_bad: bool, source, skipped: list[str]) -> None:
    if not skip_bad:
        raise InputError(f"{error}. To leave such files out: --skip-bad") from error
    warn(f"skipped: {error}")
    skipped.append(str(source.path))


def _segment(pictures, segmenter, out: Path) -> tuple[int, int]:
    """Write the results of each picture, and instances.json last. Returns how many images and instances there were."""
    from ..files.atomic_files import atomic_file
    from ..frame import Frame

    images = found = 0
    with atomic_file(out / "instances.json", "w") as file:
        file.write(json.dumps({"model": segmenter.spec.name, "classes": [c.name for c in segmenter.spec.classes]})[:-1])
        file.write(', "images": [')
        for picture in pictures:
            [instances] = segmenter([Frame(picture.rgb)])
            entry = _write(picture, instances, segmenter.spec, out)
            file.write((",\n" if images else "\n") + json.dumps(entry))
            images += 1
            found += len(instances)
        if not images:
            raise InputError("none of the inputs could be read")
        file.write("\n]}\n")
    return images, found


def _write(picture, instances, spec, out: Path) -> dict:
    """The two image files of a picture. Returns its entry of instances.json."""
    import cv2

    from ..drawing import overlay
    from ..files.atomic_files import write_atomically
    from ..outputs import rows

    height, width = instances.id_map.shape
    bgr = cv2.cvtColor(overlay(picture.rgb, instances, spec), cv2.COLOR_RGB2BGR)
    write_atomically(out / f"{picture.name}.instances.png", cv2.imencode(".png", instances.id_map)[1].tobytes())
    write_atomically(out / f"{picture.name}.overlay.jpg", cv2.imencode(".jpg", bgr)[1].tobytes())
    return {"file": str(picture.file), "frame": picture.frame, "name": picture.name, "width": width, "height": height,
            "instances": rows(instances, spec)}
