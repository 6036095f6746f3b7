"""The node's parameters: one row each, declared, checked together, and turned into what the rest of us takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.validate_topic_name import validate_topic_name

from ..engines import DEVICES, PRECISIONS
from ..errors import InputError
from ..model_spec import Thresholds

TRANSPORTS = ("raw", "compressed")
REFINE = {"model": None, "always": True, "never": False}
Resolve = Callable[[str], str]
MODELS_OWN = -1
"""The value of a threshold that stands for what model.yaml says."""
LARGEST_AGE_MS = 3_600_000


@dataclass(frozen=True)
class Setting:
    """One parameter. `live`: may change while the node runs. `least` and `largest`: of a number."""

    name: str
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    least: float = MODELS_OWN
    largest: float | None = None
    live: bool = False


SETTINGS = (
    Setting("cameras", ["/camera"], "camera namespaces; <camera>/image_raw is segmented into <camera>/instance_seg/*. "
            "A relative name lies in the node's own namespace"),
    Setting("transport", "raw", "raw: sensor_msgs/Image of <camera>/image_raw. compressed: sensor_msgs/CompressedImage "
            "(jpeg or png) of <camera>/image_raw/compressed", TRANSPORTS),
    Setting("model", "street", "name of a shipped model (see: instance-seg models) or path of a model folder"),
    Setting("device", "auto", "where the network runs; auto takes the best there is", DEVICES),
    Setting("precision", "fp32", "of the network. The CPU runs fp32", PRECISIONS),
    Setting("max_age_ms", 0, "a frame older than this (node's clock minus stamp) when its turn comes is dropped and "
            "counted as stale; 0: none is", least=0, largest=LARGEST_AGE_MS),
    Setting("max_allowed_processing_time_ms", 0.0, "diagnostics warn if a frame takes longer from its arrival to its "
            "id map; 0: it may", least=0, largest=LARGEST_AGE_MS, live=True),
    Setting("max_acceptable_consecutive_delay_ms", 0.0, "diagnostics have an error if no frame has kept to "
            "max_allowed_processing_time_ms for longer; 0: they only warn", least=0, largest=LARGEST_AGE_MS, live=True),
    Setting("foreground_threshold", float(MODELS_OWN), "a pixel takes part if its seed probability is greater; "
            "-1: the model's own", largest=1.0, live=True),
    Setting("seed_threshold", float(MODELS_OWN), "an instance starts from no pixel with a lower seed probability; "
            "not below foreground_threshold; -1: the model's own", largest=1.0, live=True),
    Setting("min_pixels", MODELS_OWN, "an instance has more pixels than this, at the network's resolution; "
            "-1: the model's own", largest=2**26, live=True),
    Setting("min_unclustered", float(MODELS_OWN), "an instance has more than this share of pixels that no earlier one "
            "has taken; -1: the model's own", largest=1.0, live=True),
    Setting("refine", "model", "recompute centre and bandwidth once from the members found first; model: the model's "
            "own choice", tuple(REFINE), live=True),
)


def declare(node: Node) -> None:
    """Declare every setting. Raises rclpy's exceptions if one was given a value of another type or out of range."""
    for setting in SETTINGS:
        node.declare_parameter(setting.name, setting.default, _descriptor(setting))
    node.declare_parameter("autostart", True, ParameterDescriptor(
        read_only=True, description="configure and activate at start; false: a lifecycle manager does it"))


def values(node: Node) -> dict[str, Any]:
    """Setting -> value, as it is now."""
    return {setting.name: node.get_parameter(setting.name).value for setting in SETTINGS}


def problems(values: Mapping[str, Any], model: Thresholds | None, resolve: Resolve) -> list[str]:
    """What is wrong with these values together, nothing if all is well.

    model: the model's own thresholds, None before it is loaded. resolve: full name of a camera.
    """
    found = [f"{s.name} must be one of {', '.join(s.choices)}, got {values[s.name]!r}"
             for s in SETTINGS if s.choices and values[s.name] not in s.choices]
    found += _camera_problems(values["cameras"], resolve)
    if values["device"] == "cpu" and values["precision"] != "fp32":
        found.append(f"precision {values['precision']} needs a GPU, and device is cpu: set precision to fp32")
    for s in SETTINGS:
        # rclpy's own check of a range lets through what is a billionth outside.
        if isinstance(s.default, float) and values[s.name] != s.least and not 0 <= values[s.name] <= s.largest:
            own = ", or -1 for the model's own" if s.least == MODELS_OWN else ""
            found.append(f"{s.name} must be 0 to {s.largest:g}{own}, got {values[s.name]!r}")
    return found or _threshold_problems(values, model)


def thresholds(values: Mapping[str, Any], model: Thresholds) -> Thresholds:
    """The model's thresholds with those that the user has set."""
    chosen = {"foreground": values["foreground_threshold"], "seed": values["seed_threshold"],
              "min_pixels": values["min_pixels"], "min_unclustered": values["min_unclustered"]}
    update = {name: value for name, value in chosen.items() if value != MODELS_OWN}
    if REFINE[values["refine"]] is not None:
        update["refine"] = REFINE[values["refine"]]
    return Thresholds(**{**model.model_dump(), **update})


def require(values: Mapping[str, Any], model: Thresholds | None, resolve: Resolve) -> None:
    """Raises InputError with every problem of these values."""
    if found := problems(values, model, resolve):
        raise InputError("; ".join(found))


def frozen(changed: Mapping[str, Any], configured: Mapping[str, Any] | None) -> list[str]:
    """Why these values cannot change, nothing if they can. configured: the values in use, None if none are."""
    fixed = [s.name for s in SETTINGS if configured and not s.live and changed.get(s.name, configured[s.name])
             != configured[s.name]]
    return [f"{' and '.join(fixed)} cannot change while the node is configured: the model is loaded and topics are "
            "announced by it. First: ros2 lifecycle set NODE deactivate, then cleanup"] if fixed else []


def _descriptor(setting: Setting) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=setting.description)
    descriptor.additional_constraints = "; ".join(filter(None, (
        f"one of {', '.join(setting.choices)}" if setting.choices else "",
        "may change at any time" if setting.live else "read-only once the node is configured")))
    if isinstance(setting.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(setting.least),
                                                              to_value=float(setting.largest))]
    elif setting.largest is not None:
        descriptor.integer_range = [IntegerRange(from_value=setting.least, to_value=setting.largest, step=1)]
    return descriptor


def _camera_problems(cameras: list[str], resolve: Resolve) -> list[str]:
    if not cameras:
        return ["cameras must name at least one camera, such as ['/camera']"]
    names = []
    for camera in cameras:
        try:
            validate_topic_name(f"{camera}/image_raw")
            names.append(resolve(camera))
        except (InvalidTopicNameException, RuntimeError, ValueError) as error:  # rcl's refusal, or a NUL in the name
            reason = str(error).splitlines()[0].partition(", at ")[0].rstrip(":")  # rcl adds its own file and line
            return [f"cameras: {camera!r} is no namespace: {reason}"]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"cameras must differ, and {', '.join(twice)} is named more than once"] if twice else []


def _threshold_problems(values: Mapping[str, Any], model: Thresholds | None) -> list[str]:
    seed, foreground = values["seed_threshold"], values["foreground_threshold"]
    if model is not None:
        chosen = thresholds(values, model)
        seed, foreground = chosen.seed, chosen.foreground
    if MODELS_OWN not in (seed, foreground) and seed < foreground:
        return [f"seed_threshold ({seed:g}) is below foreground_threshold ({foreground:g}): an instance would start "
                "from a pixel that is not in the foreground. Raise seed_threshold or lower foreground_threshold, "
                "both in one call if need be"]
    return []
