"""What is painted on the road of generated streets is road."""

import numpy as np
import pytest

from instance_seg_node.datasets.street.camera import Camera
from instance_seg_node.datasets.street.canvas import Canvas
from instance_seg_node.datasets.street.layout import draw_layout
from instance_seg_node.datasets.street.light import draw_light
from instance_seg_node.datasets.street.road_symbols import PERIOD_M, RoadSymbols

KINDS = ["bicycle", "arrow", "letters", "grid", "manhole"]
ASPHALT, WHITE = np.full(3, 90.0), np.full(3, 230.0)


def symbols() -> RoadSymbols:
    plans = (draw_layout(np.random.default_rng(seed)) for seed in range(99))
    town = next(plan for plan in plans if plan.kind == "town" and not plan.bend[0])
    return RoadSymbols(town, np.random.default_rng(0), ASPHALT, WHITE)


def painted(road: RoadSymbols, z: float = 0.0) -> Canvas:
    """Asphalt with the symbols of a road, from above the middle line at z."""
    rgb, stamp = np.full((200, 400, 3), 90, np.uint8), np.full((200, 400), 7, np.uint16)
    canvas = Canvas(rgb, stamp, Camera(0, 1.5, z, 0, 250, 200, 60), draw_light(np.random.default_rng(0)), False)
    road.paint(canvas, z, lambda colour: np.asarray(colour))
    return canvas


@pytest.mark.parametrize("kind", KINDS)
def test_a_symbol_shows_and_owns_no_pixels(kind):
    road = symbols()
    road.edge, road.seams, road.symbols = "none", road.seams[:0], [(kind, 0.0, 6.0, 1)]
    canvas = painted(road)
    assert (canvas.rgb != 90).any()
    assert (canvas.stamp == 7).all() and not canvas.marks


@pytest.mark.parametrize("edge", ["double yellow", "zigzag"])
def test_lines_at_the_kerb_show_and_own_no_pixels(edge):
    road = symbols()
    road.edge, road.seams, road.symbols = edge, road.seams[:0], []
    canvas = painted(road)
    assert (canvas.rgb != 90).any() and (canvas.stamp == 7).all()


def test_a_symbol_stays_where_it_is_while_we_drive():
    road = symbols()
    road.edge, road.seams = "none", road.seams[:0]
    near, later = painted(road, 0.0), painted(road, PERIOD_M)
    assert (near.rgb == later.rgb).all()
    road.symbols = [("arrow", 0.0, 12.0, 1)]
    tops = [np.flatnonzero((painted(road, z).rgb != 90).any(axis=(1, 2)))[-1] for z in (0.0, 3.0, 6.0)]
    assert tops == sorted(set(tops))
