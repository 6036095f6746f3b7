"""`instance-seg bag`"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from ..errors import FrameError, InputError
from ..models import DEFAULT_MODEL, find_model
from .options import Device, Model, Overwrite, Precision, progress, warn


def bag(
    source: Annotated[Path, typer.Argument(metavar="IN", help="rosbag2 folder, .mcap, .db3, or rosbag1 .bag.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the new bag (rosbag2, mcap).")],
    topics: Annotated[list[str] | None, typer.Option(
        metavar="TOPIC", help="An image topic; may be repeated. Default: all but depth images and results.")] = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "fp32",
    overlay: Annotated[bool, typer.Option("--overlay", help="Write overlay/compressed too (jpeg).")] = False,
    with_input: Annotated[bool, typer.Option("--with-input", help="Copy the images themselves too.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a frame that cannot be used.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Instance masks of every image of a bag, in a new bag. Needs no ROS.

    Each image gives, under its own header and at its own time of recording, what the node publishes:
    CAMERA/instance_seg/instances, /classes, /detections, and now and then /label_info. The same bag, model and
    version give the same bytes. A frame that cannot be used is counted and reported.

    \b
    Example: instance-seg bag drive/ drive_instances/ --topics /camera/image_raw --overlay
    """
    from ..bag_results import check_new, result_bag
    from ..bags import choose_topics, open_bag
    from ..segmenter import open_segmenter

    check_new(out.expanduser(), overwrite=overwrite)
    _refuse_own_input(source, out)
    with open_bag(source) as recording:
        chosen = choose_topics(recording, topics or ())
        if left_out := [topic.name for topic in recording.topics if topic not in chosen and not topics]:
            warn(f"left out, as depth images or results; --topics takes them in: {', '.join(left_out)}")
        segmenter = open_segmenter(find_model(model), device=device, precision=precision)
        started = time.perf_counter()
        with result_bag(out, chosen, segmenter.spec, segmenter.thresholds.seed, overlay=overlay,
                        with_input=with_input, overwrite=overwrite) as results:
            counts = _segment(recording, chosen, segmenter, results, overlay=overlay, with_input=with_input,
                              strict=strict)
    for topic in chosen:
        print(f"{topic.name} -> {topic.camera}/instance_seg: {counts[topic.name]}")
    print(f"{sum(count.frames for count in counts.values())} frames, {time.perf_counter() - started:.1f} s: {out}")


@dataclass
class Count:
    """What became of a topic's frames."""

    frames: int = 0
    instances: int = 0
    bad: Counter = field(default_factory=Counter)
    first_bad: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        bad = "".join(f"; {number} not used: {self.first_bad[cause]}" for cause, number in self.bad.items())
        return f"{self.frames} frames, {self.instances} instances{bad}"


def _refuse_own_input(source: Path, out: Path) -> None:
    source, out = source.expanduser().resolve(), out.expanduser().resolve()
    if source == out or source.is_relative_to(out) or out.is_relative_to(source):
        raise InputError(f"IN {source} and OUT {out} lie in one another. Name an OUT beside IN")


def _segment(recording, topics, segmenter, results, *, overlay: bool, with_input: bool,
             strict: bool) -> dict[str, Count]:
    """Every frame once, in the order of the recording. Raises InputError if not one could be used."""
    counts = {topic.name: Count() for topic in topics}
    frames = progress(recording.recorded(topics), total=sum(topic.count for topic in topics), unit="frames")
    for recorded in frames:
        count = counts[recorded.topic.name]
        try:
            count.instances += _segment_one(recorded, segmenter, results, overlay=overlay, with_input=with_input)
            count.frames += 1
        except FrameError as error:
            _note_bad(count, recorded, error, strict)
    for topic in topics:
        _check_complete(topic, counts[topic.name], recording.path, strict)
    if not any(count.frames for count in counts.values()):
        raise InputError(f"{recording.path}: no frame could be used. "
                         + " ".join(f"{name}: {count}." for name, count in counts.items()))
    return counts


def _segment_one(recorded, segmenter, results, *, overlay: bool, with_input: bool) -> int:
    from .. import drawing
    from ..bag_messages import header_of
    from ..bags import TO_RGB
    from ..frame import Frame

    message = recorded.message()
    header = header_of(message)
    rgb = TO_RGB[recorded.topic.type](message)
    [instances] = segmenter([Frame(rgb, header.stamp.sec * 10**9 + header.stamp.nanosec, header.frame_id)])
    drawn = drawing.overlay(rgb, instances, segmenter.spec) if overlay else None
    if with_input:
        results.copy(recorded.topic, recorded.log_ns, header, message)
    results.write(recorded.topic.camera, recorded.log_ns, header, instances, overlay=drawn)
    return len(instances)


def _note_bad(count: Count, recorded, error: FrameError, strict: bool) -> None:
    number = count.frames + sum(count.bad.values())
    text = f"{error} (frame {number} of {recorded.topic.name}, recorded at {recorded.log_ns} ns)"
    if strict:
        raise InputError(f"{text}. To go on after such frames, leave out --strict") from error
    if error.cause not in count.bad:
        count.first_bad[error.cause] = text
        warn(f"not used: {text}")
    count.bad[error.cause] += 1


def _check_complete(topic, count: Count, path: Path, strict: bool) -> None:
    seen = count.frames + sum(count.bad.values())
    if seen >= topic.count:
        return
    text = f"{path}: its index lists {topic.count} messages on {topic.name}, but it holds {seen}"
    if strict or seen == 0:
        raise InputError(f"{text}. The recording may have been cut off: ros2 bag reindex {path}")
    warn(text)
