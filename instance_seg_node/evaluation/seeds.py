"""How good the seed maps are: does every true instance have a pixel to start from, and the background none?"""

from collections.abc import Sequence

import numpy as np

from .sampling import shrunk


class SeedQuality:
    """Seeds against the truth, over images that are added one after another, at the resolution of the heads.

    threshold: an instance starts from no pixel with a lower seed (`Thresholds.seed`).
    of_model: int64 (C,), the shared class of each seed map, -1 for none.
    """

    def __init__(self, class_names: Sequence[str], of_model: np.ndarray, threshold: float):
        self._names, self._of_model, self._threshold = tuple(class_names), of_model, np.float32(threshold)
        self._map_of = {shared: i for i, shared in enumerate(of_model.tolist()) if shared >= 0}
        self._classes, self._highest, self._starts = [], [], []
        self._background = self._above = self._above_on_background = 0

    def add(self, seed: np.ndarray, instance_map: np.ndarray, class_ids: np.ndarray,
            ignore: np.ndarray | None) -> None:
        """One image. seed: float32 (C, h, w). instance_map: uint16 (H, W). class_ids: int64 (K,), shared, -1 for none.
        ignore: bool (H, W) or None."""
        seed = np.nan_to_num(seed, nan=0, posinf=0, neginf=0)  # such a pixel is background to the clustering
        h, w = seed.shape[1:]
        true_map = shrunk(instance_map, h, w)
        best, best_class = seed.max(axis=0), self._of_model[seed.argmax(axis=0)]
        for k, class_id in enumerate(class_ids.tolist(), start=1):
            if class_id < 0:
                continue
            mask = true_map == k
            own = seed[self._map_of[class_id]][mask]
            self._classes.append(class_id)
            self._highest.append(float(own.max(initial=0)))
            self._starts.append(bool((own[best_class[mask] == class_id] >= self._threshold).any()))
        above = (best >= self._threshold) & (best_class >= 0)
        background = true_map == 0
        if ignore is not None:
            outside = ~shrunk(ignore, h, w)
            above, background = above & outside, background & outside
        self._background += int(background.sum())
        self._above += int(above.sum())
        self._above_on_background += int((above & background).sum())

    def report(self) -> dict:
        """Shares in [0, 1], -1 of nothing.

        Over the true instances, and in 'classes' over those of each class:
        'highest': mean of the highest seed of its class inside it, 0 for one without a pixel at this resolution;
        'above': share in which that reaches 'threshold'; 'starts': share with such a pixel where no other class's seed
        is higher, so that the clustering starts an instance of this class there.
        Over pixels whose highest seed is of a shared class: 'background_above': share of the background where it
        reaches the threshold; 'above_on_background': share of where it does that is background.
        """
        classes, highest = np.array(self._classes, np.int64), np.array(self._highest)
        starts = np.array(self._starts, bool)

        def over(chosen: np.ndarray) -> dict[str, float]:
            return {"highest": _share(highest[chosen].sum(), chosen.sum()),
                    "above": _share((highest[chosen] >= self._threshold).sum(), chosen.sum()),
                    "starts": _share(starts[chosen].sum(), chosen.sum())}

        return {"threshold": float(self._threshold), **over(np.ones(len(classes), bool)),
                "background_above": _share(self._above_on_background, self._background),
                "above_on_background": _share(self._above_on_background, self._above),
                "classes": {name: over(classes == i) for i, name in enumerate(self._names)}}


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else -1.0
