"""The node with a model that takes 0.3 s more for each batch, and fails for a white picture."""

import sys
import time

from instance_seg_node.pipelines.opening import open_pipeline
from instance_seg_node.ros.node import main


def open_slow(folder, **options):
    pipeline, why = open_pipeline(folder, **options)
    engine = pipeline.segmenter.engine

    class Slow:
        description = f"slowed {engine.description}"

        def __call__(self, images):
            time.sleep(0.3)
            if images.min() == 255:
                raise RuntimeError("white picture")
            return engine(images)

    pipeline.segmenter.engine = Slow()
    return pipeline, why


if __name__ == "__main__":
    sys.exit(main(open_model=open_slow))
