"""Is a camera well? One row of judgements, the first that applies. Plain Python, no ROS."""

from dataclasses import dataclass

from .camera_record import FAILED, FIRST_S, STALE, Report, is_silent, percentile

OK, WARN, ERROR = range(3)
"""The levels of diagnostic_msgs/DiagnosticStatus."""

OLD_MS = 1000.0
FUTURE_MS = -100.0
DAY_MS = 86_400_000.0


@dataclass(frozen=True)
class Link:
    """What the middleware knows of a camera's topic.

    publishers: how many there are. best_effort: one of them is. incompatible: the QoS policy for which a publisher's
    frames do not reach us, if any. hint: what to do if large best-effort frames are lost.
    """

    topic: str
    publishers: int
    best_effort: bool = False
    incompatible: str = ""
    hint: str = ""


@dataclass(frozen=True)
class State:
    """A word for the state, a level for the aggregator, and a sentence for the operator."""

    name: str
    level: int
    text: str


def judge(report: Report, link: Link) -> State:
    """The state of an active camera."""
    if is_silent(report.silent_s, report.period_s) or not report.received:
        return _judge_silence(report, link)
    return _judge_frames(report) or _judge_sender(report, link) or _judge_stamps(report) or State("ok", OK, "ok")


def _judge_silence(report: Report, link: Link) -> State:
    if link.incompatible:
        policy = link.incompatible.lower()
        return State("incompatible QoS", WARN, f"a publisher of {link.topic} offers an incompatible {link.incompatible}"
                     f", so its frames do not reach us. Set qos_overrides.{link.topic}.subscription.{policy}")
    if not link.publishers:
        return State("waiting", WARN, f"nobody publishes {link.topic}")
    if report.received:
        return State("stale", ERROR, f"no frame on {link.topic} for {report.silent_s:.1f} s")
    if report.silent_s <= FIRST_S:
        return State("waiting", WARN, f"for the first frame on {link.topic}")
    text = f"{link.topic} has {link.publishers} publisher(s), but no frame has arrived for {report.silent_s:.0f} s. "
    return State("silent", ERROR, text + (link.hint if link.best_effort else "Is the camera paused?"))


def _judge_frames(report: Report) -> State | None:
    window = report.window
    if window.dropped[FAILED]:
        return State("failed", ERROR, window.last_detail)
    if window.rejected:
        level = WARN if window.processed else ERROR
        return State("rejected", level, f"{window.rejected} of {window.received} frames: {window.last_detail}")
    if window.dropped[STALE] and not window.processed:
        return State("stale", ERROR, window.last_detail)
    return None


def _judge_sender(report: Report, link: Link) -> State | None:
    if link.publishers > 1 and not link.incompatible:
        return State("two publishers", WARN, f"{link.publishers} publishers send {link.topic}, and frames of each are "
                     "segmented as if of one camera. Find them: ros2 topic info --verbose")
    if report.window.changed:
        return State("changed", WARN, f"frames have changed {report.window.changed}")
    return None


def _judge_stamps(report: Report) -> State | None:
    window = report.window
    if window.back_s:
        return State("stamps back", WARN, f"a frame's stamp is {window.back_s:.3g} s before that of the one before it")
    if window.unstamped:
        return State("unstamped", WARN, "frames have a stamp of zero, so their age is unknown")
    age_ms = percentile(window.ages_ms, 0.5)
    if age_ms is not None and age_ms > OLD_MS:
        return State("old", WARN, f"masks are {describe_age(age_ms)} old when published")
    if age_ms is not None and age_ms < FUTURE_MS:
        return State("future", WARN, f"stamps lie {-age_ms / 1e3:.1f} s in the future: "
                                     "the camera's clock and this machine's differ")
    return None


def describe_age(age_ms: float) -> str:
    """An age for people, with the likely reason if it is absurd."""
    if age_ms < DAY_MS:
        return f"{age_ms / 1e3:.2f} s"
    return (f"{age_ms / DAY_MS:.0f} days (is a bag being played? Then use `ros2 bag play --clock` "
            "and start the node with use_sim_time:=true)")
