"""Ground floors painted on house fronts: shops with goods and posters, house doors, dark passages.

Nobody stands in them: dummies, posters and bright uprights in dark recesses are there to be told from people.
"""

import cv2
import numpy as np

PX_PER_M = 14
PAINT = np.array(
    [(24, 24, 26), (30, 44, 36), (110, 26, 28), (28, 36, 70)]
    + [(226, 222, 212), (70, 62, 54), (176, 170, 158), (52, 84, 96)],
    float,
)


def ground_floor(rng: np.random.Generator, image: np.ndarray, base: int, storey: int) -> None:
    """Fill the rows above `base`, `storey` pixels high, of a front (H, W, 3) with shops, doors and passages."""
    x, width = 0, image.shape[1]
    while x < width:
        wide = int(rng.uniform(3, 7) * PX_PER_M)
        kind = rng.random()
        if kind < 0.72:
            _shop(rng, image, x, min(wide, width - x), base, storey)
        elif kind < 0.88:
            house_door(rng, image, x + wide // 4, base, storey)
        else:
            _passage(rng, image, x + 4, min(wide, width - x) - 8, base, storey)
        x += wide


def _box(image, x0, y0, x1, y1, colour):
    cv2.rectangle(image, (int(x0), int(y0)), (int(x1), int(y1)), np.asarray(colour, float).tolist(), -1)


def _shop(rng, image, x, wide, base, storey):
    if wide < 20:
        return
    paint, top = PAINT[rng.integers(len(PAINT))] * rng.uniform(0.8, 1.1), base - int(storey * 0.76)
    _box(image, x, base - storey * 0.98, x + wide - 2, base, paint)
    left, right, low = x + 4, x + wide - 6, base - int(rng.uniform(3, 11))
    inside = np.array([70, 66, 58]) * rng.choice([0.25, 0.4, 0.6, 1.5], p=[0.4, 0.3, 0.2, 0.1])
    _box(image, left, top, right, low, inside)
    _window_display(rng, image, left, right, top, low)
    if rng.random() < 0.6:
        _mirrored(rng, image, left, right, top, low)
    for post in range(left, right, int(rng.uniform(14, 40))):
        _box(image, post, top, post + 1, low, paint)
    door = int(rng.integers(left, max(left + 1, right - 14)))
    _box(image, door, top, door + 14, base, paint * 0.7)
    pane = rng.choice([8, 20, 46, 120], p=[0.45, 0.3, 0.15, 0.1])
    _box(image, door + 2, top + 3, door + 12, base - 2, pane * np.ones(3))
    _name(rng, image, x, wide, base, storey, paint)


def _window_display(rng, image, left, right, top, low):
    """Goods in rows at the bottom, posters, lit spots, and dummies as tall as people."""
    for x in range(left, right, int(rng.integers(4, 9))):
        tall = rng.integers(3, max(4, (low - top) // 3))
        _box(image, x, low - tall, min(x + rng.integers(2, 7), right), low, rng.uniform(15, 215) + rng.normal(0, 28, 3))
    for _ in range(rng.integers(0, 4)):
        x, y, w, h = rng.integers(left, right), rng.integers(top, low - 6), rng.integers(4, 14), rng.integers(6, 20)
        end = min(x + w, right), min(y + h, low)
        _box(image, x, y, *end, np.clip(rng.choice([60, 150, 225]) + rng.normal(0, 40, 3), 0, 255))
        for line in range(y + 2, end[1] - 1, 3):
            _box(image, x + 1, line, max(end[0] - 2, x + 1), line, rng.choice([20, 120, 240]) * np.ones(3))
    for _ in range(rng.integers(0, 5)):
        cv2.circle(image, (int(rng.integers(left, right)), int(rng.integers(top, top + 12))), 1, (255, 236, 190), -1)
    if rng.random() < 0.35:
        for x in rng.integers(left, right, rng.integers(1, 4)).tolist():
            _dummy(rng, image, x, low, right)


def _dummy(rng, image, x, low, right):
    """A clothes dummy or a rack: a tall bright or dark upright without head, arms or moving legs."""
    tone, tall = np.clip(rng.choice([35, 110, 215]) + rng.normal(0, 25, 3), 0, 255), int(rng.integers(15, 24))
    _box(image, x, low - tall, min(x + 6, right), low - tall // 3, tone)
    _box(image, min(x + 3, right), low - tall // 3, min(x + 3, right), low, tone * 0.5)


def _mirrored(rng, image, left, right, top, low):
    """The bright sky and the street opposite in a pane: a pale slanted band over what is inside."""
    a, b = np.sort(rng.integers(left, right + 1, 2))
    pane = image[top:low, a:b]
    if pane.size:
        sky = np.array([205, 214, 222]) * rng.uniform(0.5, 1.15)
        edge = np.linspace(*rng.uniform(0.2, 1.0, 2), b - a) * (low - top)
        share = np.where(np.arange(low - top)[:, None] < edge, rng.uniform(0.15, 0.8), 0.05)[..., None]
        pane[:] = np.clip(pane * (1 - share) + sky * share, 0, 255).astype(np.uint8)


def _name(rng, image, x, wide, base, storey, paint):
    """The board above the window with something like letters, an awning below it now and then."""
    board = paint if rng.random() < 0.5 else np.clip(rng.uniform(10, 225) + rng.normal(0, 45, 3), 0, 255)
    top, bottom = int(base - storey * 0.97), int(base - storey * 0.78)
    _box(image, x, top, x + wide - 2, bottom, board)
    ink = np.array([238, 232, 220] if board.mean() < 120 else [30, 26, 30]) * rng.uniform(0.8, 1.0)
    lx, end = x + wide * rng.uniform(0.08, 0.3), x + wide * rng.uniform(0.6, 0.9)
    while lx < end:
        w, h = rng.integers(1, 5), rng.integers(3, 6)
        _box(image, lx, bottom - 2 - h, lx + w, bottom - 2, ink)
        lx += w + rng.choice([2, 2, 2, 5])
    if rng.random() < 0.2:
        cloth = np.clip(rng.uniform(40, 210) + rng.normal(0, 50, 3), 0, 255)
        for stripe in range(x, x + wide - 2, 6):
            tone = cloth if stripe // 6 % 2 else cloth * 0.5 + 110
            _box(image, stripe, bottom, min(stripe + 5, x + wide - 2), bottom + 8, tone)


def house_door(rng: np.random.Generator, image: np.ndarray, x: int, base: int, storey: int) -> None:
    """A door 1 m wide with its frame, a light above it and steps below."""
    tall, frame = int(storey * 0.68), rng.choice([226, 200, 60]) * np.array([1, 0.98, 0.95])
    _box(image, x - 3, base - tall - 3, x + 17, base, frame)
    _box(image, x, base - tall, x + 14, base, PAINT[rng.integers(len(PAINT))] * rng.uniform(0.5, 1.0))
    _box(image, x + 1, base - tall, x + 13, base - tall + 6, rng.choice([20, 60, 190]) * np.ones(3))
    for y in (base - tall + 10, base - tall // 3):
        cv2.rectangle(image, (x + 3, y), (x + 11, y + 7), (16, 16, 18), 1)
    _box(image, x - 4, base - 3, x + 18, base, (150, 146, 138))


def _passage(rng, image, x, wide, base, storey):
    """An open entrance: near black, with pillars, bright uprights and a lit end."""
    if wide < 12:
        return
    top = base - int(storey * rng.uniform(0.7, 0.9))
    _box(image, x, top, x + wide, base, rng.uniform(4, 26) * np.ones(3))
    for _ in range(rng.integers(1, 5)):
        u, tall = rng.integers(x, x + wide - 3), rng.uniform(0.4, 0.95) * (base - top)
        tone = np.clip(rng.choice([45, 120, 220]) + rng.normal(0, 22, 3), 0, 255)
        _box(image, u, base - tall, u + rng.integers(1, 6), base - rng.choice([0, 0, 5]), tone)
