"""A plan that TensorRT or TensorRT for RTX runs, its images and heads in the memory of a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .build_trt import error_log
from .runtimes import Runtime

if TYPE_CHECKING:
    from ..gpu.lane import GpuArray, Lane


class TrtPlan:
    """A plan and its weights on the GPU of this thread's context. Raises InputError if it does not load here."""

    def __init__(self, runtime: Runtime, plan: bytes):
        self._trt, self.title = runtime.load(), runtime.title
        self.description = f"{runtime.title} {self._trt.__version__}"
        self._log = error_log(self._trt)
        self._runtime = self._trt.Runtime(self._log)  # must live as long as what it has opened
        self.engine = self._opened(self._runtime.deserialize_cuda_engine(plan), "does not load the plan",
                                   "Build it for this GPU: instance-seg build MODEL --gpu this")
        self.memory_bytes = self.engine.device_memory_size_v2
        self._how = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        if hasattr(self._trt, "DynamicShapesKernelSpecializationStrategy"):
            self._how = self._eager(self._how)

    def context(self) -> Any:
        """A new execution context, which is yet to be given `memory_bytes` to work in. Raises InputError."""
        return self._opened(self.engine.create_execution_context(self._how), "has no memory to run the plan",
                            "Let other programs leave the GPU, or build it for fewer --cameras")

    def dtype(self, name: str) -> np.dtype:
        """Of a tensor."""
        return np.dtype(self._trt.nptype(self.engine.get_tensor_dtype(name)))

    def reason(self) -> str:
        """What was logged of errors."""
        return self._log.text()

    def _eager(self, allocation: Any) -> Any:
        """How TensorRT for RTX is told to compile a batch's kernels before it runs, once for all contexts: it would
        do so behind our back, and a graph would keep those that it had in the meantime."""
        config = self.engine.create_runtime_config()
        config.set_execution_context_allocation_strategy(allocation)
        config.dynamic_shapes_kernel_specialization_strategy = \
            self._trt.DynamicShapesKernelSpecializationStrategy.EAGER
        self._kept = config.create_runtime_cache()  # nothing else keeps it, and contexts use it as long as they live
        if not config.set_runtime_cache(self._kept):
            raise InputError(f"{self.description} takes no cache of kernels: {self.reason()}")
        return config

    def _opened(self, thing: Any, what: str, remedy: str) -> Any:
        if thing is None:
            raise InputError(f"{self.description} {what}: {self.reason()}. {remedy}")
        return thing


class TrtNetwork:
    """A Network (gpu/frame_path.py) in one lane, for batches of 1 to as many images as the plan was built for.

    Each size of a batch has a context of its own, since a captured one must not change; they take turns in the same
    memory. Raises InputError if the plan is of no model folder, RuntimeError if the runtime refuses a batch.
    """

    def __init__(self, plan: TrtPlan, lane: Lane):
        self._plan, self._stream = plan, lane.stream
        engine = plan.engine
        self._image, *heads = sorted(map(engine.get_tensor_name, range(engine.num_io_tensors)),
                                     key=lambda name: name != "image")
        most = engine.get_tensor_profile_shape(self._image, 0)[2][0]
        self.images = self._array(lane, self._image, most, np.uint8)
        self.heads = {name: self._array(lane, name, most, np.float32) for name in heads}
        self._memory = lane.array((plan.memory_bytes,), np.uint8)
        self._contexts: dict[int, Any] = {}

    def __call__(self, count: int) -> None:
        """Start the network on the first `count` images."""
        if not self._context(count).execute_async_v3(self._stream.handle):
            self._refuse(count)

    def capturable(self, count: int) -> bool:
        """TensorRT always is; TensorRT for RTX says so."""
        asked = getattr(self._context(count), "is_stream_capturable", None)
        return asked is None or asked(self._stream.handle)

    def _context(self, count: int) -> Any:
        if count not in self._contexts:
            context = self._plan.context()
            context.set_device_memory(self._memory.pointer, self._memory.nbytes)
            if not context.set_input_shape(self._image, (count, *self.images.shape[1:])):
                self._refuse(count)
            for name, array in ((self._image, self.images), *self.heads.items()):
                if not context.set_tensor_address(name, array.pointer):
                    self._refuse(count)
            self._contexts[count] = context
        return self._contexts[count]

    def _refuse(self, count: int) -> None:
        raise RuntimeError(f"{self._plan.title} does not run a batch of {count}: {self._plan.reason()}")

    def _array(self, lane: Lane, name: str, most: int, dtype: type) -> GpuArray:
        """Memory for a tensor of the plan's largest batch."""
        found = self._plan.dtype(name)
        if found != dtype:
            raise InputError(f"the plan's {name} is {found}, not {np.dtype(dtype)}: it is of no model folder. Build "
                             "one that is: instance-seg build MODEL --gpu this")
        return lane.array((most, *self._plan.engine.get_tensor_shape(name)[1:]), dtype)
