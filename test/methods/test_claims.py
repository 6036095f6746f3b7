"""The claims of METHODS 12.1 about the network and its training: 1, 2, 5, 6, 7, 8, 11 and 14.

The others: test_claims_clustering.py, training/test_claims_program.py.
Here a network learns a scene of three objects in a hundred steps, and is asked about a picture it has not seen.
"""

import functools
from typing import NamedTuple

import numpy as np
import pytest
import torch
from pytest import approx
from test_loss import golden_instances, golden_raw, loss_of

from instance_seg_node.methods import DECODERS
from instance_seg_node.methods.spatial_embedding.loss import membership, spatial_embedding_loss
from instance_seg_node.methods.spatial_embedding.network import (
    SpatialEmbedding,
    coordinates,
    spatial_embedding_network,
)
from instance_seg_node.model_spec import Thresholds
from instance_seg_node.training.guidance import background_repulsion, pixels_away, warm_up_loss

HEIGHT, WIDTH, UNIT = 32, 48, 1023
WIDE, SMALL, LARGE = 1, 2, 3
OBJECTS = (WIDE, SMALL, LARGE)
CLASS_OF = {WIDE: 0, SMALL: 0, LARGE: 1}

INSTANCES = np.zeros((HEIGHT, WIDTH), np.int64)
INSTANCES[3:11, 4:28] = WIDE
INSTANCES[19:27, 5:13] = SMALL
INSTANCES[13:29, 26:44] = LARGE

both_margins = pytest.mark.parametrize("bandwidths", [pytest.param(1, id="circle"), pytest.param(2, id="ellipse")])


class Heads(NamedTuple):
    """embedding (2, H, W), bandwidth (D, H, W), seed (2, H, W), float32."""

    embedding: np.ndarray
    bandwidth: np.ndarray
    seed: np.ndarray


def picture(number):
    """Red and blue objects before grey, uint8 (H, W, 3), with noise of its own."""
    colours = np.array([[40, 40, 40], [230, 60, 40], [230, 60, 40], [40, 80, 230]])
    noise = np.random.default_rng(number).normal(0, 6, (HEIGHT, WIDTH, 3))
    return np.clip(colours[INSTANCES] + noise, 0, 255).astype(np.uint8)


@functools.cache
def trained(bandwidths, repulsion=0.0):
    """Heads of a picture that is not trained on: before the first step and after the last."""
    torch.manual_seed(0)
    network = spatial_embedding_network(bandwidths, 2, dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    classes = np.array([255, *CLASS_OF.values()])[INSTANCES]
    truth = {"instance_map": torch.from_numpy(INSTANCES)[None], "class_map": torch.from_numpy(classes)[None]}
    before = heads_of(network, bandwidths)
    for step in range(100):
        raw = network.train()(torch.from_numpy(picture(step)).permute(2, 0, 1)[None] / 255)
        warm_up = warm_up_loss(raw, **truth, bandwidths=bandwidths)
        total = warm_up.total
        if step >= 40:
            total = spatial_embedding_loss(raw, **truth, bandwidths=bandwidths).total
            total = total + warm_up.instance + 10 * warm_up.variance
        if repulsion:
            total = total + repulsion * background_repulsion(raw, truth["instance_map"])
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return before, heads_of(network, bandwidths)


@torch.no_grad()
def heads_of(network, bandwidths):
    graph = SpatialEmbedding(network, bandwidths, HEIGHT, WIDTH).eval()
    return Heads(*(head[0].numpy() for head in graph(torch.from_numpy(picture(1000))[None])))


def mean_precision(heads, k):
    """s of an instance, (D, 1): the mean is of its logarithm."""
    return np.exp(np.log(heads.bandwidth[:, INSTANCES == k]).mean(1, keepdims=True))


def margin_px(heads, k):
    """(D,)"""
    return UNIT * np.sqrt(np.log(2) / mean_precision(heads, k))[:, 0]


def phi(heads, k):
    """Membership of every pixel in an instance, (H, W): its centre and bandwidth are means over its own pixels."""
    centre = heads.embedding[:, INSTANCES == k].mean(1)[:, None, None]
    return np.exp(-((heads.embedding - centre) ** 2 * mean_precision(heads, k)[..., None]).sum(0))


def radius(points):
    """Root mean square distance of points, (2, N), from their mean."""
    return np.sqrt(((points - points.mean(1, keepdims=True)) ** 2).sum(0).mean())


@both_margins
def test_claim_1_offsets_gather_each_instance_at_its_own_centre_and_its_margin_keeps_the_others_out(bandwidths):
    """Trained offsets make one cluster per instance; a trained estimate of its extent decides who belongs."""
    _, heads = trained(bandwidths)
    positions = coordinates(HEIGHT, WIDTH).numpy()
    for k in OBJECTS:
        own, others = INSTANCES == k, (INSTANCES != k) & (INSTANCES > 0)
        assert radius(heads.embedding[:, own]) < 0.7 * radius(positions[:, own])
        assert (phi(heads, k)[own] > 0.5).mean() > 0.6
        assert (phi(heads, k)[others] > 0.5).mean() < 0.1


def test_claim_2_background_vectors_are_taught_to_point_away_from_the_nearest_centre():
    """Of pixels that belong to no object, vectors lead away from centres."""
    away = [share_pointing_away(trained(2, repulsion)[1]) for repulsion in (0.0, 1.0)]
    assert away[1] > 0.9 > away[0] + 0.2


def share_pointing_away(heads):
    offset = torch.from_numpy(heads.embedding) - coordinates(HEIGHT, WIDTH)
    raw = torch.cat([torch.atanh(offset), torch.zeros(2, HEIGHT, WIDTH)])[None]
    away = pixels_away(raw, torch.from_numpy(INSTANCES)[None])
    assert len(away) == (INSTANCES == 0).sum()
    return (away > 0).float().mean().item()


def test_claim_2_a_vector_that_leads_four_pixels_away_needs_no_more_teaching():
    """The nearest centre is that of the nearest instance, also where a larger one is about as near."""
    ids = torch.zeros(1, 8, 30, dtype=torch.long)
    ids[0, 3:5, 2:4], ids[0, 3:5, 26:28] = 1, 2
    sideways = torch.where(torch.arange(30) < 15, 1.0, -1.0).expand(8, 30)  # towards the middle: away from the nearest
    raw = torch.zeros(1, 5, 8, 30)
    assert background_repulsion(raw, ids).item() == approx(1)
    raw[0, 0] = torch.atanh(sideways * 40 / UNIT)
    between = torch.ones_like(ids, dtype=torch.bool)
    between[0, 3:5, 5:25] = False  # elsewhere, "sideways" is not "away"
    assert background_repulsion(raw, ids, ignore=between).item() == approx(0)
    assert background_repulsion(-raw, ids, ignore=between).item() == approx(1 + 40 / 4, rel=0.01)
    assert background_repulsion(raw, torch.zeros_like(ids)).item() == 0


def test_claim_5_one_sigma_map_is_learned_and_gives_larger_objects_a_larger_margin():
    """A map of one bandwidth per pixel, trained, that sets the size of the margin."""
    before, after = trained(1)
    assert after.bandwidth.shape == (1, HEIGHT, WIDTH)
    assert margin_px(before, LARGE) == approx(margin_px(before, SMALL), rel=1e-3)
    assert margin_px(after, LARGE) > 1.1 * margin_px(after, SMALL)


def test_claim_6_two_sigma_maps_are_learned_and_give_a_wide_object_a_wide_margin():
    """Several bandwidth maps: one per axis."""
    before, after = trained(2)
    assert after.bandwidth.shape == (2, HEIGHT, WIDTH)
    x, y = margin_px(before, WIDE)
    assert x == approx(y, rel=1e-3)
    x, y = margin_px(after, WIDE)
    assert x > 1.1 * y


@pytest.mark.parametrize("sigma", [pytest.param((3.0,), id="claim 5"), pytest.param((6.0, 2.0), id="claim 6")])
def test_claims_5_and_6_membership_is_a_gaussian_of_one_sigma_or_one_per_axis(sigma):
    """The distribution is single-valued with one bandwidth, multidimensional with several."""
    away = torch.randn(2, 50, generator=torch.Generator().manual_seed(0)) * 4
    expected = torch.exp(-away[0] ** 2 / (2 * sigma[0] ** 2) - away[1] ** 2 / (2 * sigma[-1] ** 2))
    r = torch.tensor([[np.log(1 / (2 * s ** 2)) / 10] for s in sigma], dtype=torch.float32)
    assert torch.allclose(membership(away + 1, torch.ones(2, 1), r), expected, rtol=1e-4)


@pytest.mark.parametrize("bandwidths", [1, 2])
def test_claim_7_in_training_an_instances_bandwidth_follows_from_all_of_its_pixels_and_their_number(bandwidths):
    """The estimate adapts to the sigmas of the instance's pixels and to how many there are."""
    one_pixel, all_pixels = golden_raw(bandwidths), golden_raw(bandwidths)
    members = int((golden_instances() == 1).sum())
    one_pixel[0, 2:2 + bandwidths, 4, 5] += 1.0
    all_pixels[0, 2:2 + bandwidths, golden_instances()[0] == 1] += 1.0 / members
    unchanged, one, every = (loss_of(raw, golden_instances(), bandwidths=bandwidths).instance.item()
                             for raw in (golden_raw(bandwidths), one_pixel, all_pixels))
    assert one == approx(every, abs=1e-6)
    assert abs(one - unchanged) > 1e-4


@both_margins
def test_claim_8_a_second_module_makes_the_instances_from_the_networks_heads(bandwidths):
    """Pixels are assigned to instances from offsets and distribution, by another module than the network."""
    _, heads = trained(bandwidths)
    clusters = DECODERS["spatial_embedding"]([])(*heads, thresholds=Thresholds(seed=0.6, min_pixels=10))
    assert sorted(clusters.class_ids.tolist()) == sorted(CLASS_OF.values())
    for k in OBJECTS:
        found = clusters.id_map == np.bincount(clusters.id_map[INSTANCES == k]).argmax()
        assert (found & (INSTANCES == k)).sum() > 0.5 * (found | (INSTANCES == k)).sum()


@both_margins
def test_claim_11_the_highest_seed_of_an_instance_is_in_its_classs_map_and_at_a_pixel_that_meets_its_centre(bandwidths):
    """A seed map per class is learned; it gives an instance's class and its centre."""
    before, after = trained(bandwidths)
    for k in OBJECTS:
        seed = np.where(INSTANCES == k, after.seed, 0)
        of_class, y, x = np.unravel_index(seed.argmax(), seed.shape)
        assert of_class == CLASS_OF[k]
        assert phi(after, k)[y, x] > 0.5
        assert after.seed[of_class, INSTANCES == k].mean() > 0.5 > before.seed[of_class, INSTANCES == k].mean()
    assert after.seed[:, INSTANCES == 0].mean() < 0.2


@both_margins
def test_claim_14_training_raises_the_memberships_of_own_pixels_and_lowers_those_of_the_background(bandwidths):
    """Training on labelled pictures, step by step, moves the probabilities as (c) asks."""
    own, background = ([np.mean([phi(heads, k)[INSTANCES == pixels].mean() for k, pixels in zip(OBJECTS, of)])
                        for heads in trained(bandwidths)] for of in (OBJECTS, (0, 0, 0)))
    assert own[1] > own[0] + 0.1
    assert background[1] < 0.8 * background[0]


@pytest.mark.parametrize("centre", ["centroid", "learnable"])
def test_claim_14_c_a_step_raises_own_memberships_and_lowers_the_background(centre):
    """The distribution (b) is differentiable; optimising it, own pixels' probability rises, the background's falls."""
    raw = golden_raw(2).requires_grad_()
    before = mean_memberships(raw.detach())
    loss_of(raw, golden_instances(), bandwidths=2, centre=centre).instance.backward()
    assert raw.grad[0, :2].abs().max() > 0 and raw.grad[0, 2:4].abs().max() > 0
    after = mean_memberships((raw - 0.001 * raw.grad / raw.grad.abs().max()).detach())
    assert after[0] > before[0]
    assert after[1] < before[1]


def mean_memberships(raw):
    """Of instance 1: over its own pixels, and over the others that are in its reach."""
    own = golden_instances()[0] == 1
    grid = coordinates(*own.shape)
    embedding, centre = torch.tanh(raw[0, :2]) + grid, grid[:, own].mean(1, keepdim=True)
    of_each = membership(embedding.flatten(1), centre, raw[0, 2:4][:, own].mean(1, keepdim=True)).reshape(own.shape)
    return of_each[own].mean().item(), of_each[~own & (of_each > 0.5)].mean().item()


@pytest.mark.parametrize("bandwidths", [1, 2])
def test_claim_14_d_a_step_moves_the_offsets_of_own_pixels_towards_the_centre(bandwidths):
    """Offsets are optimised towards the middle of the distribution."""
    raw = golden_raw(bandwidths).requires_grad_()
    loss_of(raw, golden_instances(), bandwidths=bandwidths).instance.backward()
    grid = coordinates(*golden_instances().shape[1:])
    for k in (1, 2):
        own = golden_instances()[0] == k
        embedding = (torch.tanh(raw[0, :2]) + grid)[:, own].detach()
        to_centre = grid[:, own].mean(1, keepdim=True) - embedding
        progress = -(raw.grad[0, :2, own] * to_centre).sum(0)
        taught = raw.grad[0, :2, own].abs().sum(0) > 0
        assert taught.float().mean() > 0.9
        assert (progress[taught] > 0).all()
