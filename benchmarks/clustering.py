"""The published clustering figures: python benchmarks/clustering.py. Writes results/clustering.json beside it.

Drawn heads, our clustering against the literal loop in PyTorch: one process, calls in turn, medians.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from instance_seg_node.bench.clustering import run  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402

SIZES = [(1024, 2048), (256, 512)]
INSTANCES = [10, 30, 100]


def main() -> None:
    runs = []
    for height, width in SIZES:
        for instances in INSTANCES:
            figures = run(height=height, width=width, instances=instances)
            runs.append(figures)
            print(f"{height} x {width}, {instances:3} instances, {figures['foreground_share']:.0%} foreground: "
                  f"{figures['clustering_ms']:.2f} ms, {figures['times_faster']:.1f} times faster, "
                  f"ids equal: {figures['ids_equal']}", flush=True)
    write_results(HERE / "results" / "clustering.json", runs, "numpy", "numba", "torch")


if __name__ == "__main__":
    main()
