"""What the demo found, as a table and as files."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from ..files.atomic_files import write_atomically
from .demo_recorder import CameraRecording, Recorder

P50, P95 = " p50 (ms)", " p95 (ms)"
DROPPED = "dropped: "


class DemoFailed(Exception):
    """The demo has not shown what it should. The text says why, and where to look."""


def report(recorder: Recorder, sent: Mapping[str, int], out: Path) -> None:
    """Write summary.json, <camera>-<n>.png and <camera>.mp4 into `out` and print the table.

    sent: frames by camera. Raises DemoFailed if a camera's masks are empty, contradict its detections or lack class
    names.
    """
    node = recorder.diagnostics["segmentation"]
    for name, camera in recorder.cameras.items():
        if not camera.class_names:
            raise DemoFailed(f"no label_info of {name} arrived, so its classes have no names")
    cameras = {name: camera_summary(sent[name], camera, recorder.diagnostics[name])
               for name, camera in recorder.cameras.items()}
    summary = {"model": node["model"], "engine": node["engine"], "cameras": cameras, "stages_ms": stages(node)}
    write_atomically(out / "summary.json", (json.dumps(summary, indent=2) + "\n").encode())
    files = [out / "summary.json"]
    for name, camera in recorder.cameras.items():
        files += _write_pictures(out, name, camera)
    print(table(summary))
    print("written:", *files)
    for name, camera in cameras.items():
        if not camera["instances_per_frame"]:
            raise DemoFailed(f"{camera['masks']} masks of {name} arrived, and there is no instance in any")
        if camera["ids_without_detection"]:
            raise DemoFailed(f"in {camera['ids_without_detection']} frames of {name} ids and detections differ")


def camera_summary(sent: int, camera: CameraRecording, diagnostics: Mapping[str, str]) -> dict:
    """Counts, rate and ages of one camera, for JSON. Of the node's own counts: received and dropped.

    missed: masks that the node has made and the recorder has not got.
    """
    frames = list(camera.frames.values())
    ages_ms = [frame.age_ms for frame in frames]
    span_s = frames[-1].arrived_s - frames[0].arrived_s
    found = Counter(camera.class_names[int(class_id)] for classes in camera.detections.values() for class_id in classes)
    return {
        "width": camera.size[0], "height": camera.size[1],
        "sent": sent,
        "received": int(diagnostics["received"]),
        "masks": len(frames),
        "missed": int(diagnostics["processed"]) - len(frames),
        "dropped": {key.removeprefix(DROPPED): int(count) for key, count in diagnostics.items()
                    if key.startswith(DROPPED)},
        "masks_per_s": round((len(frames) - 1) / span_s, 2) if span_s else 0.0,
        "age_ms": {f"p{share}": round(float(np.percentile(ages_ms, share)), 1) for share in (50, 99)},
        "instances_per_frame": round(sum(frame.ids for frame in frames) / len(frames), 2),
        "instances_by_class": dict(found.most_common()),
        "ids_without_detection": camera.mismatches(),
    }


def stages(diagnostics: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Stage -> p50 and p95 in ms, as the node reports them."""
    names = [key.removesuffix(P50) for key in diagnostics if key.endswith(P50)]
    return {name: {"p50": float(diagnostics[name + P50]), "p95": float(diagnostics[name + P95])} for name in names}


def table(summary: Mapping) -> str:
    """The summary for a terminal. Age: when the recorder had the mask, minus the frame's stamp."""
    lines = [f"model {summary['model']} on {summary['engine']}", "",
             f"{'camera':<10}{'size':>11}{'sent':>7}{'received':>10}{'masks':>7}{'masks/s':>9}{'age p50':>10}"
             f"{'age p99':>10}{'instances':>11}  dropped"]
    for name, camera in summary["cameras"].items():
        size = f"{camera['width']}x{camera['height']}"
        lost = camera["dropped"] | ({"missed by the recorder": camera["missed"]} if camera["missed"] else {})
        dropped = ", ".join(f"{count} {cause}" for cause, count in lost.items()) or "none"
        age_ms = camera["age_ms"]
        lines.append(f"{name:<10}{size:>11}{camera['sent']:>7}{camera['received']:>10}{camera['masks']:>7}"
                     f"{camera['masks_per_s']:>9.1f}{age_ms['p50']:>7.0f} ms{age_ms['p99']:>7.0f} ms"
                     f"{camera['instances_per_frame']:>11.1f}  {dropped}")
    lines += ["", f"{'stage':<20}{'p50 ms':>9}{'p95 ms':>9}"]
    lines += [f"{name:<20}{ms['p50']:>9.1f}{ms['p95']:>9.1f}" for name, ms in summary["stages_ms"].items()]
    return "\n".join(lines)


def _write_pictures(out: Path, name: str, camera: CameraRecording) -> list[Path]:
    """Overlays at full size, and a video of all of them, at the rate at which they came."""
    files = []
    for number, rgb in enumerate(camera.pictures, start=1):
        files.append(out / f"{name}-{number}.png")
        write_atomically(files[-1], cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes())
    if len(camera.video) > 1:
        files.append(out / f"{name}.mp4")
        with TemporaryDirectory() as folder:  # OpenCV writes to a name alone
            _write_video(Path(folder, "video.mp4"), camera.video)
            write_atomically(files[-1], Path(folder, "video.mp4").read_bytes())
    return files


def _write_video(file: Path, jpegs: Mapping[int, np.ndarray]) -> None:
    stamps = sorted(jpegs)
    rate_hz = (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9
    height, width = cv2.imdecode(jpegs[stamps[0]], cv2.IMREAD_COLOR).shape[:2]
    video = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"mp4v"), rate_hz, (width, height))
    if not video.isOpened():
        raise DemoFailed(f"OpenCV cannot write {file} as MPEG-4")
    for stamp in stamps:
        video.write(cv2.imdecode(jpegs[stamp], cv2.IMREAD_COLOR))
    video.release()
    if cv2.VideoCapture(str(file)).get(cv2.CAP_PROP_FRAME_COUNT) != len(stamps):  # OpenCV says nothing of a full disk
        raise DemoFailed(f"OpenCV has not written all {len(stamps)} frames of {file}. Free some space there, or name "
                         "another folder: export TMPDIR=/path")
