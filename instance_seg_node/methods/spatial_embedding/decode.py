"""Heads of the network to instances: the clustering of METHODS 1.6, exactly, in time proportional to the foreground.

The published loop compares every foreground pixel with every seed. Here a seed looks only where members can be: the
foreground is sorted once into square bins of embedding space, and the seeds once by score. The result is the same, bit
for bit; `test/methods/literal_loop.py` is the definition.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...instances import MAX_INSTANCES
from ...model_spec import Thresholds
from .. import Clusters
from . import binning

BIN_PIXELS = 32
MAX_THREADS = 4
BAND_PIXELS = 1 << 17
"""A band's foreground stays in a core's second-level cache."""
BANDS_PER_THREAD = 2
"""With fewer, waking a thread costs more than it saves."""


class Clusterer:
    """Clusters one image after another. Owns memory that lives between calls; never call one from two threads at once.

    Takes embedding float32 (2, h, w), x then y, in the fixed pitch of METHODS 1.2; bandwidth float32 (D, h, w), the
    precision s of a circle or, x then y, of an ellipse; seed float32 (C, h, w), a probability for each class.
    Returns Clusters, whose id map lives until the next call.

    - A pixel stands for the class of its highest seed, the lowest class on a tie. Each class is clustered on its own.
    - A pixel with a NaN or infinity in any head, or a bandwidth that is not positive, is background.
    - Probabilities are compared with thresholds rounded to float32; the share of unclustered pixels in float64.
    - With `refine` a proposal that can be an instance takes the mean centre and bandwidth of its pixels and is looked
      at again (METHODS 4, claim 7). One that cannot is refused as it is.
    - An instance that later ones of its class cover wholly is dropped. Of more than 65534 instances the best 65534 are
      kept, the pixels of the others are background.

    Raises ValueError if an array has another dtype or shape.
    """

    def __init__(self, threads: int | None = None):
        """`threads`: at most this many for a large image; by default one for each core of this process, up to 4."""
        self._threads = threads or min(len(os.sched_getaffinity(0)), MAX_THREADS)  # the pool starts none until needed
        self._pool = ThreadPoolExecutor(max(self._threads - 1, 1), thread_name_prefix="clustering")
        self._scratch = None
        self._id_map = np.empty((0, 0), np.uint16)

    def __call__(self, embedding: np.ndarray, bandwidth: np.ndarray, seed: np.ndarray,
                 thresholds: Thresholds) -> Clusters:
        check_heads(embedding, bandwidth, seed)
        embedding, bandwidth, seed = (read_only(head) for head in (embedding, bandwidth, seed))
        limits = _limits(thresholds)
        grid, scratch = self._prepare(*seed.shape)
        self._on_threads(binning.gather, embedding, bandwidth, seed, grid, limits, scratch)
        flat_bandwidth, flat_seed = bandwidth.reshape(len(bandwidth), -1), seed.reshape(len(seed), -1)
        count = binning.grow(flat_bandwidth, flat_seed, grid, limits, scratch)
        rows = binning.number(count, limits, scratch)
        self._on_threads(binning.write, self._id_map.reshape(-1), scratch)
        return Clusters(self._id_map, scratch.class_of[:rows].copy(), scratch.score_of[:rows].copy())

    def _prepare(self, classes: int, height: int, width: int) -> tuple[binning.Grid, binning.Scratch]:
        """Memory for this image size: that of the last call if it was the same."""
        if self._id_map.shape != (height, width) or len(self._scratch.free) != classes:
            grid = binning.Grid(-(-height // BIN_PIXELS), -(-width // BIN_PIXELS),
                                np.float32(1 / (BIN_PIXELS * binning.UNITS_PER_PIXEL)))
            bands = min(max(height * width // BAND_PIXELS, 1), height)
            self._team = max(min(self._threads, bands // BANDS_PER_THREAD), 1)
            self._scratch, self._grid = _new_scratch(classes, height, width, bands, grid), grid
            self._id_map = np.empty((height, width), np.uint16)
        return self._grid, self._scratch

    def _on_threads(self, step, *arguments) -> None:
        """Run one step on the whole team, this thread included."""
        others = [self._pool.submit(step, thread, self._team, *arguments) for thread in range(1, self._team)]
        step(0, self._team, *arguments)
        for other in others:
            other.result()


def check_heads(embedding: np.ndarray, bandwidth: np.ndarray, seed: np.ndarray) -> None:
    """Raises ValueError unless these are heads of one image."""
    heads = (("embedding", embedding, (2,)), ("bandwidth", bandwidth, (1, 2)), ("seed", seed, None))
    for name, head, channels in heads:
        if not isinstance(head, np.ndarray) or head.dtype != np.float32 or head.ndim != 3:
            got = f"{head.dtype} {head.shape}" if isinstance(head, np.ndarray) else type(head).__name__
            raise ValueError(f"{name} must be a float32 array (channels, h, w), got {got}")
        if channels and len(head) not in channels:
            raise ValueError(f"{name} must have {' or '.join(map(str, channels))} channels, got shape {head.shape}")
        if head.size == 0:
            raise ValueError(f"{name} must not be empty, got shape {head.shape}")
    for name, head, _ in heads:
        if head.shape[1:] != seed.shape[1:]:
            raise ValueError(f"{name} and seed must be of one size, got {head.shape[1:]} and {seed.shape[1:]}")
    if seed[0].size >= 1 << 31:
        raise ValueError(f"at most 2^31 - 1 pixels can be clustered, got {seed.shape[1]} x {seed.shape[2]}")


def read_only(head: np.ndarray) -> np.ndarray:
    """The same values, contiguous, in the one array type the compiled steps are made for."""
    view = np.ascontiguousarray(head).view()
    view.flags.writeable = False
    return view


def _limits(thresholds: Thresholds) -> binning.Limits:
    bits = int(np.float32(thresholds.seed + 0.0).view(np.int32))  # + 0.0: -0.0 is allowed
    shift = math.ceil(math.log2(max((binning.ONE_BITS - bits + 1) / binning.LEVELS, 1)))
    return binning.Limits(np.float32(thresholds.foreground), bits, shift, thresholds.min_pixels,
                          float(thresholds.min_unclustered), thresholds.refine, MAX_INSTANCES)


def _new_scratch(classes: int, height: int, width: int, bands: int, grid: binning.Grid) -> binning.Scratch:
    pixels, most, bins = height * width, height * width // 2 + 2, classes * grid.rows * grid.columns

    def int32(*shape):
        return np.empty(shape, np.int32)

    best = np.zeros((bands, width), np.float32)
    return binning.Scratch(
        band_rows=(np.arange(bands + 1) * height // bands).astype(np.int32),
        best=best, best_bits=best.view(np.int32), winner=int32(bands, width), usable=np.empty((bands, width), bool),
        bin_of=int32(bands, width), found=np.empty(bands, np.int64),
        pixel=int32(pixels), bin=int32(pixels), score_bits=int32(pixels),
        bin_count=int32(bands, bins), bin_start=int32(bands, bins + 1),
        x=np.empty(pixels, np.float32), y=np.empty(pixels, np.float32), label=int32(pixels), pixel_of=int32(pixels),
        level_count=np.empty(binning.LEVELS, np.int64), seed_key=np.empty(pixels, np.int64), seed_slot=int32(pixels),
        runs=int32(bands * grid.rows + 1, 2), free=np.empty(classes, np.int64),
        class_of=np.empty(most, np.int64), score_of=np.empty(most, np.float32), area_of=int32(most), id_of=int32(most))
