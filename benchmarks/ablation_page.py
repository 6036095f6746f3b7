"""The page of benchmarks/ablation.py: a table and a plot of rows, each a recipe and the reports of its seeds.

A report is that of instance_seg_node.evaluation.report.evaluate.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from instance_seg_node.atomic_files import write_atomically
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.errors import InputError
from instance_seg_node.training.recipe import Recipe

Row = tuple[Recipe, list[dict]]

MEASURES = {"AP_gt": ("ground_truth_sampling", "AP"), "AP50_gt": ("ground_truth_sampling", "AP50"),
            "AP": ("average_precision", "AP"), "AP50": ("average_precision", "AP50")}
"""Column: its place in a report. _gt: with centres and margins from the true masks (METHODS 1.6)."""

BEGIN, END = "<!-- what follows is written by benchmarks/ablation.py -->", "<!-- until here -->"
PAGE = f"# What each part of the seed is worth\n\n{BEGIN}\n{END}\n"


def write_page(folder: Path, rows: list[Row], start: str) -> None:
    """folder/ablation.md and folder/ablation.png. In a page that is there, only what stands between BEGIN and END.

    start: what the rows' weights come from. Raises InputError if the page has lost BEGIN or END.
    """
    page = folder / "ablation.md"
    before, begin, rest = (page.read_text() if page.exists() else PAGE).partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{page} has no place for the table. Put in these two lines:\n{BEGIN}\n{END}")
    recipe, seeds = rows[0][0], max(len(reports) for _, reports in rows)
    budget = (f"{recipe.steps} steps a row, from {start}; {recipe.scenes.test} held-out streets of "
              f"{recipe.input_height} x {recipe.input_width} pixels; seeds of a row: {seeds}. In percent; the classes' "
              "columns are AP_gt.")
    text = f"{budget}\n\n{table(rows)}\n\n![AP_gt and AP of each row](ablation.png)"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(page, f"{before}{BEGIN}\n{text}\n{END}{after}".encode())
    plot(rows).savefig(folder / "ablation.png", dpi=120)


def table(rows: list[Row]) -> str:
    """Markdown: what each row is, all of MEASURES, and AP_gt of each class."""
    header = ["row", "bandwidth", "centre", "smoothness", *MEASURES, *(c.name for c in CLASSES)]
    lines = [header, ["---"] * 4 + ["---:"] * (len(header) - 4)]
    for recipe, reports in rows:
        fixed = recipe.loss.fixed_margin_px
        bandwidth = f"fixed, {fixed:g} px" if fixed else {1: "circle", 2: "ellipse"}[recipe.bandwidths]
        smoothness = "-" if fixed else "yes" if recipe.loss.weights[1] else "no"
        by_class = [[report["ground_truth_sampling"]["coco"]["classes"][c.name]["AP"] for report in reports]
                    for c in CLASSES]
        lines.append([recipe.name, bandwidth, recipe.loss.centre, smoothness,
                      *(cell(values(reports, measure)) for measure in MEASURES), *map(cell, by_class)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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


def plot(rows: list[Row]) -> Figure:
    """AP_gt and AP of each row as bars; with several seeds, a line at a bar's end spans them."""
    figure = Figure(figsize=(8, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for measure, offset, colour in (("AP_gt", -0.2, "#2f6f9f"), ("AP", 0.2, "#e0a13a")):
        shares = [100 * np.maximum(values(reports, measure), 0) for _, reports in rows]
        means = np.array([share.mean() for share in shares])
        span = np.array([[mean - share.min(), share.max() - mean] for mean, share in zip(means, shares)]).T
        bars = axes.barh(np.arange(len(rows)) + offset, means, height=0.38, label=measure, color=colour,
                         xerr=span if span.any() else None)
        axes.bar_label(bars, fmt="%.1f", padding=4)
    axes.set_yticks(range(len(rows)), [recipe.name for recipe, _ in rows])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("average precision on held-out streets, %")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
