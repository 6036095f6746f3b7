"""Generated streets as Cityscapes files."""

import cv2
import numpy as np
import pytest

from instance_seg_node.datasets.street import Street, write_cityscapes
from instance_seg_node.datasets.street.classes import CITYSCAPES_ID
from instance_seg_node.errors import InputError


def test_files_hold_the_pixels_the_ids_and_the_labels(tmp_path):
    write_cityscapes(tmp_path, "val", count=2, seed=5, height=96, width=192)
    image = Street(6, 96, 192).render(0.0)
    truth = tmp_path / "gtFine/val/street/street_000001_000000_gtFine"
    rgb = cv2.imread(str(tmp_path / "leftImg8bit/val/street/street_000001_000000_leftImg8bit.png"))[..., ::-1]
    codes = cv2.imread(f"{truth}_instanceIds.png", cv2.IMREAD_UNCHANGED)
    labels = cv2.imread(f"{truth}_labelIds.png", cv2.IMREAD_UNCHANGED)
    assert np.array_equal(rgb, image.rgb)
    assert codes.dtype == np.uint16 and labels.dtype == np.uint8
    for k, class_id in enumerate(image.class_ids, start=1):
        code = np.unique(codes[image.instance_map == k])
        assert len(code) == 1 and code[0] // 1000 == CITYSCAPES_ID[class_id]
        assert (codes == code[0]).sum() == (image.instance_map == k).sum()
    assert np.array_equal(np.where(codes >= 1000, codes // 1000, codes), labels)
    assert (labels[image.ignore] == 0).all()


def test_a_folder_that_is_a_file_is_an_input_error(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="Name a folder you can write to"):
        write_cityscapes(tmp_path / "taken", "train", 1, 0, 64, 128)


def test_no_streets_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="count must be at least 1, got 0"):
        write_cityscapes(tmp_path, "train", 0, 0)
