"""Average precision by cityscapesscripts, the official script of Cityscapes, for labels in its own files."""

import contextlib
import copy
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..instances import Instances
from ..methods import Clusters


class CityscapesPrecision:
    """Average precision over images that are added one after another, written as the files that the script reads.

    Groups, void and objects of less than 100 pixels are what they are to the script: neither right nor wrong.
    Raises ValueError if a class is none of Cityscapes, and ModuleNotFoundError if cityscapesscripts is not installed.
    """

    def __init__(self, class_names: Sequence[str]):
        from cityscapesscripts.evaluation import evalInstanceLevelSemanticLabeling as script
        from cityscapesscripts.helpers.labels import name2label

        self._script, self._names = script, tuple(class_names)
        self._settings = copy.copy(script.args)
        self._settings.quiet = True
        script.setInstanceLabels(self._settings)
        foreign = sorted(set(self._names) - set(self._settings.instLabels))
        if foreign:
            raise ValueError(f"cityscapesscripts does not know {', '.join(foreign)}, only "
                             f"{', '.join(self._settings.instLabels)}")
        self._settings.instLabels = [name for name in self._settings.instLabels if name in self._names]
        self._label_ids = [name2label[name].id for name in self._names]
        self._matches = {}

    def add(self, found: Instances | Clusters, instance_file: Path) -> None:
        """One image. Class ids are places in class_names. instance_file: its *_gtFine_instanceIds.png, of its size."""
        with tempfile.TemporaryDirectory() as folder, _numpy_of_the_script():
            self._settings.predictionPath = str(Path(folder).resolve())
            found_file = write_found(Path(folder).resolve(), found, self._label_ids)
            instances = self._script.instances2dict([str(instance_file)], False)
            matches = self._script.matchGtWithPreds([str(found_file)], [str(instance_file)], instances, self._settings)
        self._matches |= matches

    def scores(self) -> dict:
        """'AP', 'AP50'; 'classes': for each name its 'AP' and 'AP50'. In [0, 1], -1 where there is no truth."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean over no class at all
            precision = self._script.evaluateMatches(self._matches, self._settings)
            averages = self._script.computeAverages(precision, self._settings)
        by_class = {name: {"AP": _known(averages["classes"][name]["ap"]),
                           "AP50": _known(averages["classes"][name]["ap50%"])} for name in self._names}
        return {"AP": _known(averages["allAp"]), "AP50": _known(averages["allAp50%"]), "classes": by_class}


def write_found(folder: Path, found: Instances | Clusters, label_ids: Sequence[int]) -> Path:
    """The files of one image's results: found.txt, a line for each instance, and their masks. Returns found.txt.

    A score is written so that it is read back exactly: rounded ones are ties, and their order then matters.
    """
    lines = []
    for k, (class_id, score) in enumerate(zip(found.class_ids.tolist(), found.scores.tolist(), strict=True), start=1):
        _write(folder / f"{k}.png", (found.id_map == k).astype(np.uint8))
        lines.append(f"{k}.png {label_ids[class_id]} {score!r}\n")
    path = folder / "found.txt"
    path.write_text("".join(lines))
    return path


def _write(path: Path, array: np.ndarray) -> None:
    path.write_bytes(cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())


def _known(score: float) -> float:
    """The script says NaN where there is no truth."""
    return -1.0 if np.isnan(score) else float(score)


@contextlib.contextmanager
def _numpy_of_the_script():
    """cityscapesscripts 2.3 calls numpy.in1d, which NumPy 2.4 has no more."""
    missing = "in1d" not in vars(np)
    if missing:
        np.in1d = lambda array, values: np.isin(np.ravel(array), values)  # noqa: NPY201
    try:
        yield
    finally:
        if missing:
            del np.in1d  # noqa: NPY201
