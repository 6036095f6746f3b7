"""Instances drawn over their picture, for people to look at."""

import math
from functools import lru_cache

import cv2
import numpy as np

from .instances import Instances
from .model_spec import ModelSpec

JPEG_QUALITY = 90
DRAWN_IDS = 255
"""Ids beyond share the colours of earlier ones: OpenCV's look-up tables have 256 entries."""


def overlay(rgb: np.ndarray, instances: Instances, spec: ModelSpec, out: np.ndarray | None = None, *,
            opacity: float = 0.5, labels: bool = True) -> np.ndarray:
    """The picture with each instance tinted, outlined and, where its box has room, labelled with class and score.

    rgb: uint8 (H, W, 3), unchanged. `out`, if given, is a contiguous uint8 (H, W, 3) that is overwritten and returned.
    opacity: share of the colour in a mask. Raises ValueError if the picture and the id map differ in size.
    """
    if rgb.shape[:2] != instances.id_map.shape:
        raise ValueError(f"the picture is {rgb.shape[:2]} but the id map is {instances.id_map.shape}")
    if out is None:
        out = np.empty(rgb.shape, np.uint8)
    np.copyto(out, rgb)
    if len(instances):
        colours = instance_colours(instances, spec)
        _tint(out, instances, colours, opacity)
        if labels:
            label(out, instances, spec, colours)
    return out


def instance_colours(instances: Instances, spec: ModelSpec) -> np.ndarray:
    """RGB of each instance, uint8 (K, 3): its class's colour, varied by where its box is.

    Two instances side by side differ, and, as the variation is continuous, none changes colour from frame to frame
    for being ranked differently.
    """
    if not len(instances):
        return np.zeros((0, 3), np.uint8)
    height, width = instances.id_map.shape
    centre = (instances.boxes[:, :2] + instances.boxes[:, 2:]) / 2 / max(height, width)
    turn = 2 * np.pi * (centre @ np.array([7.3, 4.1], np.float32))  # objects a tenth of the picture apart are opposite
    classes = np.array([c.color for c in spec.classes], np.uint8)[instances.class_ids]
    hls = cv2.cvtColor(classes[None], cv2.COLOR_RGB2HLS)[0].astype(np.float32)
    hls[:, 0] = (hls[:, 0] + 12 * np.sin(turn)) % 180  # OpenCV's hue: half degrees
    hls[:, 1] = np.clip(hls[:, 1], 120, 160) + 40 * np.cos(turn)  # dark colours are lost on a street
    hls[:, 2] = np.maximum(hls[:, 2], 150)
    return cv2.cvtColor(hls[None].round().astype(np.uint8), cv2.COLOR_HLS2RGB)[0]


def _tint(out: np.ndarray, instances: Instances, colours: np.ndarray, opacity: float) -> None:
    """Blend each mask with its colour and outline it, inside, in the pure colour."""
    ids = _byte_ids(instances)
    top, bottom, left, right = _extent(instances)
    ids, picture = ids[top:bottom, left:right], out[top:bottom, left:right]
    table = np.zeros((256, 1, 3), np.uint8)
    table[1:len(colours) + 1, 0] = colours[:DRAWN_IDS]
    painted = cv2.LUT(cv2.cvtColor(ids, cv2.COLOR_GRAY2RGB), table)
    blend = cv2.addWeighted(picture, 1 - opacity, painted, opacity, 0)
    cv2.copyTo(blend, ids, picture)
    width = outline_width(*out.shape[:2])
    edges = cv2.morphologyEx(ids, cv2.MORPH_GRADIENT, np.ones((2 * width + 1, 2 * width + 1), np.uint8),
                             borderType=cv2.BORDER_REPLICATE)
    cv2.copyTo(painted, cv2.min(edges, ids), picture)


def outline_width(height: int, width: int) -> int:
    """Of a mask in a picture of this size, in pixels."""
    return max(1, round(max(height, width) / 900))


def _byte_ids(instances: Instances) -> np.ndarray:
    """uint8 (H, W): 0 for none, else the id, repeating after DRAWN_IDS."""
    if len(instances) <= DRAWN_IDS:
        return instances.id_map.astype(np.uint8)
    short = np.arange(len(instances) + 1, dtype=np.int64)
    short[1:] = (short[1:] - 1) % DRAWN_IDS + 1
    return short.astype(np.uint8)[instances.id_map]


def _extent(instances: Instances) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of all boxes together, one pixel wider, inside the picture."""
    height, width = instances.id_map.shape
    left, top = np.floor(instances.boxes[:, :2].min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(instances.boxes[:, 2:].max(axis=0)).astype(int) + 1
    return max(0, top), min(height, bottom), max(0, left), min(width, right)


def label(out: np.ndarray, instances: Instances, spec: ModelSpec, colours: np.ndarray) -> None:
    """Write class and score into the upper left corner of each box that is wide and high enough."""
    scale = max(0.4, max(out.shape) / 3000)
    for row in range(len(instances) - 1, -1, -1):  # the best scores last, on top
        text = f"{spec.classes[instances.class_ids[row]].name} {instances.scores[row]:.2f}"
        width, height = _text_size(text, scale)
        x0, y0, x1, y1 = instances.boxes[row]
        if x1 - x0 < width or y1 - y0 < 2 * height:
            continue
        x, y = math.floor(x0), math.floor(y0)
        colour = colours[row].tolist()
        ink = (0, 0, 0) if np.dot(colour, (0.30, 0.59, 0.11)) > 120 else (255, 255, 255)
        cv2.rectangle(out, (x, y), (x + width, y + height), colour, cv2.FILLED)
        cv2.putText(out, text, (x + height // 5, y + height - height // 4), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1,
                    cv2.LINE_AA)


@lru_cache(maxsize=4096)
def _text_size(text: str, scale: float) -> tuple[int, int]:
    """Width and height of a label with its margin, in pixels."""
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    return width + height // 2, round(height * 1.7)


def jpeg_file(rgb: np.ndarray) -> np.ndarray:
    """A picture, uint8 (H, W, 3), as the bytes of a JPEG file, uint8 (N,): for people to look at."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
