"""Between the camera's resolution and the network's."""

import cv2
import numpy as np

from .compiled import compiled
from .instances import Instances
from .methods import Clusters


def shrink(rgb: np.ndarray, out: np.ndarray) -> None:
    """Stretch an image, uint8 (H, W, 3), to the size of `out`, uint8 (h, w, 3), which is overwritten.

    Averages over areas, in halves as long as that goes: OpenCV has vector instructions for halves alone.
    """
    height, width = out.shape[:2]
    while rgb.shape[0] >= 2 * height and rgb.shape[1] >= 2 * width and not (rgb.shape[0] % 2 or rgb.shape[1] % 2):
        rgb = cv2.resize(rgb, (rgb.shape[1] // 2, rgb.shape[0] // 2), interpolation=cv2.INTER_AREA)
    smaller = height <= rgb.shape[0] and width <= rgb.shape[1]
    cv2.resize(rgb, (width, height), dst=out, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def enlarge(clusters: Clusters, height: int, width: int) -> Instances:
    """Instances at camera resolution. Each pixel goes to the instance, or to the background, that has most of the
    bilinear weight of the four pixels around it, so that outlines are lines, not stairs; ties to the nearest of them.

    At the same and at twice the size that is the nearest neighbour. An instance that is left without pixels is dropped.
    """
    count = len(clusters.class_ids)
    id_map, areas = np.empty((height, width), np.uint16), np.zeros(count, np.int64)
    boxes = np.tile(np.array([width, height, 0, 0]), (count, 1))
    _vote(clusters.id_map, *between(clusters.id_map.shape[0], height), *between(clusters.id_map.shape[1], width),
          id_map, areas, boxes)
    kept = areas > 0
    if not kept.all():
        new_id = np.zeros(count + 1, np.uint16)
        new_id[1:][kept] = np.arange(1, kept.sum() + 1)
        id_map = new_id[id_map]
    return Instances(id_map, clusters.class_ids[kept], clusters.scores[kept], boxes[kept].astype(np.float32),
                     areas[kept])


def nearest(source: int, target: int) -> np.ndarray:
    """For each of `target` pixels the one of `source` whose area holds its centre, int64 (target,), in integers."""
    return (2 * np.arange(target, dtype=np.int64) + 1) * source // (2 * target)


def between(source: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the centres of `target` pixels lie between those of `source` pixels, in integers.

    first: int64 (source + 2,), the first target pixel of each gap; gap g ends at source pixel g. after: int64
    (target,), the weight of the source pixel after it, out of 2 * target.
    """
    position = (2 * np.arange(target, dtype=np.int64) + 1) * source - target  # out of 2 * target
    return np.searchsorted(position // (2 * target) + 1, np.arange(source + 2)), position % (2 * target)


MIXED = -1


@compiled
def _vote(ids, row_first, row_after, column_first, column_after, out, areas, boxes):
    """Fill `out`, the areas (K,) and the boxes (K, 4), which are empty."""
    h, w = ids.shape
    begin, end = np.empty(w + 1, np.int64), np.empty(w + 1, np.int64)
    gap, content = np.empty(w + 1, np.int64), np.empty(w + 1, np.int64)
    for row in range(h + 1):
        above, below = ids[max(row - 1, 0)], ids[min(row, h - 1)]
        runs = 0  # of columns with one id all around, or of one gap with several
        for column in range(w + 1):
            k, right = np.int64(above[max(column - 1, 0)]), min(column, w - 1)
            if above[right] != k or below[max(column - 1, 0)] != k or below[right] != k:
                k = MIXED
            if runs > 0 and k != MIXED and content[runs - 1] == k:
                end[runs - 1] = column_first[column + 1]
            elif column_first[column] < column_first[column + 1]:
                begin[runs], end[runs] = column_first[column], column_first[column + 1]
                gap[runs], content[runs] = column, k
                runs += 1
        for y in range(row_first[row], row_first[row + 1]):
            for run in range(runs):
                k = content[run]
                if k != MIXED:
                    out[y, begin[run]:end[run]] = k
                    _note(k, y, begin[run], end[run], areas, boxes)
                    continue
                for x in range(begin[run], end[run]):
                    k = _winner(above, below, gap[run], column_after[x], 2 * out.shape[1], row_after[y],
                                2 * out.shape[0])
                    out[y, x] = k
                    _note(k, y, x, x + 1, areas, boxes)


@compiled
def _winner(above, below, gap, right, across, low, down):
    """The id with most of the weight. right, low: weights of the pixels to the right, out of `across`, and below, out
    of `down`."""
    before, after = max(gap - 1, 0), min(gap, len(above) - 1)
    corners = (above[before], above[after], below[before], below[after])
    weights = ((across - right) * (down - low), right * (down - low), (across - right) * low, right * low)
    best = np.int64(corners[(2 if 2 * low >= down else 0) + (1 if 2 * right >= across else 0)])
    most = _weight(best, corners, weights)
    for k in corners:
        if _weight(k, corners, weights) > most:
            best, most = np.int64(k), _weight(k, corners, weights)
    return best


@compiled
def _weight(k, corners, weights):
    total = 0
    for i in range(4):
        if corners[i] == k:
            total += weights[i]
    return total


@compiled
def _note(k, y, begin, end, areas, boxes):
    """Instance k has the columns from `begin` to before `end` of row y."""
    if k > 0:
        areas[k - 1] += end - begin
        box = boxes[k - 1]
        box[0], box[1] = min(box[0], begin), min(box[1], y)
        box[2], box[3] = max(box[2], end), max(box[3], y + 1)
