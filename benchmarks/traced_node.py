"""The node, with a line of JSON in the file $TRACE for every frame it segments: what it took, by stamp.

Started by node_latency.py: percentiles of stages, which diagnostics give, cannot be subtracted from one another.
"""

import json
import os
import sys
import time
from collections.abc import Sequence

from instance_seg_node.frame import Frame
from instance_seg_node.instances import Instances
from instance_seg_node.pipelines.opening import open_pipeline
from instance_seg_node.pipelines.pipeline import Pipeline
from instance_seg_node.ros.node import main
from instance_seg_node.segmenter import Segmenter


class TracedSegmenter(Segmenter):
    """A Segmenter that notes when it was called, when it had done, and its stages in ms."""

    def __call__(self, frames: Sequence[Frame]) -> list[Instances]:
        started_ns = time.time_ns()
        instances = super().__call__(frames)
        note = {"started_ns": started_ns, "ended_ns": time.time_ns()} | self.stage_ms
        lines = [json.dumps({"stamp_ns": frame.stamp_ns} | note) + "\n" for frame in frames]
        TRACE.writelines(lines)
        return instances


def traced(*arguments, **settings) -> tuple[Pipeline, str]:
    """On the CPU alone: a GPU's pipeline has no segmenter."""
    pipeline, why = open_pipeline(*arguments, **settings | {"device": "cpu"})
    pipeline.segmenter = TracedSegmenter(pipeline.segmenter.engine, pipeline.spec)
    return pipeline, why


if __name__ == "__main__":
    with open(os.environ["TRACE"], "w") as TRACE:
        status = main(open_model=traced)
    sys.exit(status)
