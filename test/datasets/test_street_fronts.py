"""House fronts of generated streets have the contrast of real ones."""

import numpy as np

from instance_seg_node.datasets.street.buildings import front
from instance_seg_node.datasets.street.shop_fronts import PX_PER_M, ground_floor

STOREY = int(3.2 * PX_PER_M)


def test_most_fronts_have_dark_glass_and_bright_frames_or_panes():
    spread = [np.ptp(np.percentile(front(number).mean(axis=2), (5, 95))) for number in range(60)]
    assert np.median(spread) > 110


def test_ground_floors_hold_near_black_beside_near_white():
    floors = []
    for seed in range(40):
        image = np.full((STOREY * 2, 16 * PX_PER_M, 3), 150, np.uint8)
        ground_floor(np.random.default_rng(seed), image, STOREY * 2, STOREY)
        floors.append(image[STOREY:].mean(axis=2))
    assert np.mean([(floor < 40).mean() > 0.05 and (floor > 190).mean() > 0.01 for floor in floors]) > 0.7


def test_a_ground_floor_leaves_the_upper_floors_alone():
    image = np.full((STOREY * 2, 16 * PX_PER_M, 3), 150, np.uint8)
    ground_floor(np.random.default_rng(0), image, STOREY * 2, STOREY)
    assert (image[:STOREY] == 150).all() and (image[STOREY:] != 150).any()
