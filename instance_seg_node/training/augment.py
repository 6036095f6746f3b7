"""Crops of labelled images, changed as cameras and streets change them."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..datasets.labelled_image import LabelledImage
from ..instances import UNLABELLED
from .recipe import Stage


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


def random_crop(image: LabelledImage, stage: Stage, rng: np.random.Generator) -> Crop:
    """A piece of `image` of the stage's size: scaled, mirrored, seen by another camera. Beyond the image is black."""
    matrix = _placement(image, stage, rng)
    size = (stage.crop_width, stage.crop_height)
    rgb = cv2.warpAffine(image.rgb, matrix, size, flags=cv2.INTER_LINEAR)
    ids = cv2.warpAffine(image.instance_map, matrix, size, flags=cv2.INTER_NEAREST)
    ignore = np.zeros(ids.shape, np.uint8)
    if image.ignore is not None:
        ignore = cv2.warpAffine(image.ignore.view(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    class_of_id = np.concatenate(([UNLABELLED], image.class_ids)).astype(np.uint8)
    return Crop(_another_camera(rgb, rng), ids, class_of_id[ids], ignore.view(np.bool_))


def _placement(image: LabelledImage, stage: Stage, rng: np.random.Generator) -> np.ndarray:
    """The affine map from image to crop, (2, 3): scale and stretch, mirror, then shift to the crop's place."""
    height, width = image.instance_map.shape
    scale = np.exp(rng.uniform(*np.log(stage.scale)))
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    scale_x, scale_y = scale * stretch, scale / stretch
    centre_x, centre_y = _centre_of_interest(image, stage, rng)
    left = _clamped(centre_x * scale_x - stage.crop_width / 2, width * scale_x - stage.crop_width)
    top = _clamped(centre_y * scale_y - stage.crop_height / 2, height * scale_y - stage.crop_height)
    matrix = np.array([[scale_x, 0, -left], [0, scale_y, -top]])
    if rng.random() < 0.5:
        matrix[0] = [-scale_x, 0, stage.crop_width - 1 + left]
    return matrix


def _centre_of_interest(image: LabelledImage, stage: Stage, rng: np.random.Generator) -> tuple[float, float]:
    height, width = image.instance_map.shape
    if len(image.class_ids) == 0 or rng.random() >= stage.around_object:
        return rng.uniform(0, width), rng.uniform(0, height)
    # By class first, so that a street full of cars does not hide its one bus.
    wanted = rng.choice(np.unique(image.class_ids))
    ids = np.flatnonzero(image.class_ids == wanted) + 1
    ys, xs = np.nonzero(image.instance_map == rng.choice(ids))
    pick = rng.integers(len(xs))
    return float(xs[pick]), float(ys[pick])


def _clamped(start: float, most: float) -> float:
    """Inside the image; where the image is smaller than the crop, it is centred."""
    return most / 2 if most < 0 else float(np.clip(start, 0, most))


def _another_camera(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, white balance, saturation, focus, noise and compression."""
    x = rgb.astype(np.float32)
    grey = x.mean(axis=2, keepdims=True)
    x = grey + (x - grey) * rng.uniform(0.4, 1.5)
    x = (x - 128) * rng.uniform(0.6, 1.4) + 128 + rng.uniform(-30, 30)
    x *= rng.uniform(0.9, 1.1, 3).astype(np.float32)
    x = 255 * np.clip(x / 255, 0, 1) ** np.float32(np.exp(rng.uniform(-0.35, 0.35)))
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.2))
    if rng.random() < 0.5:
        x += rng.normal(0, rng.uniform(1, 10), x.shape).astype(np.float32)
    out = np.clip(x, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, jpeg = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
        out = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    return out
