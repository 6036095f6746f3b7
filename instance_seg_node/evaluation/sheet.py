"""The worst images on one sheet, truth beside findings, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np

from ..datasets.contact_sheet import TILE_WIDTH, sheet
from ..datasets.dataset import Dataset
from ..datasets.labelled_image import LabelledImage
from ..drawing import overlay
from ..methods import Clusters
from ..model_spec import ModelSpec
from ..resolution import enlarge
from .report import Judged

TITLE_HEIGHT = 22


def draw_sheet(judged: Sequence[Judged], dataset: Dataset, spec: ModelSpec) -> np.ndarray:
    """Each image twice, RGB, uint8 (H, W, 3): its true instances outlined, what is ignored in dark grey, below title
    and quality; and beside it what was found. Raises ValueError if there is no image."""
    tiles = []
    for one in judged:
        truth = dataset[one.place]
        tiles.append(titled(outlined(truth, dataset), f"{one.quality:.3f}  {one.title}"))
        tiles.append(titled(overlay(truth.rgb, one.found, spec), "found"))
    if not tiles:
        raise ValueError("a sheet needs at least one image")
    return sheet(tiles)


def outlined(truth: LabelledImage, dataset: Dataset) -> np.ndarray:
    """The image with its true instances outlined in their classes' colours, and what is ignored in dark grey."""
    rgb = truth.rgb.copy()
    if truth.ignore is not None:
        rgb[truth.ignore] = (rgb[truth.ignore].mean(axis=1, keepdims=True) / 2).astype(np.uint8)
    clusters = Clusters(truth.instance_map, truth.class_ids, np.ones(len(truth), np.float32))
    instances = enlarge(clusters, *truth.instance_map.shape)  # at its own size: for the boxes
    return overlay(rgb, instances, dataset, opacity=0, labels=False)


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """A tile of a sheet, RGB, uint8 (h, TILE_WIDTH, 3): the picture, scaled to the width, below a line of text."""
    height, width = picture.shape[:2]
    size = (TILE_WIDTH, max(1, round(height * TILE_WIDTH / width)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if width > TILE_WIDTH else cv2.INTER_LINEAR)
    line = np.zeros((TITLE_HEIGHT, TILE_WIDTH, 3), np.uint8)
    cv2.putText(line, title, (4, TITLE_HEIGHT - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate((line, small))
