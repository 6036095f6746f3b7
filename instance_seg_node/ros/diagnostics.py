"""The state of the node and of each camera as diagnostic_msgs (REP-107). All values are text, with their units."""

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ..model_spec import Thresholds
from .camera_record import Report, percentile
from .camera_state import State

LEVELS = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


def camera_status(node: str, camera: str, state: State, report: Report | None = None) -> DiagnosticStatus:
    """One camera. Without a report the node is not active."""
    values = {"state": state.name}
    if report is not None:
        ages_ms = report.window.ages_ms
        values |= {
            "picture": report.look.picture or "n/a",
            "frame_id": report.look.frame_id or "n/a",
            "rate (Hz)": _number(report.rate_hz),
            "age p50 (ms)": _number(percentile(ages_ms, 0.5)),
            "age max (ms)": _number(max(ages_ms, default=None)),
            "last frame (s ago)": _number(report.silent_s) if report.received else "n/a",
            "received": str(report.received),
            "processed": str(report.processed),
            "dropped": str(sum(report.dropped.values())),
        } | {f"dropped: {cause}": str(count) for cause, count in sorted(report.dropped.items())}
    return _status(f"{node}: {camera}", camera, state, values)


def node_status(node: str, state: State, *, model: str = "", engine: str = "", thresholds: Thresholds | None = None,
                stages: Mapping[str, tuple[float, float, float]] | None = None, restarts: int = 0) -> DiagnosticStatus:
    """The node as a whole. stages: name -> (p50, p95, max) in ms. restarts: of the segmenting thread."""
    values = {"state": state.name, "model": model or "n/a", "engine": engine or "n/a", "restarts": str(restarts)}
    if thresholds is not None:
        values |= {f"threshold {name}": str(value) for name, value in thresholds.model_dump().items()}
    for stage, figures in (stages or {}).items():
        values |= {f"{stage} {name} (ms)": _number(ms) for name, ms in zip(("p50", "p95", "max"), figures, strict=True)}
    return _status(f"{node}: segmentation", engine or "n/a", state, values)


def _status(name: str, hardware: str, state: State, values: Mapping[str, str]) -> DiagnosticStatus:
    message = state.text if state.text.startswith(state.name) else f"{state.name}: {state.text}"
    return DiagnosticStatus(level=LEVELS[state.level], name=name, message=message, hardware_id=hardware,
                            values=[KeyValue(key=key, value=value) for key, value in values.items()])


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
