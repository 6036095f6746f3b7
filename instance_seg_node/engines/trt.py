"""A plan that TensorRT or TensorRT for RTX runs, its images and heads in the memory of a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .build_trt import error_log
from .runtimes import Runtime

if TYPE_CHECKING:
    from ..gpu.context import Gpu, GpuArray


class TrtNetwork:
    """A Network (gpu/frame_path.py) for batches of 1 to as many images as the plan was built for.

    Raises InputError if the plan does not load here, RuntimeError if the runtime refuses a batch.
    """

    def __init__(self, gpu: Gpu, runtime: Runtime, plan: bytes):
        self._trt, self._title, self._stream = runtime.load(), runtime.title, gpu.stream
        self._log = error_log(self._trt)
        self._runtime = self._trt.Runtime(self._log)  # must live as long as what it has opened
        self._engine = self._opened(self._runtime.deserialize_cuda_engine(plan), "does not load the plan",
                                    "Build it for this GPU: instance-seg build MODEL --gpu this")
        self._context = self._opened(self._engine.create_execution_context(), "has no memory to run the plan",
                                     "Let other programs leave the GPU, or build it for fewer --cameras")
        self._image, *heads = sorted(map(self._engine.get_tensor_name, range(self._engine.num_io_tensors)),
                                     key=lambda name: name != "image")
        most = self._engine.get_tensor_profile_shape(self._image, 0)[2][0]
        self.images = self._array(gpu, self._image, most, np.uint8)
        self.heads = {name: self._array(gpu, name, most, np.float32) for name in heads}

    def __call__(self, count: int) -> None:
        """Start the network on the first `count` images."""
        accepted = self._context.set_input_shape(self._image, (count, *self.images.shape[1:]))
        if not accepted or not self._context.execute_async_v3(self._stream.handle):
            raise RuntimeError(f"{self._title} does not run a batch of {count}: {self._log.text()}")

    def _opened(self, thing: Any, what: str, remedy: str) -> Any:
        if thing is None:
            raise InputError(f"{self._title} {self._trt.__version__} {what}: {self._log.text()}. {remedy}")
        return thing

    def _array(self, gpu: Gpu, name: str, most: int, dtype: type) -> GpuArray:
        """Memory for a tensor of the plan's largest batch, and told to the plan."""
        found = np.dtype(self._trt.nptype(self._engine.get_tensor_dtype(name)))
        if found != dtype:
            raise InputError(f"the plan's {name} is {found}, not {np.dtype(dtype)}: it is of no model folder. Build "
                             "one that is: instance-seg build MODEL --gpu this")
        array = gpu.array((most, *self._engine.get_tensor_shape(name)[1:]), dtype)
        self._context.set_tensor_address(name, array.pointer)
        return array
