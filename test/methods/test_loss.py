"""METHODS 1.4: the loss of spatial embeddings, against vectors that two other implementations agree on."""

import math

import pytest
import torch
from pytest import approx

from instance_seg_node.methods.spatial_embedding.loss import (
    lovasz_hinge,
    membership,
    spatial_embedding_loss,
    warm_up_loss,
)

HEIGHT, WIDTH = 16, 24

GOLDEN = [  # bandwidths, centre, foreground weight -> instance, variance, seed, total
    (1, "centroid", 1, 1.5717611, 0.000221192, 0.2273848, 1.8013579),
    (1, "centroid", 10, 1.5717611, 0.000221192, 0.5468837, 2.1208568),
    (1, "learnable", 10, 1.5373693, 0.000221192, 0.6063858, 2.1459670),
    (2, "centroid", 10, 1.5748000, 0.000170780, 0.5508178, 2.1273255),
    (2, "learnable", 1, 1.5409297, 0.000170780, 0.2334069, 1.7760444),
    (2, "learnable", 10, 1.5409297, 0.000170780, 0.6071056, 2.1497431),
]


def golden_raw(bandwidths: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(HEIGHT) * 1.0, torch.arange(WIDTH) * 1.0, indexing="ij")
    offsets = [0.004 * torch.sin(0.3 * x + 0.2 * y), 0.004 * torch.cos(0.2 * x - 0.3 * y)]
    r = [0.8 + 0.02 * torch.sin(0.5 * x + 0.1 * y + k) for k in range(bandwidths)]
    return torch.stack([*offsets, *r, 1.5 * torch.sin(0.25 * x) * torch.cos(0.35 * y)])[None]


def golden_instances() -> torch.Tensor:
    instances = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.long)
    instances[0, 2:8, 3:10] = 1
    instances[0, 9:14, 12:22] = 2
    return instances


def loss_of(raw, instances, classes=None, **settings):
    classes = torch.zeros_like(instances) if classes is None else classes
    return spatial_embedding_loss(raw, instances, classes, **settings)


@pytest.mark.parametrize("bandwidths, centre, foreground_weight, instance, variance, seed, total", GOLDEN)
def test_loss_equals_the_golden_vectors(bandwidths, centre, foreground_weight, instance, variance, seed, total):
    terms = loss_of(golden_raw(bandwidths), golden_instances(), bandwidths=bandwidths, centre=centre,
                    foreground_weight=foreground_weight)
    assert terms.instance.item() == approx(instance, abs=1e-6)
    assert terms.variance.item() == approx(variance, abs=1e-9)
    assert terms.seed.item() == approx(seed, abs=1e-6)
    assert terms.total.item() == approx(total, abs=1e-6)


def test_lovasz_hinge_equals_its_check_value():
    phi = torch.tensor([0.9, 0.6, 0.2, 0.7, 0.05, 0.0])
    target = torch.tensor([True, True, True, False, False, False])
    assert lovasz_hinge(2 * phi - 1, target).item() == approx(1.0166667, abs=1e-6)


def test_leaving_out_negligible_pixels_changes_no_gradient():
    raw = golden_raw(2).requires_grad_()
    loss_of(raw, golden_instances(), bandwidths=2).instance.backward()
    pruned = raw.grad.clone()
    raw.grad = None
    whole_image_instance_term(raw, golden_instances()[0]).backward()
    assert torch.allclose(pruned, raw.grad, atol=1e-7)


def whole_image_instance_term(raw, instances):
    """The definition: every pixel of the image takes part in every instance's sort."""
    y, x = torch.meshgrid(torch.arange(HEIGHT) / 1023, torch.arange(WIDTH) * 2 / 2047, indexing="ij")
    embedding = torch.tanh(raw[0, :2]) + torch.stack([x, y])
    terms = []
    for k in (1, 2):
        own = instances == k
        centre = torch.stack([x[own].mean(), y[own].mean()])[:, None]
        phi = membership(embedding.flatten(1), centre, raw[0, 2:4][:, own].mean(1, keepdim=True))
        terms.append(lovasz_hinge(2 * phi - 1, own.flatten()))
    return torch.stack(terms).mean()


def test_image_without_instances_teaches_only_dark_seeds():
    terms = loss_of(golden_raw(1), torch.zeros(1, HEIGHT, WIDTH, dtype=torch.long), bandwidths=1)
    seed = torch.sigmoid(golden_raw(1)[0, 3])
    assert terms.instance.item() == 0 and terms.variance.item() == 0
    assert terms.total.item() == approx(seed.square().mean().item())


def test_an_object_of_one_class_is_background_to_the_seed_map_of_another():
    raw = torch.cat([golden_raw(1), torch.full((1, 1, HEIGHT, WIDTH), 20.0)], dim=1)  # class 1 sees objects everywhere
    terms = loss_of(raw, golden_instances(), bandwidths=1)
    one_class = loss_of(golden_raw(1), golden_instances(), bandwidths=1)
    assert (terms.seed - one_class.seed).item() == approx(1.0, abs=1e-6)


def test_ignored_pixels_have_no_gradient():
    ignore = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
    ignore[0, :, 10:14] = True
    raw = golden_raw(2).requires_grad_()
    loss_of(raw, golden_instances(), bandwidths=2, ignore=ignore).total.backward()
    assert raw.grad[0, :, :, 10:14].abs().max() == 0
    assert raw.grad[0, :, :, :10].abs().max() > 0


def test_batch_is_the_mean_of_its_images():
    empty = torch.zeros_like(golden_instances())
    both = loss_of(golden_raw(1).repeat(2, 1, 1, 1), torch.cat([golden_instances(), empty]), bandwidths=1).total
    alone = [loss_of(golden_raw(1), ids, bandwidths=1).total for ids in (golden_instances(), empty)]
    assert both.item() == approx((alone[0] + alone[1]).item() / 2, abs=1e-6)


@pytest.mark.parametrize("centre", ["centroid", "learnable"])
def test_a_step_raises_own_memberships_and_lowers_the_background(centre):
    """Claim 14 (c) and (d): own pixels' probability rises, the background's falls."""
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
    y, x = torch.meshgrid(torch.arange(HEIGHT) / 1023, torch.arange(WIDTH) * 2 / 2047, indexing="ij")
    embedding = (torch.tanh(raw[0, :2]) + torch.stack([x, y]))
    centre = torch.stack([x[own].mean(), y[own].mean()])[:, None]
    phi = membership(embedding.flatten(1), centre, raw[0, 2:4][:, own].mean(1, keepdim=True)).reshape(HEIGHT, WIDTH)
    return phi[own].mean().item(), phi[~own & (phi > 0.5)].mean().item()


def test_warm_up_is_zero_only_where_pixels_point_to_their_centroid_and_know_their_class():
    instances = golden_instances()
    y, x = torch.meshgrid(torch.arange(HEIGHT) / 1023, torch.arange(WIDTH) * 2 / 2047, indexing="ij")
    grid, perfect = torch.stack([x, y]), torch.zeros(1, 5, HEIGHT, WIDTH)
    for k in (1, 2):
        own = instances[0] == k
        centroid, spread = grid[:, own].mean(1), grid[:, own].std(1, correction=0)
        perfect[0, :2, own] = torch.atanh(centroid[:, None] - grid[:, own])
        perfect[0, 2:4, own] = (torch.log(math.log(2) / (1.2 * spread) ** 2) / 10)[:, None].expand(2, int(own.sum()))
    perfect[0, 4] = torch.where(instances[0] > 0, 20.0, -20.0)
    terms = warm_up_loss(perfect, instances, torch.zeros_like(instances), bandwidths=2)
    assert terms.total.item() == approx(0, abs=1e-3)
    moved = perfect.clone()
    moved[0, 0] += 0.01
    assert warm_up_loss(moved, instances, torch.zeros_like(instances), bandwidths=2).instance.item() > 1


def test_warm_up_teaches_dark_seeds_where_there_is_no_instance():
    terms = warm_up_loss(torch.zeros(1, 5, 8, 8), torch.zeros(1, 8, 8, dtype=torch.long),
                         torch.full((1, 8, 8), 255), bandwidths=2)
    assert terms.instance.item() == 0 and terms.seed.item() == approx(math.log(2))
