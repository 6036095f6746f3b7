"""The claims of METHODS 12.1 about the clustering: 3, 4, 7, 9, 10, 12 and 13. The others are in test_claims.py."""

import numpy as np
import pytest
import torch
from pytest import approx
from test_clustering import UNIT, background, clusterer, precision, put, sizes

from instance_seg_node.instances import UNLABELLED
from instance_seg_node.methods.spatial_embedding.loss import membership
from instance_seg_node.model_spec import Thresholds
from instance_seg_node.resolution import enlarge


def seed_at(heads, row, column, *, margin_px, p=0.95):
    """Let one pixel be a seed; margin_px as (x, y) or for both."""
    heads[1][:, row, column] = precision(np.array(margin_px))
    heads[2][0, row, column] = p


def foreground(**more):
    """Heads in which every pixel takes part and points to itself."""
    heads = background(**more)
    heads[2][:] = 0.6
    return heads


def distances(row, column, shape):
    """(down, right) of every pixel from one, in pixels."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    return rows - row, columns - column


def test_claim_3_the_bandwidth_is_the_threshold_that_gives_the_margin_around_the_centre():
    """margin = sqrt(ln 2 / s): for each instance its own, the same in training and in use."""
    heads = foreground(height=64, width=160)
    margins = {0.985: (20, 8.5), 0.975: (60, 13.5), 0.965: (120, 27.5)}  # p: column of the centre, margin in px
    for p, (column, margin) in margins.items():
        seed_at(heads, 32, column, margin_px=margin, p=p)
    clusters = clusterer(*heads, Thresholds())
    for k, (column, margin) in enumerate(margins.values(), 1):
        reached = np.flatnonzero(clusters.id_map[32] == k) - column
        assert (reached.min(), reached.max()) == (-int(margin), int(margin))
        away = torch.tensor([[margin / UNIT], [0.0]])
        r = torch.log(torch.tensor([[precision(margin)]])) / 10
        assert membership(away, torch.zeros(2, 1), r).item() == approx(0.5, abs=1e-5)


@pytest.mark.parametrize("margins", [pytest.param((17.3, 17.3), id="circle"), pytest.param((28.3, 9.7), id="ellipse"),
                                     pytest.param((7.3, 24.7), id="upright ellipse")])
def test_claim_4_the_region_of_an_instance_is_a_circle_or_an_ellipse_around_its_centre(margins):
    """Within the Euclidean distance that one sigma gives, or two."""
    circle = margins[0] == margins[1]
    heads = foreground(bandwidths=1 if circle else 2)
    seed_at(heads, 30, 40, margin_px=margins[0] if circle else margins)
    down, right = distances(30, 40, (64, 80))
    np.testing.assert_array_equal(clusterer(*heads, Thresholds()).id_map == 1,
                                  np.hypot(right / margins[0], down / margins[1]) < 1)


def test_claim_7_refining_takes_the_bandwidth_from_the_members_instead_of_from_one_seed():
    """The estimate is adjusted, as the instance is found, from the sigmas of its pixels."""
    heads = background()
    put(heads, slice(10, 30), slice(10, 20), to=(20, 20), p=0.6, margin_px=12.0)
    put(heads, slice(10, 30), slice(20, 30), to=(28, 20), p=0.6, margin_px=12.0)  # 8 px from the first half
    seed_at(heads, 15, 15, margin_px=5.0)
    assert sizes(clusterer(*heads, Thresholds()))[1:] == [200]
    assert sizes(clusterer(*heads, Thresholds(refine=True)))[1:] == [400]


def test_claim_9_pixels_belong_where_their_offset_takes_them_not_where_they_are():
    """A pixel is a member if its displaced position falls into the region of the instance."""
    heads = background()
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20))
    put(heads, slice(50, 60), slice(60, 70), to=(20, 20), p=0.6)  # far away
    put(heads, slice(15, 25), slice(30, 38), to=(70, 20), p=0.6)  # within 20 px of the centre
    ids = clusterer(*heads, Thresholds()).id_map
    assert (ids[10:30, 10:30] == 1).all() and (ids[50:60, 60:70] == 1).all()
    assert (ids[15:25, 30:38] == 0).all()


def test_claim_10_pixels_that_no_instance_takes_are_background():
    """Also those that look like an object: the second module gives them no instance and no class."""
    heads = background()
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20))
    put(heads, slice(40, 60), slice(40, 60), to=(50, 50), p=0.89)  # all but a seed
    instances = enlarge(clusterer(*heads, Thresholds()), 128, 160)
    assert len(instances) == 1
    assert (instances.id_map > 0).sum() == 4 * 400
    assert (instances.id_map[80:120, 80:120] == 0).all()
    assert (instances.class_map()[instances.id_map == 0] == UNLABELLED).all()


@pytest.mark.parametrize(("column", "found"), [(15, slice(10, 20)), (25, slice(20, 30))])
def test_claim_12_the_centre_of_a_cluster_is_where_the_peak_of_the_seed_map_points(column, found):
    """The second module reads the place of a centre from the seed map."""
    heads = background()
    put(heads, slice(10, 30), slice(10, 20), to=(15, 20), p=0.92, margin_px=6.0)
    put(heads, slice(10, 30), slice(20, 30), to=(35, 20), p=0.92, margin_px=6.0)
    heads[2][0, 20, column] = 0.97
    clusters = clusterer(*heads, Thresholds())
    expected = np.zeros((64, 80), bool)
    expected[10:30, found] = True
    np.testing.assert_array_equal(clusters.id_map == 1, expected)
    assert clusters.scores == approx([0.97, 0.92])


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_claim_13_the_class_of_an_instance_is_that_of_the_seed_map_that_found_it(order):
    """With the seed maps in another order the instances stay, and their classes are in that order."""
    heads = background(classes=3)
    put(heads, slice(0, 20), slice(0, 20), to=(10, 10), p=0.99, of_class=0)
    put(heads, slice(0, 20), slice(30, 50), to=(40, 10), p=0.97, of_class=1)
    put(heads, slice(30, 50), slice(30, 50), to=(40, 40), p=0.95, of_class=2)
    embedding, bandwidth, seed = heads
    reordered = np.empty_like(seed)
    reordered[list(order)] = seed
    clusters = clusterer(embedding, bandwidth, reordered, Thresholds())
    assert sizes(clusters)[1:] == [400, 400, 400]
    assert clusters.id_map[10, 10] == 1 and clusters.id_map[10, 40] == 2 and clusters.id_map[40, 40] == 3
    assert clusters.class_ids.tolist() == list(order)
