"""Images with random true instances and random findings that are right, wrong and in between."""

import numpy as np

from instance_seg_node.datasets.labelled_image import LabelledImage
from instance_seg_node.methods import Clusters

HEIGHT, WIDTH = 140, 320
SIDES = (8, 20, 40, 110)
"""Instances of all of COCO's sizes."""


def drawn_scene(rng: np.random.Generator, classes: int, *, ignore: bool = False) -> tuple[LabelledImage, Clusters]:
    """Rectangles; those found are shifted, some of another class, some doubled, some where nothing is. Scores tie."""
    rectangles = [_rectangle(rng) for _ in range(rng.integers(1, 9))]
    class_ids = rng.integers(0, classes, len(rectangles))
    ignored = np.zeros((HEIGHT, WIDTH), bool)
    if ignore:
        y, x, height, width = _rectangle(rng)
        ignored[y:y + height, x:x + width] = True
    true_map, kept = _painted(rectangles)
    truth = LabelledImage(np.zeros((HEIGHT, WIDTH, 3), np.uint8), true_map, class_ids[kept].astype(np.int64),
                          ignore=ignored & (true_map == 0) if ignore else None)
    shifted = [(max(0, y + rng.integers(-3, 4)), max(0, x + rng.integers(-3, 4)), height, width)
               for y, x, height, width in rectangles if rng.random() < 0.8]
    shifted += [_rectangle(rng) for _ in range(rng.integers(0, 4))]
    found_map, kept = _painted(shifted)
    found_classes = rng.integers(0, classes, len(shifted))
    right = rng.random(len(shifted)) < 0.8
    found_classes[:len(class_ids)][right[:len(class_ids)]] = class_ids[:len(shifted)][right[:len(class_ids)]]
    scores = rng.choice(np.float32([0.91, 0.9312345, 1]), len(shifted))
    return truth, Clusters(found_map, found_classes[kept].astype(np.int64), scores[kept])


def _rectangle(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, left, height, width."""
    return (int(rng.integers(0, HEIGHT - 20)), int(rng.integers(0, WIDTH - 20)), *map(int, rng.choice(SIDES, 2)))


def _painted(rectangles: list) -> tuple[np.ndarray, np.ndarray]:
    """The id map of what can still be seen of each, later over earlier, and which they are."""
    drawn = np.zeros((HEIGHT, WIDTH), np.int64)
    for k, (y, x, height, width) in enumerate(rectangles, start=1):
        drawn[y:y + height, x:x + width] = k
    seen, ids = np.unique(drawn, return_inverse=True)
    ids = ids.reshape(drawn.shape) + (0 if seen[0] == 0 else 1)
    return ids.astype(np.uint16), seen[seen > 0] - 1
