"""A network that fails is told apart from one that sees nothing."""

import numpy as np
import pytest
from methods.drawn_heads import background, put

from instance_seg_node.methods.spatial_embedding.finite import HEADS, heads_not_finite, network_not_finite

OBJECT, BESIDE = (20, 20), (50, 60)
VALUES = [np.nan, np.inf, -np.inf]


def one_object(planted=None, head=0, channel=0, at=OBJECT):
    """Heads of two classes with one object of 20 x 20 pixels, and one value in them."""
    heads = background(classes=2, bandwidths=2)
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20))
    if planted is not None:
        heads[head][(channel, *at)] = planted
    return heads


def named(heads, groups=((0,), (1,)), foreground=0.5):
    return heads_not_finite(*heads, groups=groups, foreground=foreground)


def test_heads_of_numbers_are_finite_however_large():
    assert named(one_object()) == []
    for value in (0, -5, 1e-45, 3.4e38, -3.4e38):
        assert [named(one_object(value, head)) for head in range(3)] == [[], [], []]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("channel", range(2))
@pytest.mark.parametrize("head", range(3))
def test_a_value_in_the_foreground_is_named_after_its_head(head, channel, value):
    assert named(one_object(value, head, channel)) == [HEADS[head]]


@pytest.mark.parametrize("value", VALUES)
def test_in_the_background_only_a_seed_has_to_be_finite(value):
    assert [named(one_object(value, head, 1, at=BESIDE)) for head in range(3)] == [[], [], ["seed"]]


def test_the_foreground_is_that_of_the_threshold_to_the_last_bit():
    heads = one_object(np.inf, 1)
    heads[2][:] = np.float32(0.3)
    assert named(heads, foreground=0.3) == []
    heads[2][(1, *OBJECT)] = np.nextafter(np.float32(0.3), np.float32(1))
    assert named(heads, foreground=0.3) == ["bandwidth"]


def test_the_foreground_of_look_alikes_is_where_any_of_them_is_likely():
    heads = one_object(np.inf, 1)
    heads[2][:, OBJECT[0], OBJECT[1]] = 0.4
    assert named(heads) == []
    assert named(heads, groups=[[0, 1]]) == ["bandwidth"]


def test_all_heads_that_are_wrong_are_named():
    heads = one_object(np.nan, 0)
    heads[1][0, 15, 15] = heads[2][0, 0, 0] = np.inf
    assert named(heads) == ["embedding", "bandwidth", "seed"]


def test_the_error_says_where_and_what_to_try():
    error = network_not_finite(["bandwidth", "seed"])
    assert error.cause == "network not finite"
    assert str(error) == ("network not finite: NaN or infinity in bandwidth, seed. The model or its precision is at "
                          "fault: try precision fp32 (precision:=fp32) or another model")
