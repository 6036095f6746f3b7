"""ONNX Runtime in a network's place, its images and heads in a device's arrays."""

import numpy as np


class NetworkOnDevice:
    """A Network of gpu/frame_path.py for batches of 1 to `most`.

    counts: the sizes of the batches so far; one that is captured counts once. off: by head, what is added to it.
    """

    def __init__(self, device, engine, spec, most):
        size = spec.input_height, spec.input_width
        self.images = device.array((most, *size, 3), np.uint8)
        self.heads = {name: device.array((most, channels, *size), np.float32) for name, channels in (
            ("embedding", 2), ("bandwidth", spec.bandwidths), ("seed", len(spec.classes)))}
        self.counts, self.off = [], {}
        self._device, self._engine = device, engine

    def __call__(self, count):
        self.counts.append(count)
        self._device.ask(lambda: self._run(count))

    def capturable(self, count):
        return True

    def _run(self, count):
        for name, values in self._engine(self.images.values[:count].copy()).items():
            self.heads[name].values[:count] = values + np.float32(self.off.get(name, 0))
