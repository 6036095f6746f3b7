"""The compiled steps of the clustering. `decode.py` says what they compute, `Clusterer` there runs them in order:

    gather (threads)  the foreground, bin by bin
    grow   (one)      seeds from the best down, each visits the bins under its margin
    number (one)      ids for the instances that remain
    write  (threads)  ids back into the image

A bin is a square of embedding space, 32 pixels wide, of one class. The image is cut into bands of rows, small enough
that a band's foreground stays in a core's cache while it is sorted; each band has bins of its own. Thread t of n takes
bands t, t + n, ... and writes nowhere else.

All compiled code is in this one file: numba's on-disk cache notices a change of the file, not of other files it calls.
No FMA and no reordering (fastmath stays off): a CUDA kernel computes the same bits.
"""

from typing import NamedTuple

import numpy as np

from ...compiled import compiled

LN2 = np.float32(np.log(2))
INFINITY = np.float32(np.inf)
UNITS_PER_PIXEL = 1 / 1023
"""Pitch of the coordinate grid (METHODS 1.2). Only the speed depends on it."""
CONSUMED = 0
"""Label of a foreground pixel that a proposal has taken and that has no instance. Instances are positive; a pixel still
free has the negative of its score's bits, so that one array says what is free and how good a seed it is."""
BLOCK = 64
LEVELS = 1024
FIRST_SEEDS = 2048
SAMPLING = 16
ONE_BITS = 0x3F800000
CENTRE_STEPS_PER_UNIT = 2.0**20
CENTRE_LIMIT = 2.0**16


class Scratch(NamedTuple):
    """Memory of one image size, N pixels, C classes, B bands. What a frame does not use is never touched."""

    band_rows: np.ndarray      # int32 (B+1,)  first row of each band
    best: np.ndarray           # float32 (B, w)  highest seed of a row
    best_bits: np.ndarray      # int32 (B, w)    the same memory: floats >= 0 order like their bits
    winner: np.ndarray         # int32 (B, w)  its class
    usable: np.ndarray         # bool (B, w)   is it foreground?
    bin_of: np.ndarray         # int32 (B, w)  its bin
    found: np.ndarray          # int64 (B,)  foreground pixels of each band
    pixel: np.ndarray          # int32 (N,)  foreground in image order, a band's from its first pixel on: linear index
    bin: np.ndarray            # int32 (N,)
    score_bits: np.ndarray     # int32 (N,)
    bin_count: np.ndarray      # int32 (B, C * bins)  pixels, then the next free slot
    bin_start: np.ndarray      # int32 (B, C * bins + 1)
    x: np.ndarray              # float32 (N,)  foreground in bin order, bands as before: embedding
    y: np.ndarray              # float32 (N,)
    label: np.ndarray          # int32 (N,)  see CONSUMED
    pixel_of: np.ndarray       # int32 (N,)  linear index
    level_count: np.ndarray    # int64 (LEVELS,)
    seed_key: np.ndarray       # int64 (N,)  ascending is descending score, then ascending linear index
    seed_slot: np.ndarray      # int32 (N,)  place in bin order, for a linear index
    runs: np.ndarray           # int32 (B * rows of bins, 2)  where the members of one margin may be
    free: np.ndarray           # int64 (C,)  |U| of METHODS 1.6
    class_of: np.ndarray       # int64 (N / 2 + 2,)  of each instance: every one takes two pixels or more
    score_of: np.ndarray       # float32 (N / 2 + 2,)
    area_of: np.ndarray        # int32 (N / 2 + 2,)
    id_of: np.ndarray          # int32 (N / 2 + 2,)  the id each label becomes


class Grid(NamedTuple):
    """Bins over the image's own coordinates. Whatever lies outside falls in the nearest bin at the edge."""

    rows: int
    columns: int
    bins_per_unit: np.float32


class Limits(NamedTuple):
    """Thresholds in the types in which they are compared."""

    foreground: np.float32
    seed_bits: int
    level_shift: int
    min_pixels: int
    min_unclustered: float
    refine: bool
    max_instances: int


@compiled
def gather(thread, threads, embedding, bandwidth, seed, grid, limits, scratch):
    """Find the foreground and sort it into bins. Heads are (channels, h, w)."""
    width = np.int64(seed.shape[2])
    for band in range(thread, len(scratch.found), threads):
        first, last = scratch.band_rows[band] * width, scratch.band_rows[band + 1] * width
        found = _scan_band(band, first, last, embedding, bandwidth, seed, grid, limits, scratch)
        scratch.found[band] = found
        last = first + found
        _starts(first, scratch.bin_count[band], scratch.bin_start[band])
        _sort_band(scratch.pixel[first:last], scratch.bin[first:last], scratch.score_bits[first:last],
                   scratch.bin_count[band], embedding.reshape(2, embedding.shape[1] * width),
                   scratch.x, scratch.y, scratch.label, scratch.pixel_of)


@compiled
def _scan_band(band, first, last, embedding, bandwidth, seed, grid, limits, scratch):
    """Store a band's foreground in image order and count its bins. Returns how many pixels it has.

    In blocks, without branches on single pixels: those of noisy maps cost more than the work they save.
    """
    best, best_bits, winner = scratch.best[band], scratch.best_bits[band], scratch.winner[band]
    usable, bin_of, bin_count = scratch.usable[band], scratch.bin_of[band], scratch.bin_count[band]
    pixel, bins, score_bits = scratch.pixel[first:last], scratch.bin[first:last], scratch.score_bits[first:last]
    bin_count[:] = 0
    end = 0
    for row in range(scratch.band_rows[band], scratch.band_rows[band + 1]):
        _best_class(seed, row, best, winner)
        for left in range(0, len(best), BLOCK):
            block = slice(left, left + BLOCK)
            if not _any_above(best[block], limits.foreground):
                continue
            x, y = embedding[0, row, block], embedding[1, row, block]
            _mark_foreground(best[block], limits.foreground, x, y, usable[block])
            for d in range(bandwidth.shape[0]):
                _unmark_unless_positive(bandwidth[d, row, block], usable[block])
            for c in range(seed.shape[0]):
                _unmark_unless_finite(seed[c, row, block], usable[block])
            _find_bins(x, y, winner[block], grid, bin_of[block])
            end += _append(usable[block], row * len(best) + left, bin_of[block], best_bits[block],
                           pixel[end:], bins[end:], score_bits[end:], bin_count)
    return end


@compiled
def _best_class(seed, row, best, winner):
    """Highest seed of each pixel of a row and its class, the lowest on a tie."""
    best[:] = seed[0, row]
    winner[:] = 0
    for c in range(1, seed.shape[0]):
        channel = seed[c, row]
        for column in range(len(best)):
            better = channel[column] > best[column]
            best[column] = channel[column] if better else best[column]
            winner[column] = c if better else winner[column]


@compiled
def _any_above(values, threshold):
    count = np.int32(0)
    for k in range(len(values)):
        count += np.int32(values[k] > threshold)
    return count > 0


@compiled
def _mark_foreground(best, threshold, x, y, usable):
    for k in range(len(usable)):
        usable[k] = (best[k] > threshold) & (abs(x[k]) < INFINITY) & (abs(y[k]) < INFINITY)


@compiled
def _unmark_unless_positive(bandwidth, usable):
    for k in range(len(usable)):
        usable[k] &= (bandwidth[k] > 0) & (bandwidth[k] < INFINITY)


@compiled
def _unmark_unless_finite(seed, usable):
    for k in range(len(usable)):
        usable[k] &= abs(seed[k]) < INFINITY


@compiled
def _find_bins(x, y, of_class, grid, bin_of):
    rows, columns, bins_per_unit = np.int32(grid.rows), np.int32(grid.columns), grid.bins_per_unit
    for k in range(len(bin_of)):
        row = rows * of_class[k] + _bin_along(y[k], bins_per_unit, rows)
        bin_of[k] = columns * row + _bin_along(x[k], bins_per_unit, columns)


@compiled
def _bin_along(coordinate, bins_per_unit, count):
    """Never decreases as the coordinate grows, rounding included: `_runs_within` relies on it. NaN gives 0."""
    place = coordinate * bins_per_unit
    last = np.float32(count - 1)
    place = place if place > np.float32(0) else np.float32(0)
    return np.int32(place if place < last else last)


@compiled
def _append(usable, first_pixel, bin_of, best_bits, pixel, bins, score_bits, bin_count):
    """Store and count the foreground of a block. Returns how much it is."""
    count = np.uint64(0)
    for k in range(len(usable)):
        pixel[count] = first_pixel + k
        bins[count] = bin_of[k]
        score_bits[count] = best_bits[k]
        count += np.uint64(usable[k])
        bin_count[np.uint64(bin_of[k])] += np.int32(usable[k])
    return np.int64(count)


@compiled
def _starts(first, count, start):
    """start[k] = where bin k begins, from `first` on; count becomes the same."""
    for k in range(len(count)):
        start[k] = first
        first += count[k]
        count[k] = start[k]
    start[len(count)] = first


@compiled
def _sort_band(pixel, bins, score_bits, next_slot, embedding, x, y, label, pixel_of):
    """Image order to bin order. embedding: (2, N)."""
    ex, ey = embedding[0], embedding[1]
    for n in range(len(pixel)):
        b, i = np.uint64(bins[n]), np.uint64(pixel[n])
        j = np.uint64(next_slot[b])
        next_slot[b] = j + np.uint64(1)
        x[j] = ex[i]
        y[j] = ey[i]
        label[j] = -score_bits[n]
        pixel_of[j] = i


@compiled
def grow(bandwidth, seed, grid, limits, scratch):
    """The loop of METHODS 1.6, all classes at once. Heads are (channels, N). Returns how many instances were accepted.

    Seeds are put in order a share at a time, the best first: most others will lie in instances of these and need none.
    """
    label, slot = scratch.label, scratch.seed_slot
    _count_free(grid, scratch)
    _sample_levels(limits, scratch)
    count, level, wanted = 0, 0, FIRST_SEEDS // SAMPLING
    while level < LEVELS:
        level = _levels_holding(wanted, level, scratch.level_count)
        keys = _free_seeds(_lowest_bits(level, limits), scratch)
        _sort_keys(keys)
        for k in range(len(keys)):
            pixel = np.uint64(keys[k] & 0xFFFFFFFF)
            if label[np.uint64(slot[pixel])] < CONSUMED:
                count = _try_seed(keys[k], bandwidth, seed, grid, limits, scratch, count)
        wanted *= 8
    return count


@compiled
def _count_free(grid, scratch):
    bins = grid.rows * grid.columns
    scratch.free[:] = 0
    for band in range(len(scratch.found)):
        for c in range(len(scratch.free)):
            scratch.free[c] += scratch.bin_start[band, (c + 1) * bins] - scratch.bin_start[band, c * bins]


@compiled
def _sample_levels(limits, scratch):
    """Roughly how many seeds there are of which score. Level 0 holds the best; scores above 1 are in it too."""
    scratch.level_count[:] = 0
    for band in range(len(scratch.found)):
        for j in range(scratch.bin_start[band, 0], scratch.bin_start[band, -1], SAMPLING):
            above = -scratch.label[j] - limits.seed_bits
            if above >= 0:
                scratch.level_count[max(LEVELS - 1 - (above >> limits.level_shift), 0)] += 1


@compiled
def _levels_holding(wanted, level, level_count):
    """The end of a range of levels from `level` on with at least so many seeds, or LEVELS."""
    while level < LEVELS and wanted > 0:
        wanted -= level_count[level]
        level += 1
    return level


@compiled
def _lowest_bits(level, limits):
    """The lowest score of the levels before `level`."""
    return limits.seed_bits + ((LEVELS - level) << limits.level_shift)


@compiled
def _free_seeds(lowest_bits, scratch):
    """Keys of the free pixels of at least this score, in no order."""
    highest = np.int32(-lowest_bits)
    count = 0
    for band in range(len(scratch.found)):
        first, last = np.int64(scratch.bin_start[band, 0]), np.int64(scratch.bin_start[band, -1])
        label, pixel_of, keys = scratch.label[first:last], scratch.pixel_of[first:last], scratch.seed_key[count:]
        count += _append_seeds(label, pixel_of, highest, first, keys, scratch.seed_slot)
    return scratch.seed_key[:count]


@compiled
def _append_seeds(label, pixel_of, highest, first, keys, slot):
    count = np.uint64(0)
    for left in range(0, len(label), BLOCK):
        if not _any_at_most(label[left:left + BLOCK], highest):
            continue
        for j in range(left, min(left + BLOCK, len(label))):
            if label[j] <= highest:
                keys[count] = (np.int64(0x7FFFFFFF + label[j]) << 32) | pixel_of[j]
                slot[np.uint64(pixel_of[j])] = first + j
                count += np.uint64(1)
    return np.int64(count)


@compiled
def _any_at_most(values, highest):
    count = np.int32(0)
    for k in range(len(values)):
        count += np.int32(values[k] <= highest)
    return count > 0


@compiled
def _sort_keys(keys):
    """Ascending. Equal scores are in order already, and there are many where a network saturates."""
    for k in range(1, len(keys)):
        if keys[k] < keys[k - 1]:
            keys.sort()
            return


@compiled
def _try_seed(key, bandwidth, seed, grid, limits, scratch, count):
    """One iteration of METHODS 1.6, steps 2 to 5, for a free seed. Returns the new number of instances."""
    pixel = np.uint64(key & 0xFFFFFFFF)
    j = np.uint64(scratch.seed_slot[pixel])
    of_class = _class_of(seed, pixel)
    if scratch.free[of_class] <= limits.min_pixels:
        return count
    x, y, label = scratch.x, scratch.y, scratch.label
    label[j] = CONSUMED
    scratch.free[of_class] -= 1
    margin = x[j], y[j], bandwidth[0, pixel], bandwidth[-1, pixel]
    runs = _runs_within(margin, of_class, grid, scratch)
    if limits.refine and _acceptable(*_counted(margin, runs, x, y, label), limits):
        margin = _mean_margin(margin, runs, x, y, scratch.pixel_of, bandwidth)
        runs = _runs_within(margin, of_class, grid, scratch)
    inside, taken, labelled = _consume(margin, runs, x, y, label)
    scratch.free[of_class] -= taken
    if not _acceptable(inside, taken, limits):
        return count
    count += 1
    scratch.class_of[count] = of_class
    scratch.score_of[count] = np.int32(0x7FFFFFFF - (key >> 32)).view(np.float32)
    scratch.area_of[count] = inside
    if labelled > 0:
        _take_areas(margin, runs, x, y, label, scratch.area_of)
    _paint(margin, runs, x, y, label, count)
    return count


@compiled
def _class_of(seed, pixel):
    best = 0
    for c in range(1, seed.shape[0]):
        best = c if seed[c, pixel] > seed[best, pixel] else best
    return best


@compiled
def _runs_within(margin, of_class, grid, scratch):
    """Where in bin order members may be: (runs, 2), begin and end, none empty.

    Reaches 1e-4 further than sqrt(ln 2 / s): rounding in the distance test is a few times 1e-7.
    """
    x, y, sx, sy = margin
    reach_x, reach_y = np.sqrt(np.float64(LN2) / sx) * 1.0001, np.sqrt(np.float64(LN2) / sy) * 1.0001
    left = _bin_along(np.float32(x - reach_x), grid.bins_per_unit, grid.columns)
    right = _bin_along(np.float32(x + reach_x), grid.bins_per_unit, grid.columns)
    top = _bin_along(np.float32(y - reach_y), grid.bins_per_unit, grid.rows)
    bottom = _bin_along(np.float32(y + reach_y), grid.bins_per_unit, grid.rows)
    start, runs = scratch.bin_start, scratch.runs
    count = 0
    for band in range(len(start)):
        for row in range(grid.rows * of_class + top, grid.rows * of_class + bottom + 1):
            runs[count, 0] = start[band, row * grid.columns + left]
            runs[count, 1] = start[band, row * grid.columns + right + 1]
            count += int(runs[count, 0] < runs[count, 1])
    return runs[:count]


@compiled
def _acceptable(inside, taken, limits):
    """Is a proposal of so many pixels, of which so many were free, an instance?"""
    return inside > limits.min_pixels and taken > limits.min_unclustered * inside


@compiled
def _counted(margin, runs, x, y, label):
    """|P| and how many of P are free.

    A large object leaves hundreds of seeds at its edge, each with a margin over most of it: they end here.
    """
    inside, free = 0, 0
    for run in range(len(runs)):
        begin, end = runs[run]
        more = _count_run(margin, x[begin:end], y[begin:end], label[begin:end])
        inside += more[0]
        free += more[1]
    return inside, free


@compiled
def _count_run(margin, x, y, label):
    cx, cy, sx, sy = margin
    inside, free = np.int32(0), np.int32(0)
    for j in range(len(x)):
        dx = x[j] - cx
        dy = y[j] - cy
        member = dx * dx * sx + dy * dy * sy < LN2
        inside += np.int32(member)
        free += np.int32(member & (label[j] < CONSUMED))
    return inside, free


@compiled
def _mean_margin(margin, runs, x, y, pixel_of, bandwidth):
    """Centre and bandwidth of the refine pass: means over P, as `refined_margin` of test/methods/literal_loop.py.

    Sums are of integers, so that they are exact in any order. Coordinates are in steps of 2^-20 units. Bandwidths are
    averaged as bit patterns, which is the mean of a piecewise linear log2: training too averages the logarithm.
    """
    cx, cy, sx, sy = margin
    members, sum_x, sum_y, sum_sx, sum_sy = 0, 0, 0, 0, 0
    for run in range(len(runs)):
        for j in range(runs[run, 0], runs[run, 1]):
            dx = x[j] - cx
            dy = y[j] - cy
            if dx * dx * sx + dy * dy * sy < LN2:
                pixel = pixel_of[j]
                members += 1
                sum_x += _in_steps(x[j])
                sum_y += _in_steps(y[j])
                sum_sx += np.float32(bandwidth[0, pixel]).view(np.int32)
                sum_sy += np.float32(bandwidth[-1, pixel]).view(np.int32)
    steps = CENTRE_STEPS_PER_UNIT * members
    return (np.float32(sum_x / steps), np.float32(sum_y / steps),
            np.int32(sum_sx // members).view(np.float32), np.int32(sum_sy // members).view(np.float32))


@compiled
def _in_steps(coordinate):
    return np.int64(min(max(np.float64(coordinate), -CENTRE_LIMIT), CENTRE_LIMIT) * CENTRE_STEPS_PER_UNIT)


@compiled
def _consume(margin, runs, x, y, label):
    """Take the free members of P out of U. Returns |P|, how many were free, how many have an instance."""
    inside, taken, labelled = 0, 0, 0
    for run in range(len(runs)):
        begin, end = runs[run]
        more = _consume_run(margin, x[begin:end], y[begin:end], label[begin:end])
        inside += more[0]
        taken += more[1]
        labelled += more[2]
    return inside, taken, labelled


@compiled
def _consume_run(margin, x, y, label):
    cx, cy, sx, sy = margin
    inside, taken, labelled = np.int32(0), np.int32(0), np.int32(0)
    for j in range(len(x)):
        dx = x[j] - cx
        dy = y[j] - cy
        member = dx * dx * sx + dy * dy * sy < LN2
        free = member & (label[j] < CONSUMED)
        inside += np.int32(member)
        taken += np.int32(free)
        labelled += np.int32(member & (label[j] > CONSUMED))
        label[j] = CONSUMED if free else label[j]
    return inside, taken, labelled


@compiled
def _take_areas(margin, runs, x, y, label, area_of):
    """Members that have an instance are about to change to another."""
    cx, cy, sx, sy = margin
    for run in range(len(runs)):
        for j in range(runs[run, 0], runs[run, 1]):
            dx = x[j] - cx
            dy = y[j] - cy
            if label[j] > CONSUMED and dx * dx * sx + dy * dy * sy < LN2:
                area_of[label[j]] -= 1


@compiled
def _paint(margin, runs, x, y, label, instance):
    """Label all of P."""
    for run in range(len(runs)):
        begin, end = runs[run]
        _paint_run(margin, x[begin:end], y[begin:end], label[begin:end], np.int32(instance))


@compiled
def _paint_run(margin, x, y, label, instance):
    cx, cy, sx, sy = margin
    for j in range(len(x)):
        dx = x[j] - cx
        dy = y[j] - cy
        label[j] = instance if dx * dx * sx + dy * dy * sy < LN2 else label[j]


@compiled
def number(count, limits, scratch):
    """Rows for the instances that still have pixels, at most `limits.max_instances`. Returns how many.

    Labels become ids by `id_of`; class_of and score_of move to the front.
    """
    rows = 0
    scratch.id_of[0] = 0
    for k in range(1, count + 1):
        kept = scratch.area_of[k] > 0 and rows < limits.max_instances
        scratch.id_of[k] = rows + 1 if kept else 0
        if kept:
            scratch.class_of[rows] = scratch.class_of[k]
            scratch.score_of[rows] = scratch.score_of[k]
            rows += 1
    return rows


@compiled
def write(thread, threads, id_map, scratch):
    """Fill id_map, uint16 (N,)."""
    width = scratch.best.shape[1]
    for band in range(thread, len(scratch.found), threads):
        id_map[scratch.band_rows[band] * width:scratch.band_rows[band + 1] * width] = 0
        first, last = scratch.bin_start[band, 0], scratch.bin_start[band, -1]
        pixel_of, label, id_of = scratch.pixel_of[first:last], scratch.label[first:last], scratch.id_of
        for j in range(len(label)):
            id_map[np.uint64(pixel_of[j])] = id_of[np.uint64(max(label[j], CONSUMED))]
