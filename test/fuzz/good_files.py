"""Small files as they should be, of every kind that is read: what damage starts from."""

import json
import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import yaml
from bag_files import KINDS, compressed, image, write_bag, write_bag1
from tiny_model import write_tiny_model

ROOT = Path(__file__).parents[2]
PICTURE = cv2.resize(np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (200, 100, 50)]], np.uint8), (24, 16))
IDS = np.arange(16 * 24, dtype=np.uint16).reshape(16, 24) // 100


def _encoded(suffix: str, picture: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(suffix, picture, list(options))[1].tobytes()


@cache
def pngs() -> list[bytes]:
    return [_encoded(".png", PICTURE), _encoded(".png", PICTURE[..., 0]), _encoded(".png", IDS),
            _encoded(".png", np.dstack([PICTURE, PICTURE[..., 0]])),
            _encoded(".png", IDS.astype(np.uint8), cv2.IMWRITE_PNG_BILEVEL, 1)]


@cache
def jpegs() -> list[bytes]:
    return [_encoded(".jpg", PICTURE), _encoded(".jpg", PICTURE[..., 0]),
            _encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
            _encoded(".jpg", PICTURE, cv2.IMWRITE_JPEG_RST_INTERVAL, 1)]


@cache
def other_pictures() -> list[bytes]:
    return [_encoded(suffix, PICTURE) for suffix in (".bmp", ".webp", ".tiff", ".ppm")]


@cache
def model_files() -> tuple[bytes, bytes]:
    """model.yaml and model.onnx."""
    with tempfile.TemporaryDirectory() as folder:
        write_tiny_model(Path(folder))
        return (Path(folder) / "model.yaml").read_bytes(), (Path(folder) / "model.onnx").read_bytes()


@cache
def recipes() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "config" / "recipes").glob("*.yaml"))]


def recorded(*, ros1: bool = False) -> list[tuple]:
    raw = [("/cam/image_raw", 5 + i, image(PICTURE, (1, i), ros1=ros1)) for i in range(2)]
    return raw + [("/right/image_raw/compressed", 9, compressed(PICTURE, (2, 0), ros1=ros1))]


@cache
def bags(suffix: str) -> list[bytes]:
    """Recordings in one file each, of every kind that has this suffix."""
    with tempfile.TemporaryDirectory() as folder:
        if suffix == ".bag":
            return [write_bag1(Path(folder) / "in.bag", recorded(ros1=True)).read_bytes()]
        found = []
        for i, kind in enumerate(KINDS):
            files = write_bag(Path(folder) / f"{i}", recorded(), kind).glob(f"*{suffix}")
            found += [path.read_bytes() for path in files]
        return found


@cache
def bag_folder(kind: str) -> dict[str, bytes]:
    """The files of a rosbag2 by name."""
    with tempfile.TemporaryDirectory() as folder:
        return {path.name: path.read_bytes() for path in write_bag(Path(folder) / "in", recorded(), kind).iterdir()}


def values(content: bytes) -> object:
    return yaml.safe_load(content)


COCO = {"images": [{"id": 1, "file_name": "a.png", "height": 16, "width": 24}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "segmentation": [[2, 2, 9, 2, 9, 9]]},
                        {"id": 2, "image_id": 1, "category_id": 3, "iscrowd": 1,
                         "segmentation": {"size": [16, 24], "counts": [100, 84, 200]}},
                        {"id": 3, "image_id": 1, "category_id": 3,
                         "segmentation": {"size": [16, 24], "counts": "c26:00000000000m5"}}]}
COCO_FILE = json.dumps(COCO).encode()
CLASSES = b"classes: [person, {name: car, color: [0, 0, 142]}]\ndivisor: 1000\nignore: [255]\n"
