"""What runs the network where the GPU path is measured: a plan, torch in its place, or nothing; and drawn heads."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..engines.plans import find_or_build
from ..engines.runtimes import find_runtime
from ..engines.trt import TrtNetwork, TrtPlan
from ..errors import InputError
from ..gpu.device import Device
from ..gpu.frame_path import Network
from ..model_spec import ModelSpec
from .heads import drawn_heads


class DrawnHeads:
    """A Network whose heads are not those that it computes: it runs as ever, into heads that nobody reads, and what is
    clustered are drawn ones, uploaded once. So the number of instances is chosen, whatever the images show.

    of_image: the heads of each image, by name, (channels, h, w).
    """

    def __init__(self, device: Device, network: Network, spec: ModelSpec, instances: int):
        self._network, self.images, most = network, network.images, network.images.shape[0]
        self.of_image = drawn_heads(spec.input_height, spec.input_width, instances, bandwidths=spec.bandwidths,
                                    classes=len(spec.classes))
        self.heads = {name: device.array((most, *head.shape), head.dtype) for name, head in self.of_image.items()}
        for name, head in self.of_image.items():
            device.upload(self.heads[name], np.broadcast_to(head, (most, *head.shape)))

    def __call__(self, count: int) -> None:
        self._network(count)

    def capturable(self, count: int) -> bool:
        return self._network.capturable(count)


class NoNetwork:
    """A Network that does nothing and has no heads: what is around it can be measured with DrawnHeads."""

    heads = {}

    def __init__(self, device: Device, spec: ModelSpec, most: int):
        self.images = device.array((most, spec.input_height, spec.input_width, 3), np.uint8)

    def __call__(self, count: int) -> None:
        pass

    def capturable(self, count: int) -> bool:
        return True


def open_networks(lanes: Sequence[Device], folder: Path, spec: ModelSpec, *, precision: str, most: int,
                  kinds: Sequence[str] = ("plan", "torch")) -> tuple[list[Network], str]:
    """The first of `kinds` that runs here, in each lane for batches of 1 to `most`; where none does, one that does
    nothing. Returns what it is, and what kept those before it."""
    reasons = []
    for kind in kinds:
        try:
            networks, what = OPENERS[kind](lanes, folder, spec, precision, most)
            _run_once(lanes, networks, most)
        except Exception as error:  # a runtime that refuses says so in many ways
            reasons.append(f"{kind}: {error if isinstance(error, InputError) else f'{type(error).__name__}: {error}'}")
            continue
        return networks, "; no ".join([what, *reasons])
    return [NoNetwork(lane, spec, most) for lane in lanes], f"none: {'; '.join(reasons) or 'none was asked for'}"


def _run_once(lanes: Sequence[Device], networks: Sequence[Network], most: int) -> None:
    for network, lane in zip(networks, lanes, strict=True):
        lane.zero(network.images)
        for count in (1, most):
            network(count)
        lane.wait()


def _plan(lanes, folder, spec, precision, most) -> tuple[list[Network], str]:
    runtime = find_runtime()
    opened = TrtPlan(runtime, find_or_build(folder, precision=precision, runtime=runtime.name, cameras=most).content)
    return [TrtNetwork(opened, lane) for lane in lanes], f"plan: {opened.description}, {precision}"


def _torch(lanes, folder, spec, precision, most) -> tuple[list[Network], str]:
    from .torch_network import open_torch

    return open_torch(lanes, folder, spec, precision, most)


OPENERS: dict[str, Callable] = {"plan": _plan, "torch": _torch}
"""Kind -> opens networks in lanes, as open_networks does."""

KINDS = tuple(OPENERS)
