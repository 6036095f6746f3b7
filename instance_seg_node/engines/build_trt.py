"""ONNX to plan by TensorRT or TensorRT for RTX.

Networks are strongly typed: a layer has the precision that the ONNX gives its tensors, none of the builder's choice.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from ..errors import InputError
from .runtimes import Runtime


def serialise(runtime: Runtime, network: bytes, *, gpus: Sequence[str] = (), cameras: int = 1) -> bytes:
    """A plan for batches of 1 to `cameras`. gpus: architectures, if the runtime builds elsewhere; none: its default.

    Raises InputError with what the builder says.
    """
    trt = runtime.load()
    logger = error_log(trt)
    parsed = parse(trt, logger, network)
    config = parsed.builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # or fp32 would have the 10 bits of half
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # or a report could name no layer
    if runtime.builds_elsewhere:
        config.num_compute_capabilities = len(gpus)
        for place, gpu in enumerate(gpus):
            config.set_compute_capability(getattr(trt.ComputeCapability, gpu.replace("_", "").upper()), place)
    config.add_optimization_profile(_profile(parsed, cameras))
    plan = parsed.builder.build_serialized_network(parsed.network, config)
    if plan is None:
        raise InputError(f"{runtime.title} does not build it: {logger.text()}")
    return bytes(plan)


class Parsed(NamedTuple):
    """What must live as long as the network: its weights are the parser's, and its layers the builder's."""

    network: Any
    builder: Any
    parser: Any


def parse(trt: ModuleType, logger, network: bytes) -> Parsed:
    """The strongly typed network of an ONNX file. Raises InputError."""
    builder = trt.Builder(logger)
    # TensorRT 11 knows no other networks, and may have dropped the flag.
    typed = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    definition = builder.create_network(0 if typed is None else 1 << int(typed))
    parser = trt.OnnxParser(definition, logger)
    if not parser.parse(network):
        errors = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise InputError(f"the ONNX parser does not take it: {'; '.join(errors) or logger.text()}")
    return Parsed(definition, builder, parser)


def _profile(parsed: Parsed, cameras: int):
    """Batches of 1 to `cameras`, best at the most. Raises InputError if the graph's batch is fixed."""
    profile = parsed.builder.create_optimization_profile()
    image = parsed.network.get_input(0)
    batch, *size = image.shape
    if batch not in (-1, cameras):
        raise InputError(f"the graph takes batches of {batch} alone, not of 1 to {cameras}. Export it again: "
                         "instance-seg export CHECKPOINT MODEL")
    profile.set_shape(image.name, (batch if batch > 0 else 1, *size), (cameras, *size), (cameras, *size))
    return profile


def error_log(trt: ModuleType):
    """A logger that keeps errors for text(), and is silent."""
    class ErrorLog(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)
            self._errors: list[str] = []

        def log(self, severity, message):
            if severity <= trt.ILogger.Severity.ERROR:
                self._errors.append(message)

        def text(self) -> str:
            """Those since it was last asked."""
            text = "; ".join(self._errors) or "it gives no reason"
            self._errors.clear()
            return text

    return ErrorLog()
