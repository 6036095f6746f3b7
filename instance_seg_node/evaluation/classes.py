"""The classes of a model beside those of a dataset, matched by name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..datasets.labelled_image import LabelledImage
from ..errors import InputError
from ..methods import Clusters


@dataclass(frozen=True, eq=False)
class SharedClasses:
    """names: those that both have, in the dataset's order. A shared class's id is its place there.

    of_truth: int64, the shared id of each class of the dataset, -1 for none. of_model: the same for the model's.
    lacking: names that only the dataset has. unlabelled: names that only the model has.
    """

    names: tuple[str, ...]
    of_truth: np.ndarray
    of_model: np.ndarray
    lacking: tuple[str, ...]
    unlabelled: tuple[str, ...]

    def truth(self, image: LabelledImage) -> LabelledImage:
        """The true instances of shared classes alone, with shared class ids."""
        id_map, kept = _kept(image.instance_map, self.of_truth[image.class_ids])
        return replace(image, instance_map=id_map, class_ids=self.of_truth[image.class_ids[kept]],
                       track_ids=None if image.track_ids is None else image.track_ids[kept])

    def found(self, instances) -> Clusters:
        """The found instances of shared classes alone, with shared class ids. instances: Instances or Clusters."""
        id_map, kept = _kept(instances.id_map, self.of_model[instances.class_ids])
        return Clusters(id_map, self.of_model[instances.class_ids[kept]], instances.scores[kept])


def shared_classes(truth: Sequence[str], model: Sequence[str]) -> SharedClasses:
    """Raises InputError if there is none."""
    names = tuple(name for name in truth if name in model)
    if not names:
        raise InputError(f"the model finds {', '.join(model)}, the dataset has {', '.join(truth)}: no class in common, "
                         "by name. Take a model for these classes (instance-seg models) or rename the dataset's")

    def ids(of: Sequence[str]) -> np.ndarray:
        return np.array([names.index(name) if name in names else -1 for name in of], np.int64)

    return SharedClasses(names, ids(truth), ids(model), tuple(n for n in truth if n not in names),
                         tuple(n for n in model if n not in names))


def _kept(id_map: np.ndarray, class_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The id map of the instances whose class is not -1, and which they are, bool (K,)."""
    kept = class_ids >= 0
    new_id = np.zeros(len(kept) + 1, np.uint16)
    new_id[1:][kept] = np.arange(1, kept.sum() + 1)
    return new_id[id_map], kept
