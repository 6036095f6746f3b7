"""What soak.py makes of counts and samples. NumPy alone."""

from collections.abc import Mapping

import numpy as np

from instance_seg_node.ros.demo_report import DROPPED


def slope(times: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Least squares, per unit of time, with a 95 % confidence interval for values that change in independent steps.

    Memory does: it stays where it is until something touches more pages than ever before. A step moves all values after
    it, so residuals would take one step for many samples that agree, and a leak is what takes many steps, not one.
    """
    x = times - times.mean()
    weights = x / (x @ x)
    reach = np.cumsum(weights[::-1])[::-1][1:]  # what a step of one adds to the slope
    steepness, error = float(weights @ (values - values.mean())), float(np.linalg.norm(reach * np.diff(values)))
    return {"slope": steepness, "low": steepness - 1.96 * error, "high": steepness + 1.96 * error}


def quarter_medians(values: np.ndarray) -> tuple[float, float]:
    """Of the first and the last quarter: what a blip does not move, and a leak does."""
    part = max(1, len(values) // 4)
    return float(np.median(values[:part])), float(np.median(values[-part:]))


def least_share(counts: np.ndarray) -> float:
    """The worst camera's count as a share of the mean, of cameras with one rate. 0 if there are none at all."""
    return float(counts.min() / counts.mean()) if counts.any() else 0.0


def least_share_in(bin_ns: float, cameras: np.ndarray, stamps_ns: np.ndarray, count: int) -> float:
    """The least share in any whole bin. cameras, stamps_ns: of each frame; count: how many cameras there are."""
    bins = ((stamps_ns - stamps_ns.min()) // bin_ns).astype(int)
    return min((least_share(np.bincount(cameras[bins == i], minlength=count)) for i in range(bins.max())), default=1.0)


def unaccounted(camera: Mapping[str, str]) -> int:
    """Frames of a camera's status in /diagnostics: received, less processed and dropped for a cause."""
    causes = sum(int(count) for key, count in camera.items() if key.startswith(DROPPED))
    return int(camera["received"]) - int(camera["processed"]) - causes
