"""What bench/gpu.py measured, for people."""

from collections.abc import Iterable


def text(report: dict) -> str:
    """Three tables: medians of stages, batches, and the clustering against torch."""
    what, rows = ["precision", "cameras", "size", "instances"], report["batches"]
    good = [row for row in rows if "failed" not in row]
    names = list(good[0]["stages"]) if good else []
    stages = [[*what, *names, "batch", "of the floor's speed"]]
    stages += [[*of(row), *(f"{row['stages'][name]['p50']:.3f}" for name in names), f"{row['batch']['p50']:.3f}",
                share(row["batch"]["reached"])] for row in good]
    batches = [[*what, "p50", "p95", "p99", "frames/s, two at once", "one graph", "ids"]]
    batches += [[*of(row), *(f"{ms:.3f}" for ms in row["batch by the host's clock"].values()),
                 f"{row['frames_per_s, two batches at once']:.0f}", "yes" if row["one graph"] else "no",
                 "the CPU's" if row["ids_equal"] else "DIFFER"] for row in good]
    failed = [f"{' '.join(of(row))}: {row['failed']}" for row in rows if "failed" in row]
    networks = dict.fromkeys(f"{row['precision']}: {row['network']}" for row in rows)
    return "\n\n".join([f"{report['model']} on {report['gpu']}", "\n".join(networks),
                        f"Medians by the GPU's clock, ms:\n{table(stages)}",
                        f"By the host's clock, ms:\n{table(batches)}", *failed,
                        f"Clustering against torch:\n{pairs_text(report['clustering against torch'])}"])


def pairs_text(pairs: list[dict] | dict | str) -> str:
    if not isinstance(pairs, list):
        return str(pairs)
    return table([list(pairs[0]), *([str(value) for value in row.values()] for row in pairs)])


def of(row: dict) -> list[str]:
    height, width = row["size"]
    return [row["precision"], str(row["cameras"]), f"{width}x{height}", str(row["instances"])]


def share(reached: float | None) -> str:
    return "" if reached is None else f"{reached:.1%}"


def table(lines: Iterable[list[str]]) -> str:
    """In columns."""
    lines = list(lines)
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)
