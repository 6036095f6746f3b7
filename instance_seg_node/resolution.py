"""Between the camera's resolution and the network's."""

import cv2
import numba
import numpy as np

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
    """Instances at camera resolution, nearest neighbour. One that is left without pixels there is dropped."""
    rows = nearest(clusters.id_map.shape[0], height)
    columns = nearest(clusters.id_map.shape[1], width)
    count = len(clusters.class_ids)
    column_repeats = _repeats(columns, clusters.id_map.shape[1])
    areas, boxes = _measure(clusters.id_map, *_repeats(rows, clusters.id_map.shape[0]), *column_repeats, count)
    kept = areas > 0
    new_id = np.zeros(count + 1, np.uint16)
    new_id[1:][kept] = np.arange(1, kept.sum() + 1)
    id_map = np.empty((height, width), np.uint16)
    _spread(clusters.id_map, rows, *column_repeats, new_id, id_map)
    return Instances(id_map, clusters.class_ids[kept], clusters.scores[kept], boxes[kept].astype(np.float32),
                     areas[kept])


def nearest(source: int, target: int) -> np.ndarray:
    """For each of `target` pixels the one of `source` whose area holds its centre, int64 (target,), in integers."""
    return (2 * np.arange(target, dtype=np.int64) + 1) * source // (2 * target)


def _repeats(index: np.ndarray, source: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each source pixel is used, and the first target pixel that uses it."""
    first = np.searchsorted(index, np.arange(source + 1))
    return np.diff(first), first[:-1]


@numba.njit(cache=True, nogil=True)
def _measure(id_map, row_repeats, row_first, column_repeats, column_first, count):
    """Areas int64 (K,) and boxes int64 (K, 4) that `id_map` will have once it is enlarged."""
    areas = np.zeros(count, np.int64)
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2] = np.iinfo(np.int64).max
    boxes[:, 2:] = 0
    for y in range(id_map.shape[0]):
        for x in range(id_map.shape[1]):
            k = np.int64(id_map[y, x]) - 1
            if k < 0 or row_repeats[y] == 0 or column_repeats[x] == 0:
                continue
            areas[k] += row_repeats[y] * column_repeats[x]
            boxes[k, 0] = min(boxes[k, 0], column_first[x])
            boxes[k, 1] = min(boxes[k, 1], row_first[y])
            boxes[k, 2] = max(boxes[k, 2], column_first[x] + column_repeats[x])
            boxes[k, 3] = max(boxes[k, 3], row_first[y] + row_repeats[y])
    return areas, boxes


@numba.njit(cache=True, nogil=True)
def _spread(id_map, rows, column_repeats, column_first, new_id, out):
    for y in range(out.shape[0]):
        if y > 0 and rows[y] == rows[y - 1]:
            out[y] = out[y - 1]
            continue
        for x in range(id_map.shape[1]):
            k = new_id[id_map[rows[y], x]]
            for column in range(column_first[x], column_first[x] + column_repeats[x]):
                out[y, column] = k
