"""Many labelled images on one picture, to see at a glance whether the labels are right."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

from ..drawing import overlay
from ..methods import Clusters
from ..model_spec import ObjectClass
from ..resolution import enlarge
from .dataset import Dataset
from .labelled_image import LabelledImage

COLUMNS, TILES = 4, 24
TILE_WIDTH, PICTURE_HEIGHT, CAPTION = 480, 360, 22
"""In pixels; an image is scaled to fit, and CAPTION is the height of the line below it."""
IGNORED = (255, 255, 255)
"""Colour of the stripes over what is to ignore."""


def spread(count: int, total: int) -> list[int]:
    """`count` places out of `total`, or all if there are fewer, as far apart as can be, in order."""
    return sorted({i * total // count for i in range(count)})


def tile(image: LabelledImage, title: str, dataset: Dataset) -> np.ndarray:
    """One image with its masks in their classes' colours, what is to ignore striped, and how many of what below.

    Returns RGB, uint8 (h, TILE_WIDTH, 3).
    """
    height, width = image.instance_map.shape
    scale = min(TILE_WIDTH / width, PICTURE_HEIGHT / height)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    rgb = cv2.resize(image.rgb, size[::-1], interpolation=cv2.INTER_AREA)
    if image.ignore is not None:
        _stripe(rgb, cv2.resize(image.ignore.view(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0)
    truth = Clusters(image.instance_map, image.class_ids, np.ones(len(image), np.float32))
    overlay(rgb, enlarge(truth, *size), dataset, rgb, labels=False)
    text = f"{title}: {_counts(image, dataset.classes)}"
    return np.concatenate((np.pad(rgb, ((0, 0), (0, TILE_WIDTH - size[1]), (0, 0))), _caption(text)))


def sheet(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Tiles of one width in rows of COLUMNS, RGB, uint8 (H, W, 3). Raises ValueError if there is none."""
    rows = [tiles[i:i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]
    columns = min(COLUMNS, len(tiles))
    return np.concatenate([_row(row, columns) for row in rows])


def _row(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    row = np.zeros((max(len(t) for t in tiles), columns * TILE_WIDTH, 3), np.uint8)
    for i, one in enumerate(tiles):
        row[:len(one), i * TILE_WIDTH:(i + 1) * TILE_WIDTH] = one
    return row


def _stripe(rgb: np.ndarray, mask: np.ndarray) -> None:
    y, x = np.nonzero(mask)
    striped = (x + y) % 8 < 3
    rgb[y[striped], x[striped]] = IGNORED


def _counts(image: LabelledImage, classes: Sequence[ObjectClass]) -> str:
    counts = Counter(image.class_ids.tolist())
    return ", ".join(f"{n} {classes[class_id].name}" for class_id, n in sorted(counts.items())) or "no object"


def _caption(text: str) -> np.ndarray:
    line = np.zeros((CAPTION, TILE_WIDTH, 3), np.uint8)
    cv2.putText(line, text, (4, CAPTION - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return line
