"""What precision each layer of a plan has."""

import json
from collections import Counter
from typing import NamedTuple

from .build_trt import error_log, parse
from .runtimes import Runtime

UNOPENED = ("this machine has not the GPU that opens the plan: these are the layers of the network that was built, "
            "whose types a strongly typed build keeps")


class Layer(NamedTuple):
    name: str
    kind: str
    precision: str


def layers_of_plan(runtime: Runtime, plan: bytes) -> list[Layer] | None:
    """The layers as they were fused and will run; None where the GPU to open the plan is missing."""
    trt = runtime.load()
    engine = trt.Runtime(error_log(trt)).deserialize_cuda_engine(plan)
    if engine is None:
        return None
    information = engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)
    return [_fused(layer) for layer in json.loads(information)["Layers"]]


def _fused(layer: dict | str) -> Layer:
    if isinstance(layer, str):  # of a plan built without details
        return Layer(layer, "", "unknown")
    precisions = {output.get("Format/Datatype", "unknown") for output in layer.get("Outputs", [])}
    return Layer(layer.get("Name", ""), layer.get("LayerType", ""), ", ".join(sorted(precisions)))


def layers_of_network(runtime: Runtime, network: bytes) -> list[Layer]:
    """The layers that the builder is given, with the type of what each gives."""
    trt = runtime.load()
    parsed = parse(trt, error_log(trt), network)
    layers = [parsed.network.get_layer(i) for i in range(parsed.network.num_layers)]
    return [Layer(layer.name, layer.type.name, layer.get_output(0).dtype.name) for layer in layers]


def summary(layers: list[Layer]) -> str:
    """Such as "80 HALF, 9 FLOAT"."""
    return ", ".join(f"{count} {precision}" for precision, count in Counter(x.precision for x in layers).most_common())
