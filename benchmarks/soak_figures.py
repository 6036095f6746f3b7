"""What soak.py found in one run, as numbers for JSON."""

from collections import Counter

import numpy as np

from benchmarks.soak_run import Recording
from benchmarks.soak_statistics import least_share, least_share_in, quarter_medians, slope, unaccounted
from instance_seg_node.ros.demo_report import DROPPED, stages

SPANS = ("wait", "arrival to ids")
"""Stages in which nothing is computed, or which contain others."""
HELD = ("threads", "fds", "shm_files", "shm_mb")
BINS = 60
"""Of a plot: at most one a second."""


def figures(recording: Recording, warm_up_s: float) -> dict:
    """Ages, memory, shares and what is held: after the warm-up. Counts: of the whole run."""
    load, began_ns = recording.load, recording.sent[0, 1]
    from_ns = began_ns + warm_up_s * 1e9
    masks = recording.masks[recording.masks[:, 1] >= from_ns]
    held = {key: values[recording.held["time_ns"] >= from_ns] for key, values in recording.held.items()}
    seconds = (recording.sent[-1, 1] - began_ns) / 1e9
    stage_ms = p95s(recording, from_ns)
    return rounded({
        "cameras": load.cameras, "rate_hz": load.rate_hz, "seconds": seconds, "warm_up_s": warm_up_s,
        "size": f"{load.width}x{load.height}", "stalled_subscriber": load.stalled,
        **rates(recording), "frames": account(recording),
        "age_ms": ages_ms(masks, (50, 95, 99, 100)), "period_ms": 1e3 / load.rate_hz,
        "compute_ms": sum(stage_ms.values()), "stages_p95_ms": stage_ms,
        "least_share": least_share(np.bincount(masks[:, 0], minlength=load.cameras)),
        "least_share_in_10_s": least_share_in(10e9, masks[:, 0], masks[:, 1], load.cameras),
        "cores": (held["cpu_s"][-1] - held["cpu_s"][0]) / ((held["time_ns"][-1] - held["time_ns"][0]) / 1e9),
        "rss_mb": np.median(held["rss_mb"]),
        "rss_mb_per_hour": slope((held["time_ns"] - from_ns) / 3.6e12, held["rss_mb"]),
        "held": {key: dict(zip(("first", "last"), quarter_medians(held[key]))) for key in HELD},
        "series": series(recording, seconds)})


def rates(recording: Recording) -> dict[str, float]:
    """Frames and id maps per second, from the first frame to the last."""
    seconds = (recording.sent[-1, 1] - recording.sent[0, 1]) / 1e9
    return {"sent_per_s": len(recording.sent) / seconds, "masks_per_s": len(recording.masks) / seconds}


def account(recording: Recording) -> dict:
    """Where each frame went. By the node: received, processed, dropped for a cause, unaccounted.

    By us, too: lost between camera and node (best effort), missed between node and us (id maps), strange: id maps of
    no frame, or of the same frame again.
    """
    totals = recording.totals()
    received, processed = (sum(int(camera[key]) for camera in totals) for key in ("received", "processed"))
    dropped = Counter()
    for camera in totals:
        dropped.update({key.removeprefix(DROPPED): int(n) for key, n in camera.items() if key.startswith(DROPPED)})
    sent = set(map(tuple, recording.sent.tolist()))
    seen = Counter(map(tuple, recording.masks[:, :2].tolist()))
    return {"sent": len(recording.sent), "lost": len(recording.sent) - received, "received": received,
            "processed": processed, "dropped": dict(dropped), "unaccounted": sum(map(abs, map(unaccounted, totals))),
            "missed": processed - len(recording.masks),
            "strange": sum(count - (frame in sent) for frame, count in seen.items())}


def ages_ms(masks: np.ndarray, percents: tuple[int, ...]) -> dict[str, float]:
    """Percentiles of arrival minus stamp."""
    found = np.percentile((masks[:, 2] - masks[:, 1]) / 1e6, percents) if len(masks) else [np.nan] * len(percents)
    return {f"p{percent}": float(ms) for percent, ms in zip(percents, found)}


def p95s(recording: Recording, from_ns: float) -> dict[str, float]:
    """Each stage's p95 (ms) in /diagnostics, the median over the reports. Without SPANS."""
    reports = [stages(status["instance_seg: segmentation"]) for time_ns, status in recording.diagnostics
               if time_ns >= from_ns]
    return {name: float(np.median([report[name]["p95"] for report in reports if name in report]))
            for name in reports[-1] if name not in SPANS}


def series(recording: Recording, seconds: float) -> list[dict]:
    """The run in equal bins, each with its end in s."""
    edges = recording.sent[0, 1] + np.linspace(0, seconds, min(BINS, int(seconds)) + 1) * 1e9
    rows = []
    for start, end in zip(edges, edges[1:]):
        sent, masks, held = ((start <= times) & (times < end) for times in
                             (recording.sent[:, 1], recording.masks[:, 1], recording.held["time_ns"]))
        per_s = 1e9 / (end - start)
        rows.append({"s": (end - edges[0]) / 1e9, "sent_per_s": sent.sum() * per_s, "masks_per_s": masks.sum() * per_s,
                     **ages_ms(recording.masks[masks], (50, 99))}
                    | {key: recording.held[key][held].mean() if held.any() else np.nan for key in ("rss_mb", *HELD)})
    return rows


def rounded(value):
    """Numbers as JSON has them, with no digit that says nothing; what is not there is None."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else round(float(value), 3)
    return int(value) if isinstance(value, np.integer) else value
