"""Plans of model folders, each built once and kept: what `instance-seg build` and the node ask for."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files import cached_files
from ..files.cached_files import Key, Unfit
from ..model_spec import ModelSpec
from . import PRECISIONS
from .network_file import read_network
from .runtimes import RUNTIMES, Runtime, find_runtime

MAX_CAMERAS = 64  # what an exported graph takes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What a runtime loads: `content`, with the key that it was built for. `built` is False if it was there before."""

    content: bytes
    key: Key
    path: Path
    built: bool


def find_or_build(folder: Path, *, precision: str, gpu: str = "this", runtime: str = "", cameras: int = 1) -> Plan:
    """The plan of a model folder, from the cache or built now: seconds by TensorRT for RTX, minutes by TensorRT.

    gpu: "this" or a list such as "sm_86,sm_89"; runtime: one of RUNTIMES, or the one that is installed; cameras: the
    largest batch. Raises InputError if the model, a library or a GPU is missing or does not fit.
    """
    row, network = find_runtime(runtime), read_network(folder, ModelSpec.load(folder))
    key = plan_key(row, network, precision=precision, gpu=gpu, cameras=cameras)

    def build() -> bytes:
        row.load("onnx")
        from .build_trt import serialise
        from .precision import in_precision

        log.info("%s builds %s in %s for %s%s", row.title, folder, precision, " ".join(key["gpus"]),
                 "" if row.builds_elsewhere else ", which takes minutes")
        try:
            return serialise(row, in_precision(network, precision), gpus=key["gpus"], cameras=cameras)
        except InputError as error:
            raise InputError(f"{folder}/model.onnx, {precision}: {error}") from error

    content, path, built = cached_files.cached(_file_name(folder, precision), key, build)
    return Plan(content, key, path, built)


def is_kept(folder: Path, *, precision: str, gpu: str = "this", runtime: str = "", cameras: int = 1) -> bool:
    """Whether `find_or_build` would find this plan, and build none. Raises InputError as it does."""
    network = read_network(folder, ModelSpec.load(folder))
    key = plan_key(find_runtime(runtime), network, precision=precision, gpu=gpu, cameras=cameras)
    return cached_files.fits(cached_files.place(_file_name(folder, precision), key), key)


def plan_key(runtime: Runtime, network: bytes, *, precision: str, gpu: str, cameras: int) -> Key:
    """All that decides a plan. Raises InputError if a value is out of range, or the runtime or a GPU is missing."""
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")
    if not 1 <= cameras <= MAX_CAMERAS:
        raise InputError(f"cameras must be 1 to {MAX_CAMERAS}, got {cameras}")
    return {"runtime": runtime.name, "version": runtime.load().__version__, "gpus": list(runtime.gpus(gpu)),
            "precision": precision, "cameras": cameras, "model.onnx": _sha256(network),
            "builder": _sha256(*_sources())}


def read_plan(path: Path, key: Key) -> bytes:
    """A plan that was kept elsewhere than in the cache (--out). Raises InputError if it is not the plan of `key`."""
    try:
        return cached_files.read(path, key)
    except Unfit as problem:
        gpu = ",".join(key["gpus"]) if RUNTIMES[key["runtime"]].builds_elsewhere else "this"
        raise InputError(f"{problem}. Build it again, with {key['runtime']} {key['version']}: instance-seg build MODEL "
                         f"--precision {key['precision']} --runtime {key['runtime']} --gpu {gpu} "
                         f"--cameras {key['cameras']} --out {path} --overwrite") from problem


def _file_name(folder: Path, precision: str) -> str:
    return f"{Path(folder).name}-{precision}.plan"


def _sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def _sources() -> list[bytes]:
    """The code that makes a plan of an ONNX file: a change there must reach those who have a plan."""
    return [Path(__file__).with_name(name).read_bytes() for name in ("build_trt.py", "precision.py", "half.py")]
