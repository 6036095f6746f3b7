"""Camera images in recordings: rosbag2 (mcap, sqlite3) and rosbag1, read without ROS."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag1 import ReaderError as ReaderError1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.rosbag2 import ReaderError as ReaderError2

from .bag_checks import check_is_bag
from .bag_messages import typestore, typestore_ros1
from .encodings import rgb_of_compressed, rgb_of_image
from .errors import FrameError, InputError
from .files.user_paths import user_path

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
TO_RGB = {RAW: rgb_of_image, COMPRESSED: rgb_of_compressed}
ZSTD_START = b"\x28\xb5\x2f\xfd"
RESULTS = "/instance_seg/"
"""Part of the name of every topic that we write ourselves."""


@dataclass(frozen=True)
class ImageTopic:
    """A topic of camera images. camera: the namespace its results go below. count: messages the bag's index lists."""

    name: str
    type: str
    camera: str
    count: int


@dataclass(frozen=True, eq=False)
class Recorded:
    """A message as it lies in the bag. log_ns: when it was recorded. `message()` raises FrameError if it is damaged."""

    topic: ImageTopic
    log_ns: int
    raw: bytes
    ros1: bool

    def message(self) -> Any:
        try:
            if self.ros1:
                return typestore_ros1().deserialize_ros1(self.raw, self.topic.type)
            return typestore().deserialize_cdr(self.raw, self.topic.type)
        except Exception as error:  # rosbags lets through whatever its parsing stumbles over
            if self.raw.startswith(ZSTD_START):
                raise FrameError("compressed message", "give the bag's folder, whose metadata.yaml says how it is "
                                                       "compressed, not a file in it") from error
            raise FrameError("undecodable message", f"{len(self.raw)} bytes, no {self.topic.type}: {error}") from error


class ImageBag:
    """An open bag. `topics`: all that carry images, in order of name."""

    def __init__(self, path: Path, reader: Reader1 | Reader2):
        self.path = path
        self._reader = reader
        # Those of the files themselves: metadata.yaml may name a type or QoS otherwise, and then rosbags finds nothing.
        storage = getattr(reader, "storage", None)
        files = getattr(storage, "storages", [reader])
        self._connections = [c for file in files for c in file.connections if _type(c) in TO_RGB]
        listed = defaultdict(int)
        for connection in reader.connections:
            listed[connection.topic] += index(connection.msgcount)
        types = {_name(c): _type(c) for c in self._connections}
        self.topics = [ImageTopic(name, types[name], camera_of(name), listed[name]) for name in sorted(types)]

    def recorded(self, topics: Sequence[ImageTopic]) -> Iterator[Recorded]:
        """Every message of these topics, once, in the order of the recording. Raises InputError at damage."""
        by_name = {topic.name: topic for topic in topics}
        with _bag_errors(self.path):
            chosen = [c for c in self._connections if c.topic in by_name]
            messages = self._reader.messages(chosen) if chosen else iter(())
        while True:
            with _bag_errors(self.path):
                found = next(messages, None)
            if found is None:
                return
            connection, log_ns, raw = found
            if not isinstance(raw, bytes) or not isinstance(log_ns, int) or not 0 <= log_ns < 2**63:  # any in SQLite
                raise InputError(f"{self.path} is damaged: a message of {connection.topic} was recorded at {log_ns!r} "
                                 f"ns and is of type {type(raw).__name__}. Repair it: {_repair(self.path)}")
            yield Recorded(by_name[connection.topic], log_ns, raw, isinstance(self._reader, Reader1))


@contextmanager
def open_bag(path: Path) -> Iterator[ImageBag]:
    """A rosbag2 folder, a single .mcap or .db3 file, or a rosbag1 .bag file. Raises InputError if it is none."""
    path = user_path(path)
    check_is_bag(path)
    with _bag_errors(path):
        reader = Reader1(path) if path.suffix == ".bag" else Reader2(path)
        reader.open()
    try:
        with _bag_errors(path):
            bag = ImageBag(path, reader)
        yield bag
    finally:
        with _bag_errors(path):  # it empties what metadata.yaml may have given another type
            reader.close()


def camera_of(topic: str) -> str:
    """The namespace of a camera: what is left of `<camera>/image_raw/compressed` and the like.

    A topic whose last part does not start with "image" is taken for a camera by itself.
    """
    topic = topic.removesuffix("/compressed")
    namespace, _, last = topic.rpartition("/")
    return namespace if last.startswith("image") else topic


def choose_topics(bag: ImageBag, names: Sequence[str] = ()) -> list[ImageTopic]:
    """The topics of these names, or every image topic that is not a result of ours or a depth image.

    Raises InputError if there is none, a name is unknown, or two topics belong to one camera.
    """
    known = {topic.name: topic for topic in bag.topics}
    listed = ", ".join(known) or "none"
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"{bag.path} has no image topic {', '.join(unknown)}. Its image topics: {listed}")
    chosen = [known[name] for name in dict.fromkeys(names)] or [t for t in bag.topics if _is_camera(t.name)]
    if not chosen:
        raise InputError(f"{bag.path} has no camera images: its topics of {RAW} and {COMPRESSED} that are neither "
                         f"depth images nor results of this program: none (all: {listed})")
    by_camera: dict[str, ImageTopic] = {}
    for topic in chosen:
        other = by_camera.setdefault(topic.camera, topic)
        if other is not topic:
            raise InputError(f"{other.name} and {topic.name} both belong to camera {topic.camera or '/'}, so their "
                             f"results would have the same topics. Choose one: --topics {other.name}")
    return sorted(chosen, key=lambda topic: topic.name)


def _is_camera(name: str) -> bool:
    return RESULTS not in name and "depth" not in name.lower()


def _name(connection: Connection) -> str:
    """The topic. Raises ValueError if it is no name that can be printed and written into another bag."""
    if not connection.topic.isprintable():
        raise ValueError(f"a topic has the name {connection.topic!r:.80}")
    return connection.topic


def _type(connection: Connection) -> str:
    """The message type; some recorders leave out `/msg/`."""
    package, _, name = connection.msgtype.partition("/")
    return f"{package}/msg/{name.removeprefix('msg/')}"


@contextmanager
def _bag_errors(path: Path) -> Iterator[None]:
    """Whatever rosbags raises, as an InputError with what to do."""
    try:
        yield
    except Exception as error:  # also struct.error, AssertionError, zstd's and SQLite's, from a damaged file
        raise InputError(f"{path} cannot be read as a bag: {_cause(error)}. If the recording was cut off, repair "
                         f"it: {_repair(path)}") from error


def _repair(path: Path) -> str:
    """What one types to mend a bag."""
    mcap = [path] if path.suffix == ".mcap" else sorted(path.glob("*.mcap"))
    if mcap:
        return f"mcap recover {mcap[0]} -o NEW.mcap"
    if path.suffix == ".bag":
        return f"rosbag reindex {path}"
    return f"ros2 bag reindex {path if path.is_dir() else path.parent}"


def _cause(error: Exception) -> str:
    """What rosbags says if it has seen what is wrong; else that it stumbled, and over what."""
    said = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    if isinstance(error, MemoryError):
        return "it is damaged, or holds more at once than there is memory for"
    if said and isinstance(error, (ReaderError1, ReaderError2, OSError)):
        return said
    return f"its content is damaged ({type(error).__name__}{f': {said}' if said else ''})"
