"""The page docs/own-data.md as its test needs it: its blocks, small pictures, and the commands run on them in order.

The first training is interrupted, so that there is something to go on with.
"""

import contextlib
import io
import re
import runpy
import shlex
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from bag_files import image, write_bag

from instance_seg_node.cli import main
from instance_seg_node.models import find_model
from instance_seg_node.training import train as training

PAGE = Path(__file__).parents[1] / "docs" / "own-data.md"
RECIPE = "warehouse.yaml"
HEIGHT, WIDTH = 64, 128

RUN = ("instance-seg ", "ls ")
"""What commands begin with that are run as they are."""

INTERRUPTED = 4
"""The step at which Ctrl-C is pressed: there is a checkpoint of three steps."""


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def commands() -> list[str]:
    """Each command on one line, in order."""
    return re.sub(r"\s*\\\n\s*", " ", "".join(blocks("bash"))).splitlines()


def files() -> dict[str, str]:
    """Path -> content of each file that the reader is to write. Its first line is the path, in a comment."""
    return {block.partition("\n")[0].removeprefix("# "): block for block in blocks("yaml") + blocks("python")}


def smaller(recipe: str) -> str:
    """A recipe with two steps a stage, of two crops each, and a checkpoint after every third step."""
    content = yaml.safe_load(recipe)
    stages = [stage | {"steps": 2, "batch": 2} for stage in content["stages"]]
    return yaml.safe_dump(content | {"stages": stages, "validate_every": 3})


def prepare(folder: Path) -> Path:
    """What a reader has before the first command: the shipped model, the page's files (the recipe a smaller one), six
    labelled pictures of three drives, two pictures without labels, and a bag of three frames.
    """
    (folder / "models").mkdir()
    (folder / "models" / "street").symlink_to(find_model("street"))
    for name in ("my_labels/images", "my_labels/masks", "pictures"):
        (folder / name).mkdir(parents=True)
    for path, content in files().items():
        (folder / path).write_text(smaller(content) if path == RECIPE else content)
    write_ids = runpy.run_path(str(folder / "id_png.py"))["write_ids"]
    for i, name in enumerate(f"drive_{drive}_{frame:04}" for drive in (1, 2, 3) for frame in (1, 2)):
        rgb, objects, left_out = scene(i)
        cv2.imwrite(str(folder / "my_labels" / "images" / f"{name}.jpg"), rgb[..., ::-1])
        write_ids(folder / "my_labels" / "masks" / f"{name}.png", objects, left_out)
    for i in (6, 7):
        cv2.imwrite(str(folder / "pictures" / f"{i}.png"), scene(i)[0][..., ::-1])
    write_bag(folder / "drive_4", [("/front/image_raw", i * 10**8, image(scene(i)[0], (i, 0))) for i in (8, 9, 10)])
    return folder


def scene(number: int) -> tuple[np.ndarray, list[tuple[int, np.ndarray]], np.ndarray]:
    """A picture, uint8 (HEIGHT, WIDTH, 3) RGB, and its labels as write_ids of the page takes them: two persons, upright
    and red, and a yellow forklift, above a strip that is left out."""
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    objects = []
    for place, colour, left, width, top in ((1, (200, 40, 40), 8, 14, 8), (1, (170, 60, 60), 34, 14, 14),
                                            (2, (220, 200, 30), 64, 40, 20)):
        pixels = np.zeros((HEIGHT, WIDTH), bool)
        pixels[top:56, left + number:left + number + width] = True
        rgb[pixels] = colour
        objects.append((place, pixels))
    return rgb, objects, np.arange(HEIGHT)[:, None].repeat(WIDTH, axis=1) >= 60


def walk(folder: Path) -> dict[str, str]:
    """Run the commands of RUN in `folder`. Returns what each has printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {command: typed(command) for command in commands() if command.startswith(RUN)}


def typed(command: str) -> str:
    """What a command prints. It must succeed, or end by Ctrl-C if it is the training that is interrupted."""
    words = shlex.split(command)
    if words[0] != "instance-seg":
        return subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout
    interrupted = "--start-from" in words
    with contextlib.redirect_stdout(io.StringIO()) as printed, ctrl_c() if interrupted else contextlib.nullcontext():
        assert main(words[1:]) == (130 if interrupted else 0), command
    return printed.getvalue()


@contextlib.contextmanager
def ctrl_c():
    """Pressed in step INTERRUPTED of a training."""
    step_of = training._step

    def step(learner, crops, recipe, number):
        if number == INTERRUPTED:
            raise KeyboardInterrupt
        return step_of(learner, crops, recipe, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_step", step)
        yield
