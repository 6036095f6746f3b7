"""Pictures from files: images, folders of them, and videos as frames."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .encodings import MAX_PIXELS, MAX_SIDE
from .errors import InputError
from .files.user_paths import user_path
from .image_size import JPEG_START, PNG_START, image_size

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".gif")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mjpeg", ".ts", ".wmv")


@dataclass(frozen=True)
class Source:
    """An image or video file. `name` is unique among the sources of a run; results are named after it."""

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True, eq=False)
class Picture:
    """One image, or one frame of a video. rgb: uint8 (H, W, 3). frame: counted from 0, None for an image."""

    file: Path
    name: str
    frame: int | None
    rgb: np.ndarray


def find_sources(inputs: Sequence[Path]) -> list[Source]:
    """Every image and video among `inputs`, a folder standing for those directly in it, in order of name.

    A file that is given twice is taken once. A source is called by its file name without suffix; where that is not
    unique (a.jpg beside a.png), with suffix. Raises InputError if a path is missing, a folder holds none, or two
    sources would still share a name.
    """
    files: dict[Path, Path] = {}
    for path in inputs:
        for file in _files_of(user_path(path)):
            files.setdefault(file.resolve(), file)
    return _named(list(files.values()))


def check_source(source: Source) -> None:
    """Raise InputError if a file can be seen to be unusable without decoding all of it. Nothing large is allocated."""
    if source.is_video:
        next(pictures(source))
    else:
        _image_bytes(source.path)


def pictures(source: Source) -> Iterator[Picture]:
    """The picture of an image, upright as its EXIF orientation says, or each frame of a video, <name>_000000 onwards.

    Raises InputError if the file cannot be decoded.
    """
    if not source.is_video:
        yield Picture(source.path, source.name, None, read_image(source.path))
        return
    for number, rgb in enumerate(_frames(source.path)):
        yield Picture(source.path, f"{source.name}_{number:06d}", number, rgb)


def picture_count(source: Source) -> int:
    """How many pictures a source says it has; of a video 0 if it does not say."""
    if not source.is_video:
        return 1
    video = _open_video(source.path)
    try:
        return max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        video.release()


def read_image(path: Path) -> np.ndarray:
    """An image file as RGB, uint8 (H, W, 3), upright as its EXIF orientation says. Raises InputError."""
    content = _image_bytes(path)
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(f"{path} cannot be decoded: {error.err or error}") from error
    if bgr is None:
        raise InputError(f"{path} cannot be decoded: it starts like an image, but its content is damaged, cut short or "
                         f"larger than {MAX_PIXELS} pixels")
    _check_size(path, *bgr.shape[:2])
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)


def _files_of(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"{path} is neither a file nor a folder")
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES and p.is_file())
    if not files:
        raise InputError(f"{path} holds no image or video file ({' '.join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)}); "
                         "folders in it are not searched, so name them themselves")
    return files


def _named(files: list[Path]) -> list[Source]:
    by_stem = defaultdict(list)
    for file in files:
        by_stem[file.stem].append(file)
    sources = [Source(file, file.stem if len(by_stem[file.stem]) == 1 else file.name) for file in files]
    taken: dict[str, Source] = {}
    for source in sources:
        other = taken.setdefault(source.name, source)
        if other is not source:
            _refuse_same_name(other.path, source.path)
    videos = {source.name: source for source in sources if source.is_video}
    for source in sources:
        like_a_frame = re.fullmatch(r"(.+)_\d{6,}", source.name)
        if like_a_frame and like_a_frame[1] in videos:
            _refuse_same_name(videos[like_a_frame[1]].path, source.path)
    return sources


def _refuse_same_name(one: Path, other: Path) -> None:
    raise InputError(f"the results of {one} and {other} would have the same names. Give them to two runs, "
                     "each with its own --out")


def _image_bytes(path: Path) -> bytes:
    """The content of a file that starts, and if JPEG or PNG also ends, like an image of a size that is accepted."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: the name has a NUL, as one in a dataset's JSON may
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not content:
        raise InputError(f"{path} is empty")
    if content.startswith((JPEG_START, PNG_START)):
        _check_size(path, *_claimed_size(path, content))
    elif not cv2.haveImageReader(str(path)):
        raise InputError(f"{path} is not an image: it starts with {content[:12]!r}")
    return content


def _claimed_size(path: Path, content: bytes) -> tuple[int, int]:
    try:
        return image_size(content)
    except ValueError as error:
        raise InputError(f"{path} is not a whole image: {error}") from error


def _check_size(path: Path, height: int, width: int) -> None:
    if height == 0 or width == 0:
        raise InputError(f"{path} has a side of zero: {width} x {height}")
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise InputError(f"{path} is {width} x {height}; at most {MAX_SIDE} pixels a side and {MAX_PIXELS} in all are "
                         "accepted. Scale it down first")


def _open_video(path: Path) -> cv2.VideoCapture:
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty")
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not video.isOpened():
        raise InputError(f"{path} cannot be opened as a video: it is damaged, cut short, or of a kind that FFmpeg in "
                         f"OpenCV {cv2.__version__} does not know")
    _check_size(path, int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(video.get(cv2.CAP_PROP_FRAME_WIDTH)))
    return video


def _frames(path: Path) -> Iterator[np.ndarray]:
    video = _open_video(path)
    try:
        number = 0
        while True:
            good, bgr = video.read()
            if not good:
                break
            number += 1
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        if number == 0:
            raise InputError(f"{path} is a video of which no frame can be decoded")
    finally:
        video.release()
