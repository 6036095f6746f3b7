"""What soak.py makes of its results: the tables of docs/soak.md, and its plots."""

import json
from pathlib import Path

from benchmarks.row_page import markdown, put
from benchmarks.soak_plots import TITLES, capacity_plot, plot

UNITS = {"threads": "threads", "fds": "file descriptors", "shm_files": "files of shared memory",
         "shm_mb": "shared memory (PSS), MB"}


def write_page(folder: Path, results: Path) -> None:
    """Both plots, and what stands in folder/soak.md between its marks. Raises InputError if that has lost a mark."""
    content = json.loads(results.read_text())
    machine, found = content["machine"], content["results"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    put(folder / "soak.md", "soak.py", "Load", "\n\n".join([
        capacity_text(found), "![Frames sent and id maps received, by rate](soak-capacity.png)", table(found["runs"]),
        "![Id maps, age, memory and what is held, over the runs](soak.png)", checks_table(found["checks"]),
        f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, {versions}; commit "
        f"{machine['commit']}."]))
    capacity_plot(found).savefig(folder / "soak-capacity.png", dpi=100)
    plot(found["runs"]).savefig(folder / "soak.png", dpi=100)


def capacity_text(found: dict) -> str:
    run = found["runs"]["half"]
    return (f"Capacity: {found['capacity_per_s']:.0f} id maps a second, with {run['cameras']} cameras of {run['size']} "
            "pixels, the node and its reader on this machine. At half, "
            f"{run['sent_per_s'] / found['capacity_per_s']:.0%} of it are sent: 30 Hz a camera at most. Counts are "
            "those of whole runs; ages, shares, memory and what is held those after the warm-up, shaded in the plots.")


def table(runs: dict[str, dict]) -> str:
    """Markdown: a column for each run."""
    def row(name, text):
        return [name, *(text(run) for run in runs.values())]

    def held(key):
        return lambda run: "{first:.4g} / {last:.4g}".format(**run["held"][key])

    causes = sorted({cause for run in runs.values() for cause in run["frames"]["dropped"]})
    return markdown([
        ["", *(TITLES[name] for name in runs)],
        row("cameras x rate", lambda run: f"{run['cameras']} x {run['rate_hz']:.1f} Hz"),
        row("seconds", lambda run: f"{run['seconds']:.0f}"),
        row("frames sent", lambda run: f"{run['frames']['sent']}"),
        row("lost before the node", lambda run: f"{run['frames']['lost']}"),
        row("received by the node", lambda run: f"{run['frames']['received']}"),
        *(row(f"dropped: {cause}", lambda run, cause=cause: f"{run['frames']['dropped'].get(cause, 0)}")
          for cause in causes),
        row("processed", lambda run: f"{run['frames']['processed']}"),
        row("received, not accounted for", lambda run: f"{run['frames']['unaccounted']}"),
        row("id maps that missed the reader", lambda run: f"{run['frames']['missed']}"),
        row("worst camera's share", lambda run: f"{run['least_share']:.1%}"),
        row("the same, in its worst 10 s", lambda run: f"{run['least_share_in_10_s']:.1%}"),
        row("age p50 / p99 / max, ms", lambda run: "{p50:.1f} / {p99:.1f} / {p100:.1f}".format(**run["age_ms"])),
        row("period + compute, ms", lambda run: f"{run['period_ms']:.1f} + {run['compute_ms']:.1f}"),
        row("processor time of the node, cores", lambda run: f"{run['cores']:.2f}"),
        row("RSS, MB", lambda run: f"{run['rss_mb']:.0f}"),
        row("its slope, MB/h (95 % interval)", lambda run: "{slope:+.2f} ({low:+.2f} to {high:+.2f})".format(
            **run["rss_mb_per_hour"])),
        *(row(f"{name}, first / last quarter", held(key)) for key, name in UNITS.items())], texts=1)


def checks_table(checks: dict[str, list[dict]]) -> str:
    """Markdown: each promise in each run, with its figures where it was not kept; a dash where it was not made."""
    def cell(check):
        return "-" if check is None else "passed" if check["passed"] else f"**failed**: {check['text']}"

    by_name = {run: {check["name"]: check for check in some} for run, some in checks.items()}
    promises = dict.fromkeys(name for some in by_name.values() for name in some)
    return markdown([["must hold", *(TITLES[run] for run in checks)]] + [
        [name, *(cell(some.get(name)) for some in by_name.values())] for name in promises], texts=1 + len(checks))
