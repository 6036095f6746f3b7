"""The plots of docs/soak.md."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

TITLES = {"half": "half of capacity", "twice": "twice capacity", "stalled": "half, a subscriber stops reading"}
SENT, MASKS, WORST = "#b0b0b0", "#2f6f9f", "#e0a13a"


def capacity_plot(found: dict) -> Figure:
    """Rates at which the cameras were tried."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    rates = [step["rate_hz"] for step in found["ramp"]]
    axes.plot(rates, [step["sent_per_s"] for step in found["ramp"]], color=SENT, marker="o", label="frames sent")
    axes.plot(rates, [step["masks_per_s"] for step in found["ramp"]], color=MASKS, marker="o", label="id maps received")
    axes.set(xlabel="rate of each camera, Hz", ylabel="per second")
    finish(axes)
    return figure


def plot(runs: dict[str, dict]) -> Figure:
    """A column for each run; rows: id maps, age, memory, and what is held."""
    figure = Figure(figsize=(4 * len(runs), 9), layout="constrained")
    for column, (name, run) in zip(figure.subplots(4, len(runs), squeeze=False, sharex="col").T, runs.items()):
        column[0].set_title(TITLES[name])
        lines(column[0], run, {"sent_per_s": ("frames sent", SENT), "masks_per_s": ("id maps", MASKS)}, "per second")
        lines(column[1], run, {"p99": ("p99", WORST), "p50": ("p50", MASKS)}, "age, ms")
        lines(column[2], since_warm_up(run), {"rss_mb": ("RSS", MASKS), "shm_mb": ("shared memory", WORST)},
              "MB since the warm-up")
        span = max(5.0, 1.1 * abs(column[2].dataLim.intervaly).max())
        column[2].set_ylim(-span, span)
        lines(column[3], run, {"fds": ("file descriptors", SENT), "threads": ("threads", MASKS),
                               "shm_files": ("files of shared memory", WORST)}, "count")
        column[3].set_xlabel("s")
    return figure


def since_warm_up(run: dict) -> dict:
    """The run with memory less what it was at the end of the warm-up."""
    first = next(row for row in run["series"] if row["s"] > run["warm_up_s"] and row["rss_mb"] is not None)
    rows = [row | {key: row[key] - first[key] for key in ("rss_mb", "shm_mb") if row[key] is not None}
            for row in run["series"]]
    return run | {"series": rows}


def lines(axes: Axes, run: dict, named: dict[str, tuple[str, str]], unit: str) -> None:
    """Some of a run's series, from zero; the warm-up is shaded."""
    for key, (label, colour) in named.items():
        points = [(row["s"], row[key]) for row in run["series"] if row[key] is not None]
        axes.plot(*zip(*points), color=colour, label=label)
    axes.axvspan(0, run["warm_up_s"], color="#f0f0f0", zorder=0)
    axes.set(ylabel=unit, xlim=(0, run["seconds"]))
    finish(axes)


def finish(axes: Axes) -> None:
    axes.set_ylim(0, 1.1 * axes.dataLim.y1)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
