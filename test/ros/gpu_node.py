"""The node with the pipeline of a GPU, whose kernels this machine's processor runs.

The GPU fails when it gets a white picture, and each time it is opened while the file $BROKEN is there. While the file
$BUILDING is there, a plan is being built.
"""

import os
import sys
import time
from pathlib import Path

from cuda_on_cpu import CpuDevice
from network_on_device import NetworkOnDevice

from instance_seg_node.engines import open_engine
from instance_seg_node.gpu.frame_path import FramePath
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.pipelines.gpu import GpuPipeline
from instance_seg_node.pipelines.session import Cancelled, Session
from instance_seg_node.ros.node import main


class Gpu:
    def close(self, lost):
        print(f"the GPU is given back{', lost' * lost}", flush=True)


def open_on_gpu(folder, *, transport, cameras, **_):
    spec = ModelSpec.load(folder)
    engine = open_engine(folder, spec, device="cpu")

    def failing(images):
        if images.min() == 255:
            raise RuntimeError("an illegal memory access was encountered")
        return engine(images)

    def opened(cancelled):
        while Path(os.environ["BUILDING"]).exists():
            if cancelled():
                print("the builder is stopped", flush=True)
                raise Cancelled
            time.sleep(0.05)
        if Path(os.environ["BROKEN"]).exists():
            raise RuntimeError("no CUDA-capable device is detected")
        lanes = [CpuDevice(late=True) for _ in range(2)]
        paths = [FramePath(lane, NetworkOnDevice(lane, failing, spec, most=cameras), spec) for lane in lanes]
        return Session(paths, "a GPU that is a CPU", Gpu())

    return GpuPipeline(spec, opened, transport), "device cuda is a CPU"


if __name__ == "__main__":
    sys.exit(main(open_model=open_on_gpu))
