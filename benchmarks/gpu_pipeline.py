"""The node's GPU pipeline for benchmarks: a model's plan, or where none runs, nothing in its place and drawn heads."""

import argparse
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "test")]

from instance_seg_node.bench.gpu_networks import DrawnHeads, NoNetwork, open_networks  # noqa: E402
from instance_seg_node.datasets.streets import scene  # noqa: E402
from instance_seg_node.engines import PRECISIONS  # noqa: E402
from instance_seg_node.gpu.frame_path import FramePath  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402
from instance_seg_node.models import DEFAULT_MODEL, find_model  # noqa: E402
from instance_seg_node.pipelines.gpu import GpuPipeline  # noqa: E402
from instance_seg_node.pipelines.session import LANES, Session  # noqa: E402

PACKAGES = ("tensorrt", "tensorrt-rtx", "pycuda", "nvidia-cuda-nvrtc", "numpy")
STREET = 5_000_000
SIZES = [(720, 1280), (1080, 1920), (1024, 2048)]
CAMERAS = 4
INSTANCES = 30


def parser(description: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    made.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    made.add_argument("--precision", choices=PRECISIONS, default="fp16")
    return made


def pipeline_of(options: argparse.Namespace) -> GpuPipeline:
    """Yet to be opened. Raises InputError if there is no such model."""
    folder = find_model(options.model)
    spec = ModelSpec.load(folder)
    return GpuPipeline(spec, partial(opened, folder, spec, options))


def opened(folder: Path, spec: ModelSpec, options: argparse.Namespace, cancelled=None) -> Session:
    gpu = open_gpu(options.device)
    try:
        lanes = [gpu.lane() for _ in range(LANES)]
        networks, what = open_networks(lanes, folder, spec, precision=options.precision, most=CAMERAS, kinds=["plan"])
        if isinstance(networks[0], NoNetwork):
            networks = [DrawnHeads(lane, network, spec, INSTANCES) for lane, network in zip(lanes, networks)]
        paths = [FramePath(lane, network, spec) for lane, network in zip(lanes, networks)]
        for path in paths:
            for count in path.counts:
                path.warm_up(count)
    except BaseException:
        gpu.close(lost=True)
        raise
    return Session(paths, f"{gpu.description}, network {what}", gpu)


def open_gpu(device: str):
    """A GPU; or, for the tests of this file, this machine's processor in its place."""
    if device == "cuda":
        from instance_seg_node.gpu.context import Gpu

        return Gpu()
    from cuda_on_cpu import CpuDevice

    return SimpleNamespace(lane=partial(CpuDevice, late=True), description="CUDA on a CPU",
                           close=lambda lost=False: None)


def messages() -> list[SimpleNamespace]:
    """A sensor_msgs/Image of each of SIZES."""
    return [image(scene(STREET, *size).rgb) for size in SIZES]


def image(rgb: np.ndarray) -> SimpleNamespace:
    height, width, _ = rgb.shape
    return SimpleNamespace(encoding="rgb8", height=height, width=width, step=3 * width, is_bigendian=0,
                           data=rgb.tobytes())
