"""What a simulated camera sees: generated streets, a video, pictures or a bag. Imports no ROS."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import picture_files
from ..bags import RAW, open_bag
from ..encodings import rgb_of_compressed, rgb_of_image
from ..errors import FrameError, InputError

JPEGS = (".jpg", ".jpeg")
BAG_FILES = (".bag", ".mcap", ".db3")


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
    From a folder, its pictures and videos in order of name. Raises InputError saying what is there instead.
    """
    path = Path(name).expanduser()
    if not path.exists():
        raise InputError(f"source {name!r} does not exist. Give `street`, "
                         "or the path of a video, picture, folder of pictures or bag")
    if (path / "metadata.yaml").is_file() or path.suffix in BAG_FILES:
        return _bag(path, camera_index, bag_topic)
    return _files(path)


def street(*, seed: int, height: int, width: int, camera_index: int, frames: int,
           rate_hz: float) -> Iterator[np.ndarray]:
    """`frames` pictures of a generated street, 1 / rate_hz seconds apart."""
    from ..datasets.street import Street

    scene = Street(seed, height, width, camera_index)
    return (scene.render(frame / rate_hz).rgb for frame in range(frames))


def _files(path: Path) -> Source:
    sources = picture_files.find_sources([path])
    picture_files.check_source(sources[0])

    def play():
        for source in sources:
            if source.path.suffix.lower() in JPEGS:
                yield Packed(source.path.read_bytes(), "rgb8; jpeg compressed bgr8")
            else:
                yield from (picture.rgb for picture in picture_files.pictures(source))
    return play


def _bag(path: Path, camera_index: int, topic_name: str) -> Source:
    with open_bag(path) as bag:
        topics = {topic.name: topic for topic in bag.topics}
    if not topics:
        raise InputError(f"source {path} is a bag without image topics")
    if topic_name and topic_name not in topics:
        raise InputError(f"source {path} has no image topic {topic_name!r}; it has {', '.join(topics)}")
    played = topics[topic_name or list(topics)[camera_index % len(topics)]]

    def play():
        with open_bag(path) as bag:
            for recorded in bag.recorded([played]):
                try:
                    message = recorded.message()
                    packed = played.type != RAW
                    yield Packed(message.data.tobytes(), message.format) if packed else rgb_of_image(message)
                except FrameError as error:
                    raise InputError(f"{path}, topic {played.name}: {error}") from error
    return play
