"""What the pages of compared trainings have in common: figures of rows, their plot, and a place for both in a page.

A row has a report for each of its seeds, that of instance_seg_node.evaluation.report.evaluate.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from instance_seg_node.bench.machine import write_results
from instance_seg_node.errors import InputError
from instance_seg_node.files.atomic_files import write_atomically

PACKAGES = ("torch", "onnxruntime", "numpy", "numba", "pycocotools")
"""Whose versions stand beside the figures."""

MEASURES = {"AP_gt": ("ground_truth_sampling", "AP"), "AP50_gt": ("ground_truth_sampling", "AP50"),
            "AP": ("average_precision", "AP"), "AP50": ("average_precision", "AP50")}
"""Column: its place in a report. _gt: with centres and margins from the true masks (METHODS 1.6)."""


def put(page: Path, script: str, title: str, text: str) -> None:
    """Write `text` into a page between two marks that name its script. What is written around them stays.

    title: of a page that is not there yet. Raises InputError if the page has lost a mark.
    """
    begin, end = f"<!-- what follows is written by benchmarks/{script} -->", "<!-- until here -->"
    content = page.read_text() if page.exists() else f"# {title}\n\n{begin}\n{end}\n"
    before, found_begin, rest = content.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise InputError(f"{page} has no place for the table. Put in these two lines:\n{begin}\n{end}")
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(page, f"{before}{begin}\n{text}\n{end}{after}".encode())


def record(path: Path, results: dict) -> str:
    """Write results as JSON with the machine beside them. Returns a line on the machine, for the page."""
    write_results(path, results, *PACKAGES)
    machine = json.loads(path.read_text())["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, {versions}; commit "
            f"{machine['commit']}.")


def markdown(lines: Sequence[Sequence[str]], texts: int) -> str:
    """A table; the first line is its header. texts: so many columns, the first ones, are no figures."""
    rule = ["---"] * texts + ["---:"] * (len(lines[0]) - texts)
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def values(reports: list[dict], measure: str) -> list[float]:
    """A measure for each seed, in [0, 1], -1 where there is no truth."""
    part, key = MEASURES[measure]
    return [report[part]["coco"][key] for report in reports]


def cell(shares: list[float]) -> str:
    """In percent: the mean over the seeds and, of several, the standard deviation; - where there is no truth."""
    if min(shares) < 0:
        return "-"
    deviation = f" ± {100 * np.std(shares, ddof=1):.1f}" if len(shares) > 1 else ""
    return f"{100 * np.mean(shares):.1f}{deviation}"


def plot(rows: Sequence[tuple[str, list[dict]]], images: str) -> Figure:
    """AP_gt and AP of each row, a name and its reports, as bars; with several seeds, a line at a bar's end spans them.

    images: what they are measured on.
    """
    figure = Figure(figsize=(8, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for measure, offset, colour in (("AP_gt", -0.2, "#2f6f9f"), ("AP", 0.2, "#e0a13a")):
        shares = [100 * np.maximum(values(reports, measure), 0) for _, reports in rows]
        means = np.array([share.mean() for share in shares])
        span = np.array([[mean - share.min(), share.max() - mean] for mean, share in zip(means, shares)]).T
        bars = axes.barh(np.arange(len(rows)) + offset, means, height=0.38, label=measure, color=colour,
                         xerr=span if span.any() else None)
        axes.bar_label(bars, fmt="%.1f", padding=4)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel(f"average precision on {images}, %")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
