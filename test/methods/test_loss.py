"""METHODS 1.4: the loss of spatial embeddings, against vectors that two other implementations agree on."""

import math

import pytest
import torch
from literal_loss import literal_hinge, literal_loss
from pytest import approx

from instance_seg_node.methods.spatial_embedding import lovasz
from instance_seg_node.methods.spatial_embedding.loss import (
    TYPICAL_AREA,
    lovasz_hinge,
    medoids,
    membership,
    spatial_embedding_loss,
)
from instance_seg_node.methods.spatial_embedding.network import coordinates
from instance_seg_node.training.guidance import SMALLEST_MARGIN, guidance, warm_up_loss

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


def perfect_raw(bandwidths):
    """Every pixel of an instance points to its centroid, knows its spread and its class."""
    instances, grid = golden_instances()[0], coordinates(HEIGHT, WIDTH)
    raw = torch.zeros(1, 3 + bandwidths, HEIGHT, WIDTH)
    for k in (1, 2):
        own = instances == k
        centroid, spread = grid[:, own].mean(1, keepdim=True), grid[:, own].std(1, correction=0)
        spread = spread.clamp(min=SMALLEST_MARGIN)  # instance 2 is five rows high
        margin = 1.2 * (spread if bandwidths == 2 else spread.prod().sqrt()[None])
        raw[0, :2, own] = torch.atanh(centroid - grid[:, own])
        raw[0, 2:-1, own] = (torch.log(math.log(2) / margin ** 2) / 10)[:, None].expand(-1, int(own.sum()))
    raw[0, -1] = torch.where(instances > 0, 20.0, -20.0)
    return raw


def moved(raw, channels, by):
    raw = raw.clone()
    raw[0, channels] += by
    return raw


both_margins = pytest.mark.parametrize("bandwidths", [1, 2])


@both_margins
def test_warm_up_is_zero_only_where_pixels_point_to_their_centroid_and_know_their_spread_and_class(bandwidths):
    def total(raw):
        instances = golden_instances()
        return warm_up_loss(raw, instances, torch.zeros_like(instances), bandwidths=bandwidths).total.item()

    assert total(perfect_raw(bandwidths)) == approx(0, abs=1e-3)
    for channel in range(2 + bandwidths):
        assert total(moved(perfect_raw(bandwidths), channel, 0.1)) > 0.01
    assert total(moved(perfect_raw(bandwidths), 2 + bandwidths, -20)) > 0.1


def test_warm_up_teaches_dark_seeds_where_there_is_no_instance():
    terms = warm_up_loss(torch.zeros(1, 5, 8, 8), torch.zeros(1, 8, 8, dtype=torch.long),
                         torch.full((1, 8, 8), 255), bandwidths=2)
    assert terms.instance.item() == 0 and terms.seed.item() == approx(math.log(2))


def test_warm_up_of_a_batch_that_is_ignored_altogether_is_zero():
    everything = torch.ones(1, HEIGHT, WIDTH, dtype=torch.bool)
    terms = warm_up_loss(golden_raw(2), golden_instances(), torch.zeros_like(golden_instances()), bandwidths=2,
                         ignore=everything)
    assert terms.total.item() == 0


def test_warm_up_counts_a_pixel_by_the_weight_of_its_class():
    gradient = seed_gradients(warm_up_loss, foreground_weight=(3.0, 7.0)) / seed_gradients(warm_up_loss)
    assert_weighs(gradient, in_own_map=(3, 7), in_other_maps=(3, 7))


# Guidance


@both_margins
def test_guidance_is_zero_for_perfect_offsets_and_bandwidths(bandwidths):
    offset, bandwidth = guidance(perfect_raw(bandwidths), golden_instances(), bandwidths=bandwidths)
    assert offset.item() == approx(0, abs=1e-3) and bandwidth.item() == approx(0, abs=1e-9)


@both_margins
def test_guidance_grows_with_the_distance_of_offsets_and_of_bandwidths_each_by_itself(bandwidths):
    def errors(channels, by):
        raw = moved(perfect_raw(bandwidths), channels, by)
        return [error.item() for error in guidance(raw, golden_instances(), bandwidths=bandwidths)]

    offsets = [errors([0, 1], pixels / 1023) for pixels in (0, 1, 2, 4)]
    assert [error for error, _ in offsets] == sorted(error for error, _ in offsets)
    assert offsets[1][0] > 0.1 and offsets[3][0] == approx(4 * offsets[1][0], rel=0.01)
    assert all(bandwidth == approx(0, abs=1e-9) for _, bandwidth in offsets)
    for by in (-0.1, 0.05, 0.1):
        offset, bandwidth = errors(list(range(2, 2 + bandwidths)), by)
        assert offset == approx(0, abs=1e-3) and bandwidth == approx(by ** 2, rel=1e-3)


def test_guidance_does_not_look_at_background_or_ignored_pixels():
    outside = golden_instances()[0] == 0
    ignored = golden_instances() == 2
    spoiled = perfect_raw(2)
    spoiled[0, :, outside | ignored[0]] = 3.0
    offset, bandwidth = guidance(spoiled, golden_instances(), bandwidths=2, ignore=ignored)
    assert offset.item() == approx(0, abs=1e-3) and bandwidth.item() == approx(0, abs=1e-9)
    assert [e.item() for e in guidance(spoiled, torch.zeros_like(golden_instances()), bandwidths=2)] == [0, 0]


# All instances at once, against one after the other


def random_scene(seed, bandwidths):
    """Raw output, instances and classes of three images: instances that overlap in the embedding, none, one pixel."""
    random = torch.Generator().manual_seed(seed)
    instances = torch.zeros(3, 17, 23, dtype=torch.long)  # 391 pixels: no whole number of runs
    for k, (y, x) in zip((3, 4, 26001), ((1, 2), (4, 6), (9, 5)), strict=True):
        instances[0, y:y + 7, x:x + 9] = k
    instances[0, 16, 22] = 7
    instances[2, 5, 5] = 1
    scale = torch.tensor([0.004, 0.004, *[0.05] * bandwidths, 2, 2])[:, None, None]
    raw = scale * torch.randn(3, 4 + bandwidths, 17, 23, generator=random)
    raw[:, 2:2 + bandwidths] += 0.9 + 0.2 * (instances == 3)[:, None]
    return raw, instances, (instances > 3).long()


def terms_and_gradients(loss, raw, *truth, **settings):
    """Of the instance, variance and seed term: (3,), (3, B, 2 + D + C, H, W)."""
    raw = raw.clone().requires_grad_()
    terms = loss(raw, *truth, **settings)
    each = torch.stack([terms.instance, terms.variance, terms.seed])
    gradients = [torch.autograd.grad(term, raw, retain_graph=True)[0] for term in each]
    return each.detach(), torch.stack(gradients)


def assert_as_the_literal_loss(raw, *truth, **settings):
    """That one in float64, as its differences of Jaccard losses leave few digits of a float32.

    Pixels whose errors are equal to within a float32 may change places in a sort, so not every scene fits.
    """
    terms, gradients = terms_and_gradients(spatial_embedding_loss, raw, *truth, **settings)
    literal_terms, literal_gradients = terms_and_gradients(literal_loss, raw.double(), *truth, **settings)
    assert terms.tolist() == approx(literal_terms.tolist(), rel=1e-6)
    for ours, literal in zip(gradients, literal_gradients, strict=True):
        largest = literal.abs().max().item()
        assert largest > 0
        assert (ours - literal).abs().max().item() < 3e-6 * largest
    return gradients


@both_margins
@pytest.mark.parametrize("centre", ["centroid", "medoid", "learnable"])
@pytest.mark.parametrize("ignored", [None, (slice(0, 17), slice(8, 12)), (slice(0, 8), slice(0, 23))])
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_all_instances_at_once_teach_as_one_after_the_other(bandwidths, centre, ignored, seed):
    """One strip of ignored pixels cuts instances, the other hides one."""
    scene, ignore = random_scene(seed, bandwidths), None
    if ignored:
        ignore = torch.zeros(3, 17, 23, dtype=torch.bool)
        ignore[(slice(None), *ignored)] = True
    assert_as_the_literal_loss(*scene, bandwidths=bandwidths, centre=centre, ignore=ignore)


CRESCENT = torch.tensor([[1, 1, 1, 1, 1],
                         [1, 0, 0, 0, 0],
                         [1, 0, 0, 0, 0],
                         [1, 0, 0, 0, 2],
                         [1, 0, 0, 0, 2],
                         [1, 0, 0, 0, 0],
                         [1, 1, 1, 1, 1]])


def test_the_medoid_lies_in_the_mask_where_the_centroid_of_a_crescent_does_not():
    rows, columns = CRESCENT.nonzero(as_tuple=True)
    points = torch.stack([columns, rows]).double()
    centroid_x, centroid_y = points[:, CRESCENT[rows, columns] == 1].mean(1).round().int().tolist()
    assert CRESCENT[centroid_y, centroid_x] == 0
    found = medoids(CRESCENT[rows, columns] - 1, points)
    assert found[:, 0].tolist() == [0, 3]  # the median is (1, 3)
    assert found[:, 1].tolist() == [4, 3]  # of two pixels the first


def test_an_id_without_pixels_does_not_disturb_the_medoids_of_others():
    points = torch.tensor([[1.0, 2.0, 3.0, 9.0], [0.0, 0.0, 0.0, 5.0]])
    found = medoids(torch.tensor([0, 0, 0, 3]), points)
    assert found.shape == (2, 4)
    assert found[:, [0, 3]].tolist() == [[2, 9], [0, 5]]


@both_margins
def test_with_the_medoid_as_centre_loss_and_warm_up_are_least_where_pixels_point_to_it(bandwidths):
    ids, grid = (CRESCENT == 1).long()[None], coordinates(*CRESCENT.shape)
    pitch, r = grid[0, 0, 1], torch.full((1, bandwidths, *CRESCENT.shape), 1.2)  # a margin of two pixels

    def error(function, x, y, centre):
        """Of a network whose object points to (x, y) and whose background far away."""
        target = torch.where(ids > 0, torch.tensor([x, y])[:, None, None] * pitch, 0.5)  # (2, H, W)
        raw = torch.cat([torch.atanh(target - grid)[None], r, torch.zeros(1, 1, *CRESCENT.shape)], dim=1)
        terms = function(raw, ids, torch.zeros_like(ids), bandwidths=bandwidths, centre=centre)
        return terms.instance.item()

    centroid_x = (CRESCENT == 1).nonzero()[:, 1].float().mean().item()
    for function in (spatial_embedding_loss, warm_up_loss):
        assert error(function, 0.0, 3.0, "medoid") < error(function, centroid_x, 3.0, "medoid") - 0.1
        assert error(function, centroid_x, 3.0, "centroid") < error(function, 0.0, 3.0, "centroid") - 0.1


def test_an_instance_is_found_wherever_its_pixels_point():
    raw, *truth = random_scene(1, 2)
    raw[:, :2] *= 100  # pixels of a run lie all over the image and beyond
    raw[:, 2:4] -= 0.55
    assert_as_the_literal_loss(raw, *truth, bandwidths=2)


def test_bandwidths_so_wide_that_every_pixel_takes_part_teach_the_same_in_pieces(monkeypatch):
    raw, *truth = random_scene(1, 1)
    raw[:, 2] -= 0.2
    whole = assert_as_the_literal_loss(raw, *truth, bandwidths=1)
    monkeypatch.setattr(lovasz, "CANDIDATES", 3 * lovasz.RUN)
    pieces = assert_as_the_literal_loss(raw, *truth, bandwidths=1)
    assert torch.equal(whole, pieces)


def test_only_pixels_whose_membership_is_not_negligible_are_within_reach():
    """Reaches of 7 to 30 pixels in an image of 60 x 77."""
    noise = 0.002 * torch.randn(2, 60, 77, generator=torch.Generator().manual_seed(0))
    embedding = (coordinates(60, 77) + noise).flatten(1)
    centre, r = torch.tensor([[0.03, 0.05], [0.03, 0.01]]), torch.tensor([[1.2, 1.0], [0.9, 1.1]])
    phi = torch.stack([membership(embedding, centre[:, k:k + 1], r[:, k:k + 1]) for k in (0, 1)])  # (K, N)
    expected = (phi > lovasz.NEGLIGIBLE_MEMBERSHIP).nonzero().tolist()
    pixel, instance = lovasz.pairs_within_reach(embedding, centre, r)
    assert 0 < len(expected) < phi.numel() / 4
    assert sorted(zip(instance.tolist(), pixel.tolist(), strict=True)) == [tuple(pair) for pair in expected]


def test_the_hinge_of_many_instances_is_the_mean_of_their_hinges():
    """Logits also beyond those that memberships can give."""
    random = torch.Generator().manual_seed(0)
    instance = torch.randint(0, 5, (300,), generator=random)
    target = torch.rand(300, generator=random) < 0.4
    logits = (3 * torch.randn(300, generator=random)).requires_grad_()
    one_by_one = torch.stack([literal_hinge(logits[instance == k], target[instance == k]) for k in range(5)]).mean()
    at_once = lovasz_hinge(logits, target, instance)
    assert at_once.item() == approx(one_by_one.item(), rel=1e-6)
    gradient, expected = (torch.autograd.grad(hinge, logits)[0] for hinge in (at_once, one_by_one))
    assert torch.allclose(gradient, expected, atol=1e-7)


# The error of seeds, and the weight of classes

both_errors = pytest.mark.parametrize("seed_error", ["squared", "cross_entropy"])


def memberships(raw):
    """Of every pixel in its own instance, (H, W), 0 in the background. Two bandwidths."""
    grid = coordinates(HEIGHT, WIDTH)
    embedding, phi = torch.tanh(raw[0, :2]) + grid, torch.zeros(HEIGHT, WIDTH)
    for k in (1, 2):
        own = golden_instances()[0] == k
        centre, r = grid[:, own].mean(1, keepdim=True), raw[0, 2:4, own].mean(1, keepdim=True)
        phi[own] = membership(embedding[:, own], centre, r)
    return phi


@both_errors
@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_seeds_that_equal_the_memberships_are_the_best(seed_error, weight):
    def seed_of(logits):
        return loss_of(torch.cat([golden_raw(2)[:, :4], logits[None, None]], dim=1), golden_instances(), bandwidths=2,
                       foreground_weight=weight, seed_error=seed_error).seed

    logits = torch.logit(memberships(golden_raw(2)), eps=1e-6).requires_grad_()
    best = seed_of(logits)
    best.backward()
    assert logits.grad.abs().max() < 1e-7
    for k, by in ((0, 12.0), (1, -0.5), (1, 0.5), (2, -0.5), (2, 0.5)):
        assert seed_of(logits.detach() + by * (golden_instances()[0] == k)) > best + 3e-5


@both_errors
def test_the_seed_term_teaches_neither_offsets_nor_bandwidths(seed_error):
    """Else memberships would follow the seeds."""
    raw = golden_raw(2).requires_grad_()
    loss_of(raw, golden_instances(), bandwidths=2, seed_error=seed_error).seed.backward()
    assert raw.grad[0, :4].abs().max() == 0 and raw.grad[0, 4].abs().min() > 0


def test_only_cross_entropy_teaches_seeds_that_are_dark():
    raw = golden_raw(2)
    raw[0, 4] = -12.0
    taught = {}
    for seed_error in ("squared", "cross_entropy"):
        raw = raw.detach().requires_grad_()
        loss_of(raw, golden_instances(), bandwidths=2, seed_error=seed_error).seed.backward()
        taught[seed_error] = raw.grad[0, 4, golden_instances()[0] > 0].abs().mean()
    assert taught["cross_entropy"] > 1000 * taught["squared"]


def seed_gradients(loss, **settings):
    """By the logits of two seed maps, (2, H, W). Instance 1 is of class 0, instance 2 of class 1; all seeds are 0.5."""
    raw = torch.cat([golden_raw(2)[:, :4], torch.zeros(1, 2, HEIGHT, WIDTH)], dim=1).requires_grad_()
    loss(raw, golden_instances(), (golden_instances() == 2).long(), bandwidths=2, **settings).seed.backward()
    return raw.grad[0, 4:]


def assert_weighs(gradient, *, in_own_map, in_other_maps):
    """gradient: (2, H, W), as multiples of those with a weight of 1."""
    one, two = (golden_instances()[0] == k for k in (1, 2))
    expected = torch.ones(2, HEIGHT, WIDTH)
    expected[0, one], expected[1, one] = in_own_map[0], in_other_maps[0]
    expected[1, two], expected[0, two] = in_own_map[1], in_other_maps[1]
    assert torch.allclose(gradient, expected, rtol=1e-4)


@pytest.mark.parametrize(("seed_error", "in_other_maps"), [("squared", (1, 1)), ("cross_entropy", (3, 7))])
def test_a_classs_weight_counts_in_its_own_map_and_with_cross_entropy_in_every_map(seed_error, in_other_maps):
    settings = {"seed_error": seed_error, "foreground_weight": 1.0}
    gradient = seed_gradients(spatial_embedding_loss, **settings | {"foreground_weight": (3.0, 7.0)})
    assert_weighs(gradient / seed_gradients(spatial_embedding_loss, **settings),
                  in_own_map=(3, 7), in_other_maps=in_other_maps)


@both_errors
def test_one_weight_is_that_of_every_class(seed_error):
    one, each = (seed_gradients(spatial_embedding_loss, seed_error=seed_error, foreground_weight=weight)
                 for weight in (5.0, (5.0, 5.0)))
    assert torch.equal(one, each)


@pytest.mark.parametrize("loss", [spatial_embedding_loss, warm_up_loss])
def test_weights_for_another_number_of_classes_are_refused(loss):
    with pytest.raises(ValueError, match="3 foreground weights for 2 classes. Give one, or one per class"):
        seed_gradients(loss, foreground_weight=(1.0, 2.0, 3.0))


@both_errors
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_pixels_of_small_instances_count_more_towards_the_seeds(seed_error, exponent):
    """Instance 1 has 42 pixels, instance 2 has 50."""
    settings = {"seed_error": seed_error, "foreground_weight": 1.0}
    gradient = seed_gradients(spatial_embedding_loss, **settings, small_instances=exponent)
    one, two = ((TYPICAL_AREA / pixels) ** exponent for pixels in (42, 50))
    assert_weighs(gradient / seed_gradients(spatial_embedding_loss, **settings),
                  in_own_map=(one, two), in_other_maps=(one, two))


@both_errors
def test_ignored_pixels_teach_the_seeds_nothing(seed_error):
    ignore = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
    ignore[0, :, 10:14] = True
    gradient = seed_gradients(spatial_embedding_loss, seed_error=seed_error, ignore=ignore)
    assert gradient[:, :, 10:14].abs().max() == 0 and gradient[:, :, :10].abs().min() > 0
