"""What a simulated camera sees: generated streets, a video, pictures or a bag. Imports no ROS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..encodings import rgb_of_compressed, rgb_of_image
from ..errors import FrameError, InputError

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff")
JPEGS = (".jpg", ".jpeg")
BAG_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
RAW, COMPRESSED = BAG_TYPES


@dataclass(frozen=True)
class Packed:
    """A picture as a sensor_msgs/CompressedImage holds it."""

    data: bytes
    format: str

    def rgb(self) -> np.ndarray:
        return rgb_of_compressed(self)


Picture = np.ndarray | Packed
"""RGB uint8 (H, W, 3), or a packed file that may be sent on as it is."""

Source = Callable[[], Iterator[Picture]]
"""Called once per round of a loop. Pictures are made while one iterates; a broken one raises InputError there."""


def open_source(name: str, *, camera_index: int = 0, bag_topic: str = "") -> Source:
    """The video file, picture, folder of pictures or bag at path `name`.

    From a bag, camera i plays image topic i (in order of name, starting over after the last), or `bag_topic`.
    Raises InputError saying what is there instead.
    """
    path = Path(name).expanduser()
    if not path.exists():
        raise InputError(f"source {name!r} does not exist. Give `street`, "
                         "or the path of a video, picture, folder of pictures or bag")
    if (path / "metadata.yaml").is_file() or path.suffix in (".bag", ".mcap", ".db3"):
        return _bag(path, camera_index, bag_topic)
    if path.is_dir():
        return _folder(path)
    return _pictures([path]) if path.suffix.lower() in PICTURES else _video(path)


def street(*, seed: int, height: int, width: int, camera_index: int, frames: int,
           rate_hz: float) -> Iterator[np.ndarray]:
    """`frames` pictures of a generated street, 1 / rate_hz seconds apart."""
    from ..datasets.street import Street

    scene = Street(seed, height, width, camera_index)
    return (scene.render(frame / rate_hz).rgb for frame in range(frames))


def _folder(folder: Path) -> Source:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    if not files:
        raise InputError(f"source {folder} holds no picture ({', '.join(PICTURES)}) and is no bag (metadata.yaml)")
    return _pictures(files)


def _pictures(files: list[Path]) -> Source:
    def play():
        for file in files:
            if file.suffix.lower() in JPEGS:
                yield Packed(file.read_bytes(), "rgb8; jpeg compressed bgr8")
                continue
            bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if bgr is None:
                raise InputError(f"{file} is not a picture that OpenCV can read")
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)
    return play


def _video(file: Path) -> Source:
    if not cv2.VideoCapture(str(file)).grab():
        raise InputError(f"source {file} is neither a picture nor a video that OpenCV can read")

    def play():
        video = cv2.VideoCapture(str(file))
        while True:
            good, bgr = video.read()
            if not good:
                return
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)
    return play


@contextmanager
def _open_bag(path: Path):
    from rosbags.highlevel import AnyReader, AnyReaderError
    from rosbags.typesys import Stores, get_typestore

    bag = AnyReader([path], default_typestore=get_typestore(Stores.LATEST))
    try:
        bag.open()
    except (AnyReaderError, OSError) as error:
        raise InputError(f"source {path} is not a bag that rosbags can read: {error}") from error
    try:
        yield bag
    finally:
        bag.close()


def _bag_type(connection) -> str:
    """The message type with its `/msg/`, which some recorders leave out."""
    package, *_, name = connection.msgtype.split("/")
    return f"{package}/msg/{name}"


def _bag(path: Path, camera_index: int, topic: str) -> Source:
    with _open_bag(path) as bag:
        images = sorted({connection.topic for connection in bag.connections if _bag_type(connection) in BAG_TYPES})
    if not images:
        raise InputError(f"source {path} is a bag without image topics")
    if topic and topic not in images:
        raise InputError(f"source {path} has no image topic {topic!r}; it has {', '.join(images)}")
    played = topic or images[camera_index % len(images)]

    def play():
        with _open_bag(path) as bag:
            for connection, _, raw in bag.messages([c for c in bag.connections if c.topic == played]):
                kind = _bag_type(connection)
                message = bag.deserialize(raw, kind)
                try:
                    yield rgb_of_image(message) if kind == RAW else Packed(message.data.tobytes(), message.format)
                except FrameError as error:
                    raise InputError(f"{path}, topic {played}: {error}") from error
    return play
