"""The node with a model whose network fails on a frame of one colour, which says how."""

import os
import sys
import time
from pathlib import Path

from instance_seg_node.pipelines.opening import open_pipeline
from instance_seg_node.ros.node import main

THROWS, HANGS, ENDS_ITS_THREAD, GIVES_NAN = 255, 254, 253, 252
"""The grey of a picture."""


def open_faulty(folder, **options):
    """HANGS: while the file $HANGING is there."""
    pipeline, why = open_pipeline(folder, **options)
    engine = pipeline.segmenter.engine

    class Faulty:
        description = f"faulty {engine.description}"

        def __call__(self, images):
            greys = {int(image.min()) for image in images}
            if THROWS in greys:
                raise RuntimeError("the network threw")
            while HANGS in greys and Path(os.environ["HANGING"]).exists():
                time.sleep(0.02)
            if ENDS_ITS_THREAD in greys:
                sys.exit("a library that thinks it owns the process")
            heads = engine(images)
            for image, seed in zip(images, heads["seed"], strict=True):
                if image.min() == GIVES_NAN:
                    seed[...] = float("nan")
            return heads

    pipeline.segmenter.engine = Faulty()
    return pipeline, why


if __name__ == "__main__":
    sys.exit(main(open_model=open_faulty))
