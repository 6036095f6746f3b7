"""The clustering of METHODS 1.6 in the memory of a device, with the very result of the CPU's.

Bins, seeds and look-alikes are those of methods/spatial_embedding. What differs is who works: the foreground is sorted
into bins by all of the device, then each group of each image has a block of its own, which holds no queue of seeds: it
keeps the best free pixel of each chunk of slots, and the best of these is the next seed.
"""

from collections.abc import Sequence

import numpy as np

from ..instances import MAX_INSTANCES
from ..methods import Clusters
from ..methods.spatial_embedding.binning import UNITS_PER_PIXEL
from ..model_spec import Thresholds
from .device import Array, Device

# The structs of cluster.cuh.
SHAPE = np.dtype([(name, np.int32) for name in ("pixels", "slots", "classes", "groups", "bandwidths", "rows", "columns",
                                                "max_rows")]
                 + [("rows_per_unit", np.float32), ("columns_per_unit", np.float32)])
LIMITS = np.dtype([("min_unclustered", np.float64), ("foreground", np.float32), ("seed", np.float32),
                   ("min_pixels", np.int32), ("refine", np.int32)])
GROUP = np.dtype([(name, np.int32) for name in ("first", "end", "pixels", "found", "kept")])
CHUNK = 128
"""CLUSTER_CHUNK"""

BIN_PIXELS = 16
"""Width of a bin. A margin looks at few pixels that are not in it, and the table of bins stays small."""
MAX_BIN_ROWS = 32
"""One for each lane of a warp. In images higher than this many bins, bins are higher."""
PIXEL_THREADS = 256
GROW_THREADS = 512
"""More warps share the pixels of a margin and the search for a seed, but come later to a barrier."""


class Clustering:
    """Clusters a batch of up to N images. Its arrays stay on the device and are overwritten by the next call.

    id_map: uint16 (N, h, w), 0 = none; id k is row k-1. class_ids: int32 (N, ROWS). scores: float32 (N, ROWS).
    count: int32 (N,), the rows in use; what is in the others has no meaning. ROWS: half the pixels, at most 65534,
    since an instance takes two pixels or more. not_finite: int32 (N,), bit k is set for the k-th of finite.HEADS if
    heads_not_finite names it; then the instances are worth nothing.
    """

    def __init__(self, device: Device, groups: Sequence[Sequence[int]], bandwidths: int, size: tuple[int, int, int], *,
                 threads: int = GROW_THREADS, bin_pixels: int = BIN_PIXELS):
        """groups: class ids, each in exactly one group, ascending within it (ModelSpec.groups). size: N, h, w.

        threads: in the block of one group, a multiple of 32. bin_pixels: only the speed depends on it.
        """
        self._device, self._size, self._threads = device, size, threads
        self._images = 0  # of the last call
        self._most = np.int32(max(map(len, groups)))
        self._tables = [_uploaded(device, table) for table in _tables(groups)]
        self._shape = shape = _shape(groups, bandwidths, size, bin_pixels)
        self._make_results(device, size[0], shape)
        self._make_scratch(device, size[0], shape)

    def __call__(self, embedding: Array, bandwidth: Array, seed: Array, thresholds: Thresholds) -> None:
        """Cluster heads on the device, without waiting for them or for the outcome.

        embedding: float32 (n, 2, h, w). bandwidth: float32 (n, D, h, w). seed: float32 (n, C, h, w). As Clusterer's.
        Of n images, at most N; what is said of the others has no meaning. Raises ValueError if one has another dtype
        or shape.
        """
        self._images = min(embedding.shape[0], self._size[0])
        self._check(embedding=(embedding, 2), bandwidth=(bandwidth, self._shape["bandwidths"]),
                    seed=(seed, self._shape["classes"]))
        limits = _limits(thresholds)
        self._bin(embedding, bandwidth, seed, limits)
        self._launch("cluster_grow", self._shape["groups"], self._threads, limits, embedding, bandwidth, self._slot_of,
                     self._bin_start, self._point, self._key_of, self._label, self._best, self._groups,
                     self._record_key, self._id_of)
        self._number()

    def clusters(self) -> list[Clusters]:
        """What the last call found, downloaded: of each image."""
        maps, class_ids, scores, count = (self._device.download(array) for array in (
            self.id_map, self.class_ids, self.scores, self.count))
        return [Clusters(id_map, of_class[:rows].astype(np.int64), score[:rows].copy())
                for id_map, of_class, score, rows in list(zip(maps, class_ids, scores, count))[:self._images]]

    def _bin(self, embedding: Array, bandwidth: Array, seed: Array, limits: np.void) -> None:
        pixel_blocks = -(-self._shape["pixels"] // PIXEL_THREADS)
        chunk_blocks = -(-self._shape["slots"] // CHUNK * 32 // PIXEL_THREADS)
        class_of, first_of, _ = self._tables
        self._device.zero(self._bin_count)
        self._device.zero(self.not_finite)
        self._launch("cluster_classify", pixel_blocks, PIXEL_THREADS, limits["foreground"], embedding, bandwidth, seed,
                     class_of, first_of, self._bin_count, self._slot_of, self._place_of, self._score_of,
                     self._member_of, self.not_finite)
        self._launch("cluster_starts", self._shape["groups"], self._threads, self._bin_count, self._bin_start,
                     self._groups, self._point, self._key_of, self._label)
        self._launch("cluster_scatter", pixel_blocks, PIXEL_THREADS, embedding, bandwidth, self._bin_start,
                     self._place_of, self._score_of, self._slot_of, self._point, self._key_of, self._label)
        self._launch("cluster_best", chunk_blocks, PIXEL_THREADS, self._bin_count, self._key_of, self._best)

    def _number(self) -> None:
        pixel_blocks = -(-self._shape["pixels"] // PIXEL_THREADS)
        class_of, first_of, group_of = self._tables
        self._launch("cluster_number", self._shape["groups"], PIXEL_THREADS, class_of, first_of, self._most,
                     self._groups, self._record_key, self._id_of, self.class_ids, self.scores, self.count, self._votes)
        self._launch("cluster_write", pixel_blocks, PIXEL_THREADS, self._most, self._slot_of, self._label, self._id_of,
                     self._member_of, self.id_map, self._votes)
        if self._most > 1:
            self._launch("cluster_decide", 1, PIXEL_THREADS, self._most, class_of, first_of, group_of, self.count,
                         self._votes, self.class_ids)

    def _launch(self, kernel: str, blocks: int, threads: int, *arguments: Array | np.generic) -> None:
        """So many blocks for each image."""
        self._device.launch(kernel, (int(blocks), self._images), threads, self._shape, *arguments)

    def _make_results(self, device: Device, images: int, shape: np.void) -> None:
        self.id_map = device.array(self._size, np.uint16)
        self.class_ids = device.array((images, shape["max_rows"]), np.int32)
        self.scores = device.array((images, shape["max_rows"]), np.float32)
        self.count = device.array((images,), np.int32)
        self.not_finite = device.array((images,), np.int32)

    def _make_scratch(self, device: Device, images: int, shape: np.void) -> None:
        pixels, slots, groups, rows, columns = (
            int(shape[name]) for name in ("pixels", "slots", "groups", "rows", "columns"))

        def array(dtype, *shape):
            return device.array((images, *shape), dtype)

        self._bin_count = array(np.int32, groups * rows * columns + 1)
        self._bin_start = array(np.int32, groups, rows, columns + 1)
        self._groups = array(GROUP, groups)
        self._slot_of, self._place_of = array(np.int32, pixels), array(np.int32, pixels)
        self._score_of, self._member_of = array(np.float32, pixels), array(np.uint8, pixels)
        self._point = array(np.float32, 2 + int(shape["bandwidths"]), slots)
        self._key_of, self._label = array(np.uint64, slots), array(np.int32, slots)
        self._best = array(np.uint64, slots // CHUNK)
        self._record_key, self._id_of = array(np.uint64, slots // 2), array(np.int32, slots // 2)
        self._votes = array(np.int32, int(shape["max_rows"]) if self._most > 1 else 1, int(self._most))

    def _check(self, **heads: tuple[Array, int]) -> None:
        for name, (head, channels) in heads.items():
            expected = (self._images, int(channels), *self._size[1:])
            if head.dtype != np.float32 or tuple(head.shape) != expected:
                raise ValueError(f"{name} must be float32 {expected}, got {head.dtype} {tuple(head.shape)}")


def _tables(groups: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes in order of group; where each group begins among them; the group of each class."""
    class_of = [c for group in groups for c in group]
    group_of = np.empty(len(class_of), np.int32)
    group_of[class_of] = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return np.array(class_of, np.int32), np.cumsum([0, *map(len, groups)], dtype=np.int32), group_of


def _uploaded(device: Device, values: np.ndarray) -> Array:
    array = device.array(values.shape, values.dtype)
    device.upload(array, values)
    return array


def _shape(groups: Sequence[Sequence[int]], bandwidths: int, size: tuple[int, int, int], bin_pixels: int) -> np.void:
    _, height, width = size
    pixels, bin_height = height * width, max(bin_pixels, height / MAX_BIN_ROWS)
    rows, columns = min(-(-height // bin_pixels), MAX_BIN_ROWS), -(-width // bin_pixels)
    left_over = min(len(groups) * rows, pixels) * (CHUNK - 1)  # in the last chunk of each row of bins
    slots = -(-(pixels + left_over) // CHUNK) * CHUNK
    return np.array((pixels, slots, sum(map(len, groups)), len(groups), bandwidths, rows, columns,
                     min(MAX_INSTANCES, max(pixels // 2, 1)), 1 / (bin_height * UNITS_PER_PIXEL),
                     1 / (bin_pixels * UNITS_PER_PIXEL)), SHAPE)[()]


def _limits(thresholds: Thresholds) -> np.void:
    return np.array((thresholds.min_unclustered, thresholds.foreground, thresholds.seed,
                     min(thresholds.min_pixels, np.iinfo(np.int32).max), thresholds.refine), LIMITS)[()]
