"""What reads a stranger's input, and what it must do with any: give a result, or refuse it and say why.

A row of TARGETS is a strategy of cases and a function that reads one, in an empty folder where it needs files. It may
raise FrameError or InputError whose text names the cause (and the file); nothing else.
"""

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import good_files as good
import yaml
from hypothesis import strategies as st
from mutations import altered, by_chance, damaged, with_checksums

from instance_seg_node.bag_messages import header_of
from instance_seg_node.bags import TO_RGB, choose_topics, open_bag
from instance_seg_node.datasets.coco import Coco
from instance_seg_node.datasets.folder import _id_classes
from instance_seg_node.datasets.truth_files import read_ids
from instance_seg_node.encodings import ENCODINGS, rgb_of_compressed, rgb_of_image
from instance_seg_node.engines.ort import OrtEngine
from instance_seg_node.errors import FrameError, InputError
from instance_seg_node.model_spec import ModelSpec, Thresholds
from instance_seg_node.models import find_model
from instance_seg_node.picture_files import read_image
from instance_seg_node.training.recipe import Recipe


@dataclass(frozen=True)
class Target:
    """share: of the cases of a long run; what is slow has less."""

    cases: st.SearchStrategy
    read: Callable[[Any, Path], Any]
    share: float = 1.0


NAMES = sorted(ENCODINGS)
SIDES = (0, 1, 2, 3, 39, 2**14, 2**14 + 1, 2**16, 2**27, 2**31, 2**32 - 1)
WRONG = {"encoding": (*NAMES, "", "RGB8", "16UC1", "rgb8\0"), "width": SIDES, "height": SIDES, "step": SIDES,
         "is_bigendian": (1, 255)}


def image_message(chance: Random) -> SimpleNamespace:
    """sensor_msgs/Image, of fields that fit each other but for up to two."""
    encoding, width, height = chance.choice(NAMES), chance.choice((1, 2, 3, 4, 8, 40)), chance.choice((1, 2, 3, 4, 24))
    step = width * ENCODINGS[encoding].samples * ENCODINGS[encoding].sample_bytes + chance.choice((0, 0, 1, 5))
    size = step * ENCODINGS[encoding].data_rows(height) + chance.choice((*[0] * 12, -1, 1, -step, step, -64, 64))
    fields = {"encoding": encoding, "width": width, "height": height, "step": step, "is_bigendian": 0}
    for name in chance.choices(sorted(WRONG), k=chance.choice((0, 0, 1, 1, 2))):
        fields[name] = chance.choice((*WRONG[name], chance.getrandbits(32) if name != "encoding" else "bgr"))
    return SimpleNamespace(data=chance.randbytes(max(0, size)), **fields)


def _compressed(file: bytes) -> SimpleNamespace:
    return SimpleNamespace(data=file, format="rgb8; jpeg compressed bgr8")


def _file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], Any]:
    """Reads a case that is the content of a file."""
    def written(content: bytes, folder: Path):
        (folder / name).write_bytes(content)
        return read(folder / name)
    return written


def _yaml(files: list[bytes]) -> st.SearchStrategy:
    words = [b"&a ", b"*a", b"!!int ", b"!!timestamp ", b"!!binary ", b"? ", b"- ", b": ", b"{", b"}", b"[", b"]",
             b"\n", b"<<: ", b"|", b"'", b'"', b"\\ud800", b"\0", b"\xff", b".inf", b".nan", b"1" * 5000, b"---\n",
             b"%YAML "]
    values = [good.values(file) for file in files]
    dumped = st.sampled_from(values).flatmap(altered).map(lambda value: yaml.safe_dump(value).encode())
    return damaged(files, words) | dumped


def _spec(folder: Path) -> ModelSpec:
    (folder / "model.yaml").write_bytes(good.model_files()[0])
    return ModelSpec.load(folder).model_copy(update={"sha256": ""})


def _read_bag(path: Path) -> int:
    """As `instance-seg bag` does: a frame that is no picture is counted, and if all are it is an error."""
    with open_bag(path) as bag:
        pictures, problem = 0, None
        for recorded in bag.recorded(choose_topics(bag)):
            try:
                message = recorded.message()
                header_of(message)
                TO_RGB[recorded.topic.type](message)
                pictures += 1
            except FrameError as error:
                problem = error
    if problem and not pictures:
        raise problem
    return pictures


def _bag_in_folder(case: tuple[str, str, bytes], folder: Path) -> int:
    kind, name, content = case
    bag = folder / "in"
    bag.mkdir()
    for other, good_content in good.bag_folder(kind).items():
        (bag / other).write_bytes(content if other == name else good_content)
    return _read_bag(bag)


FOLDERS = [(kind, name, content) for kind in good.KINDS for name, content in good.bag_folder(kind).items()]
_folders = st.sampled_from(FOLDERS).flatmap(
    lambda row: st.tuples(st.just(row[0]), st.just(row[1]),
                          _yaml([row[2]]) if row[1] == "metadata.yaml" else damaged([row[2]])))


def _json(value: object) -> bytes:
    return json.dumps(value, default=str).encode()


def _coco(content: bytes, folder: Path) -> None:
    (folder / "a.png").write_bytes(good.pngs()[0])
    (folder / "coco.json").write_bytes(content)
    dataset = Coco(folder / "coco.json")
    for i in range(min(len(dataset), 3)):
        dataset[i]


def _parameters(case: tuple[dict, Thresholds | None], _: Path) -> None:
    from instance_seg_node.ros import parameters

    values, model = case
    found = parameters.problems(values, model, lambda name: name if name.startswith("/") else f"/ns/{name}")
    names = [setting.name for setting in parameters.SETTINGS]
    if found:
        assert all(any(name in text for name in names) for text in found), found
        raise InputError("; ".join(found))
    parameters.thresholds(values, model or Thresholds())


@st.composite
def parameter_sets(draw) -> tuple[dict, Thresholds | None]:
    """Values of the types and ranges of integers that rclpy lets through."""
    from instance_seg_node.ros.parameters import SETTINGS

    numbers = st.floats() | st.floats(-1, 1) | st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.0 + 1e-10])
    texts = st.text(max_size=12) | st.sampled_from(["/camera", "camera", "~/camera", "/camera/", "{node}", "//", "a b"])
    names = texts.filter(lambda text: text.isprintable()) | texts
    kinds = {str: texts, list: st.lists(names, max_size=4), float: numbers}
    values = {}
    for setting in SETTINGS:
        kind = st.integers(-1, int(setting.largest or 3_600_000)) if type(setting.default) is int \
            else kinds[type(setting.default)]
        usual = st.sampled_from(setting.choices) if setting.choices else st.just(setting.default)
        values[setting.name] = draw(usual if draw(st.integers(0, 9)) else kind)
    return values, draw(st.none() | st.builds(Thresholds, foreground=st.floats(0, 1), seed=st.floats(0, 1)))


TARGETS = {
    "Image": Target(by_chance(image_message), lambda case, _: rgb_of_image(case), 3),
    "CompressedImage jpeg": Target(damaged(good.jpegs()).map(_compressed), lambda case, _: rgb_of_compressed(case), 3),
    "CompressedImage png": Target((damaged(good.pngs()) | damaged(good.pngs()).map(with_checksums)).map(_compressed),
                                  lambda case, _: rgb_of_compressed(case), 3),
    "picture files": Target(damaged(good.pngs() + good.jpegs() + good.other_pictures()), _file("a.png", read_image)),
    "id pictures": Target(damaged(good.pngs()).map(with_checksums), _file("ids.png", read_ids)),
    "model.yaml": Target(_yaml([good.model_files()[0]]),
                         _file("model.yaml", lambda path: ModelSpec.load(path.parent)), 1.5),
    "model.onnx": Target(damaged([good.model_files()[1]]),
                         _file("model.onnx", lambda path: OrtEngine(path.parent, _spec(path.parent)))),
    "recipes": Target(_yaml(good.recipes()), _file("recipe.yaml", Recipe.load), 1.5),
    "classes.yaml": Target(_yaml([good.CLASSES]), _file("classes.yaml", _id_classes)),
    "COCO": Target(damaged([good.COCO_FILE]) | altered(good.COCO).map(_json), _coco),
    "mcap": Target(damaged(good.bags(".mcap")), _file("in.mcap", _read_bag), 3),
    "sqlite3": Target(damaged(good.bags(".db3")), _file("in.db3", _read_bag), 3),
    "rosbag1": Target(damaged(good.bags(".bag")), _file("in.bag", _read_bag)),
    "bag folders": Target(_folders, _bag_in_folder),
    "model names": Target(st.text(max_size=40) | st.sampled_from(["street", "~", "~no such user", "a" * 300]),
                          lambda case, _: find_model(case)),
    "parameters": Target(st.deferred(parameter_sets), _parameters, 2),
}
"""Name -> what is fuzzed."""


def outcome(target: Target, case: Any) -> str:
    """"accepted", or the cause for which a case was refused. Raises what must not be raised, or AssertionError."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        try:
            target.read(case, Path(folder))
        except FrameError as error:
            assert error.cause and str(error).startswith(f"{error.cause}: ") and len(str(error)) > len(error.cause) + 2
            return error.cause
        except InputError as error:
            return _cause(str(error), folder)
    return "accepted"


BARE = re.compile(r"\(None\)|: *$")
"""Of a text that names no cause."""


def _cause(text: str, folder: str) -> str:
    """What a refusal says, without what differs from case to case."""
    assert len(text) > 20 and not BARE.search(text), text
    short = re.sub(rf"{re.escape(folder)}\S*", "FILE", text.splitlines()[0])
    short = re.sub(r"'.*'|\".*\"|\(.*\)", "..", short)
    return re.sub(r"[0-9a-f]*\d[0-9a-f.]*", "#", short)[:70].strip()
