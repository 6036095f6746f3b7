"""A model on a dataset, measured in every way we have, as the node would run it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.dataset import Dataset
from ..datasets.id_pictures import IdPictures
from ..datasets.labelled_image import LabelledImage
from ..engines import Engine
from ..frame import Frame
from ..instances import Instances
from ..methods import Clusters
from ..resolution import enlarge
from ..segmenter import Segmenter
from .cityscapes import CityscapesPrecision
from .classes import SharedClasses, shared_classes
from .coco import CocoPrecision
from .confusion import Confusion, PixelRecall
from .matching import match, quality
from .sampling import sample_truth
from .seeds import SeedQuality


@dataclass(frozen=True, eq=False)
class Judged:
    """One image: its place in the dataset, its quality (see `matching.quality`), and what was found in it."""

    place: int
    title: str
    quality: float
    found: Instances


@dataclass(frozen=True, eq=False)
class Evaluation:
    """report: figures, ready for JSON, see `evaluate`. worst: images of the lowest quality, the worst first."""

    report: dict
    worst: list[Judged]


def evaluate(segmenter: Segmenter, dataset: Dataset, images: Iterable[int], *, worst: int = 12) -> Evaluation:
    """Run a model on images of a dataset and compare. Classes are matched by name; the shared ones are judged.

    images: their places in the dataset. worst: how many of them to keep for looking at.
    The report's keys; figures are in [0, 1], and -1 where there is nothing to measure:
    'model', 'dataset', 'images'; 'classes': the shared names; 'lacking': the dataset's that the model has not;
    'unlabelled': the model's that the dataset has not;
    'average_precision': {'coco': see CocoPrecision.scores, and for datasets in the layout of Cityscapes 'cityscapes'};
    'ground_truth_sampling': the same of instances clustered by true centres and margins (see sampling.py);
    'pixel_recall': see PixelRecall; 'seeds': see SeedQuality; 'confusion': see Confusion;
    'worst': title and quality of each.
    Raises InputError if the two have no class in common or an image is broken.
    """
    truth_names, model_names = ([c.name for c in classes] for classes in (dataset.classes, segmenter.spec.classes))
    classes = shared_classes(truth_names, model_names)
    heads = KeptHeads(segmenter.engine)
    watched = Segmenter(heads, segmenter.spec)
    watched.thresholds = segmenter.thresholds
    tally = _Tally(classes, truth_names, model_names, instance_files(dataset), segmenter.thresholds.seed)
    judged: list[Judged] = []
    for place in images:
        truth = dataset[place]
        [found] = watched([Frame(truth.rgb)])
        one = Judged(place, dataset.title(place), tally.add(place, truth, found, heads.of_last_image()), found)
        judged = sorted([*judged, one], key=lambda j: (j.quality, j.place))[:worst]
    about = {"model": segmenter.spec.name, "dataset": dataset.name, "images": tally.images,
             "classes": list(classes.names), "lacking": list(classes.lacking), "unlabelled": list(classes.unlabelled)}
    return Evaluation(about | tally.report()
                      | {"worst": [{"title": j.title, "quality": j.quality} for j in judged]}, judged)


class KeptHeads:
    """An engine that keeps what the network last said."""

    def __init__(self, engine: Engine):
        self._engine, self._last = engine, {}
        self.description = engine.description

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        self._last = self._engine(images)
        return self._last

    def of_last_image(self) -> dict[str, np.ndarray]:
        """Heads of the first image of the last call, (channels, h, w)."""
        return {name: head[0] for name, head in self._last.items()}


def instance_files(dataset: Dataset) -> list[Path] | None:
    """The *_instanceIds.png of each image of a dataset in the layout of Cityscapes, None for any other."""
    if isinstance(dataset, IdPictures) and dataset.labels is not None:
        return [truth for _, truth in dataset.files]
    return None


class _Precision:
    """Average precision by each tool that fits the dataset."""

    def __init__(self, class_names: tuple[str, ...], files: list[Path] | None):
        self._files = files
        self._coco = CocoPrecision(class_names)
        self._cityscapes = CityscapesPrecision(class_names) if files else None

    def add(self, place: int, found: Instances | Clusters, truth: LabelledImage) -> None:
        self._coco.add(found, truth)
        if self._cityscapes:
            self._cityscapes.add(found, self._files[place])

    def scores(self) -> dict:
        scores = {"coco": self._coco.scores()}
        return scores | {"cityscapes": self._cityscapes.scores()} if self._cityscapes else scores


class _Tally:
    """Everything that is counted over the images."""

    def __init__(self, classes: SharedClasses, truth_names: list[str], model_names: list[str],
                 files: list[Path] | None, seed_threshold: float):
        self.images, self._classes = 0, classes
        self._found, self._sampled = (_Precision(classes.names, files) for _ in range(2))
        self._recall = PixelRecall(classes.names)
        self._seeds = SeedQuality(classes.names, classes.of_model, seed_threshold)
        self._confusion = Confusion(truth_names, model_names)

    def add(self, place: int, truth: LabelledImage, found: Instances, heads: dict[str, np.ndarray]) -> float:
        """One image. Returns its quality."""
        self.images += 1
        self._confusion.add(truth, found, match(truth, found))
        self._seeds.add(heads["seed"], truth.instance_map, self._classes.of_truth[truth.class_ids], truth.ignore)
        truth, found = self._classes.truth(truth), self._classes.found(found)
        self._found.add(place, found, truth)
        sampled = sample_truth(heads["embedding"], heads["bandwidth"], truth)
        self._sampled.add(place, enlarge(sampled, *truth.instance_map.shape), truth)
        matching = match(truth, found)
        right = truth.class_ids[matching.true] == found.class_ids[matching.found]
        self._recall.add(truth, matching, right)
        return quality(matching, right)

    def report(self) -> dict:
        return {"average_precision": self._found.scores(), "ground_truth_sampling": self._sampled.scores(),
                "pixel_recall": self._recall.report(), "seeds": self._seeds.report(),
                "confusion": self._confusion.report()}
