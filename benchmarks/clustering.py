"""The published clustering figures: python benchmarks/clustering.py. Writes results/clustering.json beside it."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from instance_seg_node.bench.clustering import run  # noqa: E402

SIZES = [(1024, 2048), (256, 512)]
INSTANCES = [10, 30, 100]


def machine() -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.processor(), "cores": len(os.sched_getaffinity(0)),
            "load_average": round(os.getloadavg()[0], 2)}


def main() -> None:
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "numba", "torch")}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True)
    report = {
        "what": "Clustering of drawn heads against the literal loop in PyTorch: one process, calls in turn, medians.",
        "machine": machine(),
        "versions": {"python": platform.python_version()} | versions,
        "commit": commit.stdout.strip(),
        "runs": [],
    }
    for height, width in SIZES:
        for instances in INSTANCES:
            figures = run(height=height, width=width, instances=instances)
            report["runs"].append(figures)
            print(f"{height} x {width}, {instances:3} instances, {figures['foreground_share']:.0%} foreground: "
                  f"{figures['clustering_ms']:.2f} ms, {figures['times_faster']:.1f} times faster, "
                  f"ids equal: {figures['ids_equal']}")
    (HERE / "results" / "clustering.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
