"""The node on a machine whose disk takes no file above 50 kB while the model is opened."""

import sys

from file_limit import no_file_above

from instance_seg_node.pipelines.opening import open_pipeline
from instance_seg_node.ros.node import main

MOST_BYTES = 50_000


def open_without_room(folder, **options):
    with no_file_above(MOST_BYTES):
        return open_pipeline(folder, **options)


if __name__ == "__main__":
    sys.exit(main(open_model=open_without_room))
