"""What must hold of a run of soak.py. Plain Python on its figures."""

from dataclasses import dataclass

FAIR_SHARE = 0.8
FLAT = {"threads": 0.0, "fds": 0.0, "shm_files": 0.0, "shm_mb": 1.0}
"""What a run may hold more of in its last quarter than in the first after the warm-up."""
JUDGED_S = 60.0
"""Memory of a shorter run, without its warm-up, is still that of a start."""


@dataclass(frozen=True)
class Check:
    """A promise, whether it was kept, and the figures."""

    name: str
    passed: bool
    text: str


def checks(run: dict) -> list[Check]:
    """Those of every run. run: soak_figures.figures()."""
    memories = [memory(run)] if run["seconds"] - run["warm_up_s"] > JUDGED_S else []
    return [*memories, *(flat(run, key) for key in FLAT), fairness(run), accounts(run)]


def memory(run: dict) -> Check:
    """RSS does not grow beyond noise: the interval of its slope is not all above zero."""
    slope = run["rss_mb_per_hour"]
    return Check("memory is flat", slope["low"] <= 0, f"RSS {run['rss_mb']:.0f} MB, slope {slope['slope']:+.2f} MB/h, "
                 f"95 % interval {slope['low']:+.2f} to {slope['high']:+.2f}")


def flat(run: dict, key: str) -> Check:
    """A count of what the node holds, or its MB of shared memory."""
    first, last = run["held"][key]["first"], run["held"][key]["last"]
    return Check(f"{key} are flat", last <= first + FLAT[key], f"{first:g} in the first quarter, {last:g} in the last")


def fairness(run: dict) -> Check:
    """No camera starves."""
    return Check("every camera has its share", run["least_share"] >= FAIR_SHARE,
                 f"the worst has {run['least_share']:.1%} of the mean, in its worst 10 s "
                 f"{run['least_share_in_10_s']:.1%}; {FAIR_SHARE:.0%} asked")


def accounts(run: dict) -> Check:
    """Every frame that the node has received is processed or dropped for a cause, and every id map is of one frame."""
    frames = run["frames"]
    causes = ", ".join(f"{count} {cause}" for cause, count in frames["dropped"].items()) or "none"
    return Check("every frame is accounted for", not frames["unaccounted"] and not frames["strange"],
                 f"{frames['received']} received = {frames['processed']} processed + dropped ({causes}) + "
                 f"{frames['unaccounted']} unaccounted; {frames['strange']} strange id maps")


def age(run: dict) -> Check:
    """Where the node keeps up, no frame waits for more than the one before it."""
    limit_ms = run["period_ms"] + run["compute_ms"]
    return Check("masks are young", run["age_ms"]["p99"] <= limit_ms,
                 f"age p99 {run['age_ms']['p99']:.1f} ms; one period + compute is {run['period_ms']:.1f} + "
                 f"{run['compute_ms']:.1f} ms")


def goes_on(run: dict, undisturbed: dict) -> Check:
    """Other subscribers get what they get without the stalled one."""
    return Check("the others go on", run["masks_per_s"] >= 0.98 * undisturbed["masks_per_s"],
                 f"{run['masks_per_s']:.1f} id maps a second, {undisturbed['masks_per_s']:.1f} without the stalled one")
