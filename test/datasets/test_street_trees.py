"""Bare trees of generated streets show the sky between their branches."""

import numpy as np
import pytest

from instance_seg_node.datasets.street.texture import foliage


@pytest.mark.parametrize("kind", range(14, 18))
def test_a_bare_crown_is_mostly_sky_yet_wide_and_tall(kind):
    covered = foliage(kind)[1] > 120
    assert 0.08 < covered.mean() < 0.35
    assert covered.any(axis=1).mean() > 0.6 and covered.any(axis=0).mean() > 0.6


def test_leafy_crowns_cover_more_than_bare_ones():
    share = [np.mean(foliage(kind)[1] > 120) for kind in range(18)]
    assert np.mean(share[:6]) > np.mean(share[14:])
