"""Clustering with centres and margins taken from the truth: how good the embeddings are, whatever the seeds."""

import math

import numpy as np

from ..datasets.labelled_image import LabelledImage
from ..methods import Clusters
from ..resolution import nearest


def sample_truth(embedding: np.ndarray, bandwidth: np.ndarray, truth: LabelledImage) -> Clusters:
    """The instances that the true masks give (ground-truth sampling, METHODS 1.6), at the resolution of the heads.

    An instance's centre is the mean embedding over its true mask and its precision the exponential of the mean log
    precision over it; its pixels are all with a membership above 0.5. Later instances overwrite earlier ones; one that
    is left without pixels is dropped. Every score is 1, every class the true one.
    A pixel with a NaN or infinity, or a precision that is not positive, belongs to none, as in the clustering.

    embedding: float32 (2, h, w). bandwidth: float32 (D, h, w), the precision s.
    """
    h, w = embedding.shape[1:]
    true_map = shrunk(truth.instance_map, h, w)
    usable = np.isfinite(embedding).all(axis=0) & (np.isfinite(bandwidth) & (bandwidth > 0)).all(axis=0)
    points = embedding.astype(np.float64)
    logs = np.log(np.where(usable, bandwidth, 1), dtype=np.float64)
    id_map = np.zeros((h, w), np.uint16)
    for k in range(1, len(truth) + 1):
        mask = usable & (true_map == k)
        if not mask.any():
            continue
        centre, precision = points[:, mask].mean(axis=1), np.exp(logs[:, mask].mean(axis=1))
        distance = ((points - centre[:, None, None]) ** 2 * precision[:, None, None]).sum(axis=0)
        id_map[usable & (distance < math.log(2))] = k  # exp(-distance) > 0.5
    rows = np.unique(id_map[id_map > 0]) - 1
    new_id = np.zeros(len(truth) + 1, np.uint16)
    new_id[rows + 1] = np.arange(1, len(rows) + 1)
    return Clusters(new_id[id_map], truth.class_ids[rows], np.ones(len(rows), np.float32))


def shrunk(label_map: np.ndarray, h: int, w: int) -> np.ndarray:
    """A map of labels at another size, nearest neighbour. An instance may be left without pixels."""
    height, width = label_map.shape
    return label_map[nearest(height, h)[:, None], nearest(width, w)[None]]
