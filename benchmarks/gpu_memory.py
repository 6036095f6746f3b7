"""Memory that the GPU path takes: the bytes of all its arrays, counted without a GPU.

    python benchmarks/gpu_memory.py [MODEL ...] [--cameras 1 4 8] [--size 1920x1080 2048x1024]

Runs the path of a batch on a device that makes no memory and counts what is asked of it. The weights of a plan and the
memory that TensorRT runs it in are not among it. Writes benchmarks/results/gpu_memory.json and the table of
docs/vehicle.md.
"""

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.row_page import markdown, put  # noqa: E402
from instance_seg_node.bench.machine import write_results  # noqa: E402
from instance_seg_node.gpu.frame_path import FramePath  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402
from instance_seg_node.models import find_model, shipped  # noqa: E402
from instance_seg_node.pipelines.session import LANES  # noqa: E402

RESULTS = HERE / "results" / "gpu_memory.json"
PAGE = HERE.parent / "docs" / "vehicle.md"


class CountedArray:
    """An Array (gpu/device.py) without memory."""

    pointer = 0

    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(int(n) for n in shape), np.dtype(dtype)
        self.nbytes = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __getitem__(self, index):
        whole = np.broadcast_to(np.zeros((), self.dtype), self.shape)
        return CountedArray(whole[index].shape, self.dtype)


class CountingDevice:
    """What a batch asks of a Device (gpu/device.py), without doing it. device, page_locked: bytes made there so far."""

    def __init__(self):
        self.device = self.page_locked = 0

    def array(self, shape, dtype) -> CountedArray:
        array = CountedArray(shape, dtype)
        self.device += array.nbytes
        return array

    def host(self, shape, dtype) -> np.ndarray:
        values = np.zeros(shape, dtype)
        self.page_locked += values.nbytes
        return values

    def nothing(self, *arguments) -> None:
        pass

    upload = send = fetch = zero = launch = nothing


class CountedNetwork:
    """A Network (gpu/frame_path.py) that does nothing, for batches of 1 to `most`."""

    def __init__(self, device: CountingDevice, spec: ModelSpec, most: int):
        size = spec.input_height, spec.input_width
        self.images = device.array((most, *size, 3), np.uint8)
        self.heads = {name: device.array((most, channels, *size), np.float32) for name, channels in (
            ("embedding", 2), ("bandwidth", spec.bandwidths), ("seed", len(spec.classes)))}

    def __call__(self, count: int) -> None:
        pass

    def capturable(self, count: int) -> bool:
        return False


def counted(spec: ModelSpec, cameras: int, height: int, width: int) -> dict[str, int]:
    """Bytes of one of LANES for so many cameras of rgb8: on the device for the network's images and heads, for the
    clustering and for the cameras; page-locked on the host."""
    device, after = CountingDevice(), []
    network = CountedNetwork(device, spec, cameras)
    after.append(device.device)
    path = FramePath(device, network, spec)
    after.append(device.device)
    message = SimpleNamespace(encoding="rgb8", height=height, width=width, step=3 * width, is_bigendian=0,
                              data=bytes(3 * height * width))
    path(dict.fromkeys(map(str, range(cameras)), message), spec.thresholds)
    parts = np.diff([0, *after, device.device]).tolist()
    return dict(zip(("network", "clustering", "cameras"), parts, strict=True)) | {"page_locked": device.page_locked}


def table(rows: list[dict]) -> str:
    """Megabytes of all LANES, as Markdown."""
    lines = [["model", "cameras", "network's images and heads", "clustering", "cameras' own", "**on the device**",
              "page-locked on the host"]]
    for row in rows:
        megabytes = {name: LANES * count / 1e6 for name, count in row["bytes"].items()}
        host = megabytes.pop("page_locked")
        lines.append([row["model"], f"{row['cameras']} of {'x'.join(map(str, row['camera']))}",
                      *(f"{value:.0f}" for value in megabytes.values()), f"**{sum(megabytes.values()):.0f}**",
                      f"{host:.0f}"])
    return f"MB of 10^6 bytes, for {LANES} batches in flight, counted:\n\n{markdown(lines, 2)}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[folder.name for folder in shipped()], metavar="MODEL")
    parser.add_argument("--cameras", nargs="+", type=int, default=[1, 4, 8])
    parser.add_argument("--size", nargs="+", default=["1920x1080", "2048x1024"], metavar="WIDTHxHEIGHT")
    options = parser.parse_args(arguments)
    rows = []
    for spec in (ModelSpec.load(find_model(model)) for model in options.models):
        for width, height in (map(int, size.split("x")) for size in options.size):
            rows += [{"model": spec.name, "cameras": cameras, "camera": [width, height],
                      "bytes": counted(spec, cameras, height, width)} for cameras in options.cameras]
    write_results(RESULTS, {"lanes": LANES, "counted": rows}, "numpy")
    put(PAGE, "gpu_memory.py", "On a vehicle", table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
