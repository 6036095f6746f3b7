"""Heads and thresholds of the cases in which a clustering goes wrong first; see test/methods/test_clustering.py."""

import numpy as np
from methods.drawn_heads import UNIT, background, precision, put

from instance_seg_node.model_spec import Thresholds

SIZE = 40, 56


def one_square(p=0.95, **more):
    """Heads of one object of 20 x 20 pixels."""
    heads = background(*SIZE, **more)
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20), p=p)
    return heads


def spoiled(head, channel, value):
    """One square, a tenth of which is not what a network should say."""
    heads = one_square(classes=2, bandwidths=2)
    heads[head][channel, 12:14, 10:30] = value
    return heads


def golden():
    heads = background(96, 160)
    for rows, columns, to, p in [((10, 40), (10, 40), (25, 25), 0.97), ((20, 50), (90, 120), (104, 34), 0.95),
                                 ((70, 80), (10, 22), (15, 80), 0.96), ((60, 80), (90, 110), (100, 70), 0.85),
                                 ((10, 30), (50, 70), (40, 25), 0.92), ((40, 50), (10, 30), (25, 50), 0.94)]:
        put(heads, slice(*rows), slice(*columns), to=to, p=p)
    heads[1][0, 40:50, 10:30] = np.exp(6.0)
    return heads


def mostly_taken():
    heads = background()
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20))
    put(heads, slice(30, 37), slice(10, 30), to=(20, 45), p=0.93, margin_px=30.0)
    return heads


def overwritten():
    heads = background()
    put(heads, slice(0, 20), slice(0, 20), to=(10, 10), p=0.99)
    put(heads, slice(0, 20), slice(20, 30), to=(25, 10), p=0.6)
    put(heads, slice(20, 50), slice(20, 60), to=(40, 10), p=0.95)
    return heads


def covered():
    heads = background()
    put(heads, slice(0, 20), slice(0, 20), to=(20, 20), p=0.99, margin_px=5.0)
    put(heads, slice(20, 60), slice(0, 40), to=(30, 20), p=0.97, margin_px=15.0)
    put(heads, slice(0, 20), slice(60, 80), to=(70, 50), p=0.95)
    return heads


def tied():
    heads = background(classes=2)
    put(heads, slice(40, 60), slice(10, 30), to=(20, 50))
    put(heads, slice(5, 25), slice(50, 70), to=(60, 15))
    put(heads, slice(30, 50), slice(50, 70), to=(60, 40), of_class=1)
    put(heads, slice(0, 20), slice(10, 30), to=(20, 10), of_class=1)
    heads[2][:, 0:20, 10:20] = 0.95
    return heads


def on_the_margin(distance):
    embedding, bandwidth, seed = heads = background(8, 64)
    bandwidth[:], embedding[:], seed[:] = np.log(2).astype(np.float32), 0, 0.95
    embedding[0, :, 32:] = distance
    return heads


def ellipse():
    heads = background(bandwidths=2)
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20), p=0.97)
    heads[1][0, 10:30, 10:30], heads[1][1, 10:30, 10:30] = precision(30), precision(8)
    put(heads, slice(10, 30), slice(40, 50), to=(45, 20), p=0.6)
    put(heads, slice(40, 50), slice(10, 30), to=(20, 45), p=0.6)
    return heads


def poor_seed():
    """The seed, outside its refined margin, lies beside the others."""
    heads = background()
    put(heads, slice(10, 30), slice(10, 30), to=(20, 20), p=0.6, margin_px=10.0)
    heads[0][0, 10, 10], heads[2][0, 10, 10] = 10.5 / UNIT, 0.95
    put(heads, slice(10, 30), slice(40, 50), to=(29, 20), p=0.6, margin_px=10.0)
    return heads


def refused_margin():
    heads = background()
    put(heads, slice(0, 30), slice(0, 30), to=(20, 20), p=0.95, margin_px=10.0)
    put(heads, slice(40, 50), slice(40, 50), to=(33, 20), p=0.93, margin_px=14.0)
    heads[2][0, 45, 45], heads[1][0, 45, 45] = 0.91, precision(3.0)
    return heads


def everything():
    heads = background(*SIZE)
    put(heads, slice(None), slice(None), to=(28, 20))
    return heads


def huge_margin():
    heads = background(*SIZE)
    heads[2][:] = 0.6
    heads[2][0, 30, 30], heads[1][0, 30, 30] = 0.95, 1e-38
    heads[0][0, :5] = 1e15
    return heads


def tiny_margin():
    heads = one_square()
    heads[1][heads[2] > 0.5] = 3e38
    heads[0][0, 10, 10:30] = np.nextafter(heads[0][0, 15, 15], np.float32(1))
    return heads


def rim(scatter):
    """Pixels all around a seed, so close to its margin that the last bit of a distance or of a mean decides."""
    rng = np.random.default_rng(0)
    embedding, bandwidth, seed = heads = background(*SIZE, bandwidths=2)
    angle, radius = rng.uniform(0, 2 * np.pi, SIZE), 1 + scatter * rng.normal(size=SIZE)
    angle[20:], radius[20:] = angle[:20] + np.pi, radius[:20]  # opposite each other, so that the mean is the middle
    embedding[0], embedding[1] = (20.3 + 9 * radius * np.cos(angle)) / UNIT, (18.7 + 7 * radius * np.sin(angle)) / UNIT
    bandwidth[0], bandwidth[1] = precision(9.0), precision(7.0)
    bandwidth *= np.exp(scatter * rng.normal(size=bandwidth.shape)).astype(np.float32)
    embedding[:, 5, 5], bandwidth[:, 5, 5] = (20.3 / UNIT, 18.7 / UNIT), (precision(9.0), precision(7.0))
    seed[:], seed[0, 5, 5] = 0.6, 0.95
    return heads


def noise():
    rng = np.random.default_rng(0)
    embedding, bandwidth, seed = background(24, 32, classes=3)
    return (rng.uniform(-0.01, 0.04, embedding.shape).astype(np.float32), bandwidth,
            rng.uniform(0, 1, seed.shape).astype(np.float32))


def dots(rows, columns):
    """Two pixels high and one wide, each an object of its own."""
    heads = background(2 * rows, columns)
    heads[0][1] = np.repeat(heads[0][1, ::2], 2, axis=0)
    heads[1][:], heads[2][:] = precision(0.4), 0.95
    return heads


def one_pixel():
    heads = background(1, 1)
    heads[2][:] = 0.95
    return heads


FEW, FINE = Thresholds(min_pixels=10), Thresholds(refine=True)
ANY = Thresholds(foreground=0, seed=0, min_pixels=0, min_unclustered=0)
DOTS = Thresholds(min_pixels=1, min_unclustered=0.4)
HEADS = {"x": (0, 0), "y": (0, 1), "bandwidth x": (1, 0), "bandwidth y": (1, 1), "own seed": (2, 0),
         "another class's seed": (2, 1)}
CASES = {
    "the golden scene": (golden(), Thresholds()),
    "one object": (one_square(), Thresholds()),
    "a proposal mostly taken": (mostly_taken(), Thresholds()),
    "a later one overwrites": (overwritten(), Thresholds()),
    "a later one covers": (covered(), Thresholds()),
    "equal scores": (tied(), Thresholds()),
    "the whole image is one object": (everything(), Thresholds()),
    "the whole image is one object, refined": (everything(), FINE),
    "on the margin": (on_the_margin(1), FEW),
    "just within the margin": (on_the_margin(np.nextafter(np.float32(1), np.float32(0))), FEW),
    "on the margin, refined": (on_the_margin(1), Thresholds(min_pixels=10, refine=True)),
    "an ellipse": (ellipse(), Thresholds()),
    "a poor seed": (poor_seed(), Thresholds()),
    "a poor seed, refined": (poor_seed(), FINE),
    "a margin that is refused": (refused_margin(), Thresholds()),
    "a margin that is refused, refined": (refused_margin(), FINE),
    "on the rim": (rim(0), Thresholds(min_unclustered=0)),
    "on the rim, refined": (rim(1e-4), Thresholds(min_unclustered=0, refine=True)),
    "nothing": (background(*SIZE), Thresholds()),
    "nothing, in four classes": (background(*SIZE, 4, 2), Thresholds()),
    "nothing, of one pixel": (background(1, 1), Thresholds()),
    "one pixel": (one_pixel(), ANY),
    "one pixel that is too few": (one_pixel(), Thresholds(min_pixels=1)),
    "a flat image": (background(3, 200), ANY),
    "no more than min_pixels": (one_square(), Thresholds(min_pixels=400)),
    "one more than min_pixels": (one_square(), Thresholds(min_pixels=399)),
    "more min_pixels than an int32 holds": (one_square(), Thresholds(min_pixels=1 << 40)),
    "seeds below the threshold": (one_square(p=np.nextafter(np.float32(0.9), np.float32(0))), Thresholds()),
    "seeds equal to the threshold": (one_square(p=0.9), Thresholds()),
    "foreground equal to the threshold": (one_square(p=0.9), Thresholds(foreground=0.9)),
    "nothing but NaN": ([np.full_like(head, np.nan) for head in background(*SIZE)], ANY),
    "a huge margin": (huge_margin(), Thresholds()),
    "a huge margin, refined": (huge_margin(), FINE),
    "a tiny margin": (tiny_margin(), Thresholds()),
    "a tiny margin, refined": (tiny_margin(), FINE),
    "noise": (noise(), Thresholds(seed=0.6, min_pixels=5)),
    "noise, refined": (noise(), Thresholds(seed=0.6, min_pixels=5, refine=True)),
    "noise, all of it": (noise(), ANY),
    "more than 255 instances": (dots(20, 20), DOTS),
}
CASES |= {f"{value} in {name}": (spoiled(*HEADS[name], value), Thresholds())
          for name in HEADS for value in (np.nan, np.inf, -np.inf)}
CASES |= {f"{value} in a bandwidth": (spoiled(1, 1, value), Thresholds()) for value in (0.0, -0.0, -5.0, 1e-45, 3.4e38)}
CASES |= {f"{value} in {name}": (spoiled(*HEADS[name], value), Thresholds(refine=refine))
          for name in ("x", "y") for value in (1e30, -3.4e38) for refine in (False, True)}
