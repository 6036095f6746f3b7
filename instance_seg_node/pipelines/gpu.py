"""The Pipeline of a GPU: two batches under way, and whatever fails there is a fault after which it is made anew."""

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..encodings import rgb_of_compressed
from ..engines.network_file import read_network
from ..engines.plans import plan_key
from ..engines.runtimes import find_runtime
from ..errors import FrameError, InputError
from ..gpu.camera_path import CameraPath
from ..gpu.frame_path import FramePath
from ..model_spec import ModelSpec
from .pipeline import EngineFault, Result
from .session import LANES, Session, open_session

ASK, WAIT = "ask the GPU", "wait for the GPU"

Results = dict[Hashable, Result | FrameError]


class GpuPipeline:
    """Frame paths of a Session, taking turns."""

    depth = LANES

    def __init__(self, spec: ModelSpec, opened: Callable[..., Session], transport: str = "raw"):
        """opened: `opened(cancelled=...)` gives a Session. transport: of the messages, see cpu.READERS."""
        self.spec, self.thresholds, self.description = spec, spec.thresholds, "a GPU, not yet opened"
        self.stage, self.stage_ms = "", {}
        self._opened, self._as_image = opened, decoded if transport == "compressed" else lambda message: message
        self._session: Session | None = None
        self._lost = False
        self._under_way: deque[tuple[FramePath, Results, dict[str, float]]] = deque()

    def open(self, cancelled: Callable[[], bool]) -> None:
        try:
            self._session = self._opened(cancelled=cancelled)
        except InputError:
            raise
        except Exception as error:
            raise EngineFault(said(error)) from error
        self.description, self._lost = self._session.description, False

    def close(self) -> None:
        session, self._session = self._session, None
        self._under_way.clear()
        if session is not None:
            with self._faults():
                session.close(self._lost)

    def start(self, messages: Mapping[Hashable, Any]) -> None:
        with self._faults(), self._at(ASK) as took:
            images, refused = self._images(messages)
            path = self._session.paths[0]
            self._session.paths.append(self._session.paths.pop(0))
            self._under_way.append((path, refused | path(images, self.thresholds), took))

    def finish(self) -> Results:
        with self._faults():
            path, results, took = self._under_way.popleft()
            with self._at(WAIT) as waited:
                path.wait()
            self.stage_ms = took | waited
            return {camera: (result.error() or result) if isinstance(result, CameraPath) else result
                    for camera, result in results.items()}

    def _images(self, messages: Mapping[Hashable, Any]) -> tuple[dict[Hashable, Any], Results]:
        """Messages as images, and those that cannot be."""
        images, refused = {}, {}
        for camera, message in messages.items():
            try:
                images[camera] = self._as_image(message)
            except FrameError as error:
                refused[camera] = error
        return images, refused

    @contextmanager
    def _at(self, stage: str) -> Iterator[dict[str, float]]:
        """Gives what will hold the milliseconds of the stage."""
        self.stage, before, took = stage, time.perf_counter(), {}
        try:
            yield took
        finally:
            self.stage = ""
            took[stage] = 1e3 * (time.perf_counter() - before)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Whatever goes wrong between us and the GPU leaves it in a state that nobody knows."""
        try:
            yield
        except Exception as error:
            self._lost = True
            raise EngineFault(said(error)) from error


def decoded(message: Any) -> SimpleNamespace:
    """A sensor_msgs/CompressedImage as the sensor_msgs/Image that it stands for. Raises FrameError."""
    rgb = rgb_of_compressed(message)
    return SimpleNamespace(encoding="rgb8", height=rgb.shape[0], width=rgb.shape[1], step=3 * rgb.shape[1],
                           is_bigendian=0, data=rgb.reshape(-1))


def said(error: Exception) -> str:
    """An error of CUDA's, with what may help."""
    text = f"{type(error).__name__}: {error}"
    if "out of memory" in text.lower() or isinstance(error, MemoryError):
        text += ". Let other programs leave the GPU, or choose a smaller model or fewer cameras"
    return text


def gpu_pipeline(folder: Path, *, precision: str, transport: str, cameras: int) -> GpuPipeline:
    """Of a model folder on the GPU of this machine, yet to be opened. Raises InputError if it never could be."""
    spec, runtime = ModelSpec.load(folder), find_runtime()
    plan_key(runtime, read_network(folder, spec), precision=precision, gpu="this", cameras=cameras)
    return GpuPipeline(spec, partial(open_session, folder, spec, runtime, precision=precision, cameras=cameras),
                       transport)
