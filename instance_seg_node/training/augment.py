"""Crops of labelled images, changed as cameras and streets change them."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..datasets.labelled_image import LabelledImage
from ..instances import UNLABELLED
from .recipe import Stage

LARGEST_SCALE = 2.0


@dataclass(frozen=True, eq=False)
class Crop:
    """A training image.

    rgb: uint8 (H, W, 3). instance_map: uint16 (H, W), ids of the scene. class_map: uint8 (H, W), 255 = none.
    ignore: bool (H, W), pixels that teach nothing.
    """

    rgb: np.ndarray
    instance_map: np.ndarray
    class_map: np.ndarray
    ignore: np.ndarray


def random_crop(image: LabelledImage, stage: Stage, rng: np.random.Generator, camera_variety: float = 1.0) -> Crop:
    """A piece of `image` of the stage's size: scaled, mirrored, seen by another camera. Beyond the image is black."""
    matrix = _placement(image, stage, rng)
    size = (stage.crop_width, stage.crop_height)
    rgb = cv2.warpAffine(image.rgb, matrix, size, flags=cv2.INTER_LINEAR)
    ids = cv2.warpAffine(image.instance_map, matrix, size, flags=cv2.INTER_NEAREST)
    ignore = np.zeros(ids.shape, np.uint8)
    if image.ignore is not None:
        ignore = cv2.warpAffine(image.ignore.view(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    ignore |= _slivers(ids, stage.smallest)
    class_of_id = np.concatenate(([UNLABELLED], image.class_ids)).astype(np.uint8)
    return Crop(_another_camera(rgb, rng, camera_variety), ids, class_of_id[ids], ignore.view(np.bool_))


def _slivers(ids: np.ndarray, smallest: int) -> np.ndarray:
    """Pixels of instances of which fewer than `smallest` are left: the edge of a crop cuts anywhere. uint8 (H, W)."""
    counts = np.bincount(ids.ravel())
    counts[0] = smallest
    return (counts < smallest).astype(np.uint8)[ids]


def _placement(image: LabelledImage, stage: Stage, rng: np.random.Generator) -> np.ndarray:
    """The affine map from image to crop, (2, 3): scale and stretch, mirror, then shift to the crop's place."""
    height, width = image.instance_map.shape
    scale = np.exp(rng.uniform(*np.log(stage.scale)))
    chosen = _object_of_interest(image, stage, rng)
    if chosen is None:
        centre_x, centre_y = rng.uniform(0, width), rng.uniform(0, height)
    else:
        ys, xs = np.nonzero(image.instance_map == chosen)
        pick = rng.integers(len(xs))
        centre_x, centre_y = float(xs[pick]), float(ys[pick])
        if stage.object_size is not None:
            longer = max(np.ptp(xs), np.ptp(ys)) + 1
            scale = min(np.exp(rng.uniform(*np.log(stage.object_size))) / longer, LARGEST_SCALE)
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    scale_x, scale_y = scale * stretch, scale / stretch
    left = _clamped(centre_x * scale_x - stage.crop_width / 2, width * scale_x - stage.crop_width)
    top = _clamped(centre_y * scale_y - stage.crop_height / 2, height * scale_y - stage.crop_height)
    matrix = np.array([[scale_x, 0, -left], [0, scale_y, -top]])
    if rng.random() < 0.5:
        matrix[0] = [-scale_x, 0, stage.crop_width - 1 + left]
    return matrix


def _object_of_interest(image: LabelledImage, stage: Stage, rng: np.random.Generator) -> int | None:
    """The id of the instance that a crop is to be around; None: around none."""
    if len(image.class_ids) == 0 or rng.random() >= stage.around_object:
        return None
    # By class first, so that a street full of cars does not hide its one bus.
    wanted = rng.choice(np.unique(image.class_ids))
    return int(rng.choice(np.flatnonzero(image.class_ids == wanted))) + 1


def _clamped(start: float, most: float) -> float:
    """Inside the image; where the image is smaller than the crop, it is centred."""
    return most / 2 if most < 0 else float(np.clip(start, 0, most))


def _another_camera(rgb: np.ndarray, rng: np.random.Generator, variety: float) -> np.ndarray:
    """Exposure, contrast, white balance, saturation, focus, noise and compression."""
    def around(middle: float, spread: float, size: int | None = None) -> np.ndarray:
        return np.float32(rng.uniform(middle - variety * spread, middle + variety * spread, size))

    x = rgb.astype(np.float32)
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * around(1.0, 0.5)
    x = (x - 128) * around(1.0, 0.4) + 128 + around(0, 30)
    x *= around(1.0, 0.1, 3)
    x = 255 * np.clip(x / 255, 0, 1) ** np.exp(around(0, 0.35))
    if rng.random() < 0.3 * variety:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.5 * variety:
        x += rng.normal(0, rng.uniform(1, 10), x.shape).astype(np.float32)
    out = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.3 * variety:
        _, jpeg = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
        out = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    return out
