"""Masks of COCO annotations: as pycocotools has them, and refused where it would return whatever was in memory."""

import numpy as np
import pytest
from pycocotools import mask as rle

from instance_seg_node.datasets.run_lengths import area, pixels, run_lengths

SQUARE = [[1, 1, 4, 1, 4, 3, 1, 3]]
NAN = float("nan")


def blobs(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.random((6, 9)) < rng.random()
    return np.kron(coarse, np.ones((11, 7))).astype(bool)


def compressed(mask: np.ndarray) -> str:
    return rle.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


def counts(mask: np.ndarray) -> list[int]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return ([0] if flat[0] else []) + np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_compressed_and_plain_run_lengths_are_the_mask_they_were_made_of(seed):
    mask = blobs(seed)
    for written in (compressed(mask), counts(mask)):
        read = run_lengths({"size": list(mask.shape), "counts": written}, *mask.shape)
        assert np.array_equal(pixels(read), mask)
        assert area(read) == mask.sum()


def test_polygons_of_one_object_are_joined():
    read = pixels(run_lengths([*SQUARE, [6, 1, 8, 1, 8, 3, 6, 3]], 5, 10))
    assert np.array_equal(read[1], [0, 1, 1, 1, 0, 0, 1, 1, 0, 0])


def test_what_lies_outside_the_image_is_cut_off():
    assert pixels(run_lengths([[-2, -2, 3, -2, 3, 2, -2, 2]], 5, 10)).sum() == 6


def test_every_shortened_text_is_refused():
    mask = blobs(3)
    text = compressed(mask)
    assert len(text) > 10
    for end in range(len(text)):
        with pytest.raises(ValueError, match="run lengths"):
            run_lengths({"size": list(mask.shape), "counts": text[:end]}, *mask.shape)


@pytest.mark.parametrize(("segmentation", "line"), [
    (None, "neither polygons nor run lengths"),
    ([], "neither polygons nor run lengths"),
    ([[1, 1, 4, 3]], "at least three points"),  # pycocotools would take it for a box
    ([[1, 1, 4, 1, 4]], "at least three points"),
    ([1, 1, 4, 1, 4, 3], "at least three points"),
    ([[1, 1, 4, 1, NAN, 3]], "coordinate nan"),
    ([[1, 1, 4, 1, 1e9, 3]], "no place in the image"),
    ([[1, 1, 4, 1, "4", 3]], "coordinate '4'"),
    ({"size": [5, 11], "counts": [55]}, r"of an image of \[5, 11\], not of \[5, 10\]"),
    ({"size": [5, 10], "counts": [20, 20]}, "cover 40 of 50 pixels"),
    ({"size": [5, 10], "counts": [60, -10]}, "a list of numbers"),
    ({"size": [5, 10], "counts": "\x7f\x80"}, "no character"),
    ({"size": [5, 10]}, "a list of numbers or a text"),
])
def test_what_is_no_mask_is_refused(segmentation, line):
    with pytest.raises(ValueError, match=line):
        run_lengths(segmentation, 5, 10)
