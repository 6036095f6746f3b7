"""What a dataset holds, counted image by image."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from .dataset import Dataset
from .labelled_image import LabelledImage


@dataclass(eq=False)
class Census:
    """Counts of the images added so far.

    empty: images without an object. ignored: pixels to ignore. sizes: images by (height, width). areas: the pixels of
    each object, by class. class_images: int64 (C,), images with an object of the class. broken: errors of the others.
    """

    dataset: Dataset
    images: int = 0
    empty: int = 0
    ignored: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    areas: list[list[int]] = field(init=False)
    class_images: np.ndarray = field(init=False)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.areas = [[] for _ in self.dataset.classes]
        self.class_images = np.zeros(len(self.dataset.classes), np.int64)

    def add(self, image: LabelledImage) -> None:
        self.images += 1
        self.empty += not len(image)
        self.sizes[image.instance_map.shape] += 1
        self.ignored += 0 if image.ignore is None else int(image.ignore.sum())
        self.class_images[np.unique(image.class_ids)] += 1
        areas = np.bincount(image.instance_map.ravel(), minlength=len(image) + 1)[1:]
        for class_id, area in zip(image.class_ids.tolist(), areas.tolist(), strict=True):
            self.areas[class_id].append(area)

    def report(self) -> dict:
        """All of it, ready for JSON. pixels and ignored_pixels are sums over the images."""
        return {
            "dataset": self.dataset.name, "images": self.images, "without_objects": self.empty,
            "pixels": sum(h * w * n for (h, w), n in self.sizes.items()), "ignored_pixels": self.ignored,
            "instances": sum(len(areas) for areas in self.areas),
            "sizes": [{"height": h, "width": w, "images": n} for (h, w), n in self.sizes.most_common()],
            "classes": [{"name": c.name, "images": int(self.class_images[i]), "instances": len(self.areas[i]),
                         "pixels": sum(self.areas[i]), "median_area": float(np.median(self.areas[i] or [0]))}
                        for i, c in enumerate(self.dataset.classes)],
            "broken": self.broken,
        }
