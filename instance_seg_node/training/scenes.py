"""Generated streets, rendered once and kept on disk for the whole run."""

import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..datasets import street, streets
from ..datasets.labelled_image import LabelledImage
from ..files.atomic_files import atomic_file

SPLIT_STRIDE = 1_000_000
"""Seeds of the splits are this far apart, so that no scene is in two of them."""


def split_seeds(split: str, count: int, seed: int) -> range:
    """The seeds of the scenes of a split: training, validation or test."""
    first = (seed * 3 + ("training", "validation", "test").index(split)) * SPLIT_STRIDE
    return range(first, first + count)


def split_files(folder: Path, split: str, count: int, seed: int, height: int, width: int) -> list[Path]:
    """The files of the first `count` scenes of a split, see `rendered`."""
    return rendered(folder, split_seeds(split, count, seed), height, width)


def rendered(folder: Path, seeds: range, height: int, width: int) -> list[Path]:
    """The files of scenes, rendering those that are not there yet on all cores. Each is read by `load`.

    They lie in a folder of `folder` that is named after the generator's source, so that a change of it renders anew.
    """
    folder = folder / _generator()
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{height}x{width}_{seed}.npz" for seed in seeds]
    missing = [(path, seed, height, width) for path, seed in zip(paths, seeds, strict=True) if not path.exists()]
    if missing:
        # Not forked from here: a child would wait for threads of this process, such as ONNX Runtime's, which it lacks.
        fresh = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), fresh) as pool:
            list(tqdm(pool.map(_render, missing, chunksize=4), total=len(missing), desc="rendering streets"))
    return paths


def _generator() -> str:
    """Twelve digits that stand for the source of the street generator, and of which camera and moment is taken."""
    files = [*sorted(Path(street.__file__).parent.glob("*.py")), Path(streets.__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _render(job: tuple[Path, int, int, int]) -> None:
    path, seed, height, width = job
    image = streets.scene(seed, height, width)
    with atomic_file(path) as file:
        np.savez(file, **{name: array for name, array in vars(image).items() if array is not None})


def load(path: Path) -> LabelledImage:
    """A scene that `rendered` has written."""
    with np.load(path, allow_pickle=False) as arrays:
        return LabelledImage(**arrays)
