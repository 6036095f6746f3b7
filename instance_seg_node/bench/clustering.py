"""How fast is the clustering? Against the literal loop of METHODS 1.6 in PyTorch, on the same heads, in turn."""

import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..files.atomic_files import write_atomically
from ..methods import Clusters
from ..methods.spatial_embedding.decode import Clusterer
from ..model_spec import Thresholds
from .heads import drawn_heads

TORCH_THREADS = 2


def run(heads: Path | None = None, height: int = 1024, width: int = 2048, instances: int = 30,
        ids: Path | None = None, repeats: int = 11) -> dict:
    """Cluster the heads of an .npz (arrays embedding, bandwidth, seed), or drawn ones, `repeats` times in both ways.

    Returns medians in milliseconds, their ratio, and whether the ids agree. Writes the 16-bit id map to `ids`, a .png.
    Raises InputError if the file or a number is unusable.
    """
    if repeats < 1:
        raise InputError(f"repeats must be at least 1, got {repeats}")
    if ids is not None and Path(ids).suffix.lower() != ".png":
        raise InputError(f"{ids} must end in .png: other formats do not keep 16-bit ids")
    arrays = _load(Path(heads)) if heads is not None else drawn_heads(height, width, instances)
    thresholds = Thresholds()
    clusterer = Clusterer()
    seconds = in_turn(lambda: clusterer(**arrays, thresholds=thresholds),
                      lambda: literal_loop(**arrays, thresholds=thresholds), repeats)
    result, expected = clusterer(**arrays, thresholds=thresholds), literal_loop(**arrays, thresholds=thresholds)
    if ids is not None:
        _write_ids(Path(ids), result.id_map)
    source = str(heads) if heads is not None else f"drawn, {instances} instances"
    return {"heads": source} | _report(arrays, thresholds, result, expected, *seconds)


def _load(path: Path) -> dict[str, np.ndarray]:
    names = ("embedding", "bandwidth", "seed")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                raise InputError(f"{path} lacks {', '.join(missing)}. It must hold the arrays {', '.join(names)}, "
                                 "float32 (channels, h, w)")
            arrays = {name: file[name] for name in names}
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path} cannot be read as .npz ({error}). Write it with numpy.savez") from error
    try:
        Clusterer()(**arrays, thresholds=Thresholds())
    except ValueError as error:
        raise InputError(f"{path} does not hold heads: {error}") from error
    return arrays


def in_turn(first, second, repeats: int) -> tuple[list[float], list[float]]:
    """Seconds of each call, the two alternating, so that a load from outside falls on both; the first is left out."""
    seconds = [], []
    for turn in range(repeats + 1):
        for call, kept in zip((first, second), seconds):
            begin = time.perf_counter()
            call()
            if turn:
                kept.append(time.perf_counter() - begin)
    return seconds


def _report(arrays, thresholds: Thresholds, result: Clusters, expected: Clusters,
            ours: list[float], literal: list[float]) -> dict:
    classes, height, width = arrays["seed"].shape
    foreground = int((arrays["seed"].max(axis=0) > np.float32(thresholds.foreground)).sum())
    ours_ms, literal_ms = 1e3 * float(np.median(ours)), 1e3 * float(np.median(literal))
    same = (np.array_equal(result.id_map, expected.id_map) and np.array_equal(result.class_ids, expected.class_ids)
            and np.array_equal(result.scores, expected.scores))
    return {
        "height": height, "width": width, "classes": classes, "instances_found": len(result.class_ids),
        "foreground_pixels": foreground, "foreground_share": round(foreground / (height * width), 4),
        "clustering_ms": round(ours_ms, 3), "clustering_fastest_ms": round(1e3 * min(ours), 3),
        "literal_loop_ms": round(literal_ms, 3), "literal_loop_fastest_ms": round(1e3 * min(literal), 3),
        "times_faster": round(literal_ms / ours_ms, 2),
        "ns_per_foreground_pixel": round(1e6 * ours_ms / max(foreground, 1), 3),
        "ids_equal": same, "repeats": len(ours), "torch_threads": TORCH_THREADS,
    }


def _write_ids(path: Path, id_map: np.ndarray) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error
    write_atomically(path, cv2.imencode(".png", id_map)[1].tobytes())


def literal_loop(embedding, bandwidth, seed, thresholds: Thresholds) -> Clusters:
    """METHODS 1.6 in PyTorch: foreground compacted once for each class, one masked distance for each seed."""
    before = torch.get_num_threads()
    torch.set_num_threads(TORCH_THREADS)
    try:
        return torch_loop(*(torch.from_numpy(head) for head in (embedding, bandwidth, seed)), thresholds)
    finally:
        torch.set_num_threads(before)


def torch_loop(embedding: Tensor, bandwidth: Tensor, seed: Tensor, thresholds: Thresholds) -> Clusters:
    """The same loop on the device that holds the heads."""
    usable = (seed.max(dim=0).values if len(seed) > 1 else seed[0]) > thresholds.foreground
    winner = seed.argmax(dim=0) if len(seed) > 1 else None
    found = []
    for c in range(len(seed)):
        at = torch.nonzero((usable if winner is None else usable & (winner == c)).flatten()).squeeze(1)
        x, y, p = (head.flatten()[at] for head in (embedding[0], embedding[1], seed[c]))
        sx, sy = bandwidth[0].flatten()[at], bandwidth[-1].flatten()[at]
        finite = torch.isfinite(x + y + p) & (sx > 0) & (sy > 0)
        if not finite.all():
            at, x, y, p, sx, sy = (values[finite] for values in (at, x, y, p, sx, sy))
        instances = _instances(x, y, sx, sy, p, thresholds)
        found += [(-score, int(at[i]), c, at[members]) for score, i, members in instances]
    found.sort(key=lambda instance: instance[:2])
    return _painted(found, seed.shape[1:], seed.device)


def _instances(x, y, sx, sy, p, thresholds):
    unclustered = torch.ones(len(p), dtype=torch.bool, device=p.device)
    while int(unclustered.sum()) > thresholds.min_pixels:
        i = int((p * unclustered).argmax())
        if p[i] < thresholds.seed:
            return
        unclustered[i] = False
        dx, dy = x - x[i], y - y[i]
        proposal = dx * dx * sx[i] + dy * dy * sy[i] < np.log(2)
        size, fresh = int(proposal.sum()), int((proposal & unclustered).sum())
        if size > thresholds.min_pixels and fresh > thresholds.min_unclustered * size:
            yield float(p[i]), i, proposal
        unclustered &= ~proposal


def _painted(found, shape, device) -> Clusters:
    label = torch.zeros(shape[0] * shape[1], dtype=torch.int32, device=device)
    for k, (_, _, _, pixels) in enumerate(found, 1):
        label[pixels] = k
    label = label.cpu().numpy()
    visible = np.flatnonzero(np.bincount(label, minlength=len(found) + 1)[1:])
    ids = np.zeros(len(found) + 1, np.uint16)
    ids[visible + 1] = np.arange(1, len(visible) + 1)
    rows = [found[k] for k in visible]
    return Clusters(ids[label].reshape(shape), np.array([row[2] for row in rows], np.int64),
                    np.array([-row[0] for row in rows], np.float32))
