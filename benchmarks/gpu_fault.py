"""A kernel on the GPU writes where nothing is: the pipeline says so, is made anew and gives the same ids as before.

    python benchmarks/gpu_fault.py [MODEL] [--precision fp16] [--device cuda|cpu]

Writes benchmarks/results/gpu_fault.json; exits with 1 if nothing is said or ids differ.
"""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.gpu_pipeline import PACKAGES, messages, parser, pipeline_of  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.pipelines.gpu import GpuPipeline  # noqa: E402
from instance_seg_node.pipelines.pipeline import EngineFault  # noqa: E402

RESULTS = HERE / "results" / "gpu_fault.json"
WILD = 0x100
"""An address that nobody has."""


def ids_of(pipeline: GpuPipeline, message: SimpleNamespace) -> np.ndarray:
    pipeline.start({"front": message})
    return pipeline.finish()["front"].instances.id_map.copy()


def break_it(pipeline: GpuPipeline) -> None:
    """Have the next batch write to WILD."""
    for path in pipeline._session.paths:
        path._clustering.count = path._clustering.count[:]  # another view of the same memory
        path._clustering.count.pointer = WILD
    # No graph knows these, so kernels are asked anew.
    pipeline.thresholds = pipeline.thresholds.model_copy(update={"min_pixels": 1})


def fault(pipeline: GpuPipeline, message: SimpleNamespace) -> dict:
    """Of an open pipeline: what is said of a wild write, and whether ids are the same after it."""
    before, said = ids_of(pipeline, message), ""
    break_it(pipeline)
    try:
        ids_of(pipeline, message)
    except EngineFault as error:
        said = str(error)
    pipeline.close()
    begin = time.perf_counter()
    pipeline.open(lambda: False)
    seconds, pipeline.thresholds = time.perf_counter() - begin, pipeline.spec.thresholds
    after = ids_of(pipeline, message)
    return {"said": said, "opened again in s": round(seconds, 2), "instances": int(before.max()),
            "ids equal": np.array_equal(before, after)}


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__)
    chosen = options.parse_args(arguments)
    try:
        pipeline = pipeline_of(chosen)
        pipeline.open(lambda: False)
    except InputError as error:
        options.error(str(error))
    results = {"model": pipeline.spec.name, "device": pipeline.description} | fault(pipeline, messages()[-1])
    pipeline.close()
    print(results)
    write_results(RESULTS, results, *PACKAGES)
    return int(not (results["said"] and results["ids equal"]))


if __name__ == "__main__":
    sys.exit(main())
