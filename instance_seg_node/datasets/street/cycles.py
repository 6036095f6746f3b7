"""Bicycles and motorcycles, alone or ridden. Owner 0 is the rider, owner 1 the two-wheeler."""

import numpy as np

from .figures import Part, part
from .people import Looks, seated

RUBBER = np.array([30.0, 30, 31])
CHROME = np.array([150.0, 152, 156])


def bicycle(colour, phase: float, *, basket: bool = False, upright: bool = True) -> tuple[list[Part], dict]:
    """A bicycle at the origin, looking along z, and where a rider touches it."""
    rear, front, r = np.array([0, 0.34, -0.52]), np.array([0, 0.34, 0.54]), 0.33
    crank, seat, head = np.array([0, 0.29, -0.08]), np.array([0, 0.82, -0.26]), np.array([0, 0.80, 0.36])
    bar = np.array([0, 1.02 if upright else 0.92, 0.34 if upright else 0.46])
    parts = [part([c, c + (0, 0, r), c + (0, r, 0)], 0.022, RUBBER, 1, wheel=True) for c in (rear, front)]
    tubes = [
        (crank, seat),
        (crank, head),
        (seat - (0, 0.1, 0), head),
        (rear, crank),
        (rear, seat - (0, 0.12, 0)),
        (head, front),
    ]
    parts += [part([a, b], 0.022, colour, 1) for a, b in tubes]
    parts += [
        part([seat + (0, 0.08, -0.12), seat + (0, 0.09, 0.12)], [0.06, 0.03], RUBBER, 1),
        part([seat, seat + (0, 0.07, 0)], 0.018, CHROME, 1),
        part([head, bar], 0.018, CHROME, 1),
        part([bar - (0.27, 0, 0), bar + (0.27, 0, 0)], 0.018, RUBBER, 1),
        part([crank + (0.02, 0, 0), crank - (0.02, 0, 0)], 0.08, CHROME * 0.6, 1),
        part([rear + (0, r + 0.05, -0.1), rear + (0, r + 0.05, 0.15)], 0.025, RUBBER * 1.4, 1),
        part([rear + (0, 0.3, -0.22)], 0.03, (150, 20, 20), 1, glow=(100, 10, 10)),
        part([head + (0, 0.05, 0.08)], 0.035, (190, 190, 190), 1, glow=(120, 120, 110)),
    ]
    if basket:
        parts.append(part([bar + (x, y, 0.14) for x in (-0.12, 0.12) for y in (-0.25, -0.05)], 0.06, (70, 56, 44), 1))
    d = np.array([0, np.sin(phase), np.cos(phase)]) * 0.17
    pedals = (crank + d - (0.13, 0, 0), crank - d + (0.13, 0, 0))
    parts += [part([p - (0.04, 0, 0), p + (0.04, 0, 0)], 0.02, RUBBER, 1) for p in pedals]
    return parts, {"saddle": seat + (0, 0.09, 0), "grip": bar + (0.25, 0, 0), "pedals": pedals}


def motorcycle(colour, *, scooter: bool = False, case: bool = False) -> tuple[list[Part], dict]:
    """A motorcycle or scooter at the origin, looking along z, and where a rider touches it."""
    r = 0.24 if scooter else 0.31
    rear, front = np.array([0, r, -0.68]), np.array([0, r, 0.72])
    parts = []
    for c in (rear, front):
        parts += [
            part(
                [
                    c + (0, y * r * 0.65, z * r * 0.65)
                    for y, z in ((-1, 0), (-0.7, 0.7), (0, 1), (0.7, 0.7), (1, 0), (0.7, -0.7), (0, -1), (-0.7, -0.7))
                ],
                r * 0.36,
                RUBBER,
                1,
            ),
            part([c + (0.07, 0, 0)], r * 0.5, CHROME * 0.7, 1),
            part([c - (0.07, 0, 0)], r * 0.5, CHROME * 0.7, 1),
        ]
    bar = np.array([0, 1.02, 0.42])
    parts += [
        part([front + (0, 0.02, 0), bar - (0, 0.05, 0.04)], [0.05, 0.045], CHROME * 0.8, 1),
        part([bar - (0.34, 0, 0), bar + (0.34, 0, 0)], 0.025, RUBBER, 1),
        part([(0, 0.80, -0.55), (0, 0.78, -0.05)], [0.11, 0.12], RUBBER, 1),
        part([(0, 0.66, -0.72), (0, 0.72, -0.3)], [0.08, 0.12], colour, 1),
        part([(0, 0.78, -0.92)], 0.05, (150, 16, 16), 1, glow=(110, 12, 12)),
        part(
            [(-0.07, 0.58, -0.93), (0.07, 0.58, -0.93), (0.07, 0.50, -0.93), (-0.07, 0.50, -0.93)],
            0.02,
            (215, 214, 205),
            1,
        ),
        part([(0, 0.88, 0.52)], 0.10, (180, 184, 190), 1, glow=(140, 136, 120)),
        part([front + (0, r * 0.9, -0.18), front + (0, r * 1.15, 0.1)], 0.06, colour, 1),
        part([bar + (0.33, 0.14, 0)], 0.05, RUBBER, 1),
        part([bar + (-0.33, 0.14, 0)], 0.05, RUBBER, 1),
    ]
    if scooter:
        parts += [
            part([(x, y, 0.42) for x in (-0.17, 0.17) for y in (0.35, 0.85)], 0.06, colour, 1),
            part([(x, 0.26, z) for x in (-0.13, 0.13) for z in (-0.4, 0.4)], 0.06, colour * 0.8, 1),
            part([(0, 0.5, -0.75), (0, 0.55, -0.2)], [0.17, 0.16], colour, 1),
        ]
    else:
        parts += [
            part([(0, 0.86, -0.02), (0, 0.90, 0.28)], [0.12, 0.15], colour, 1),
            part([(0, 0.45, -0.1), (0, 0.5, 0.3)], [0.16, 0.17], (60, 60, 62), 1),
            part([(0.15, 0.32, 0.2), (0.17, 0.42, -0.85)], [0.04, 0.06], CHROME, 1),
            part([(0, 0.80, 0.40), (0, 0.95, 0.55)], [0.14, 0.12], colour, 1),
        ]
    if case:
        parts.append(part([(x, y, -0.9) for x in (-0.13, 0.13) for y in (0.95, 1.15)], 0.08, RUBBER * 1.3, 1))
    pedals = (np.array([-0.2, 0.30, 0.05 + 0.2 * scooter]), np.array([0.2, 0.30, 0.05 + 0.2 * scooter]))
    return parts, {"saddle": np.array([0, 0.86, -0.22]), "grip": bar + (0.3, 0.02, -0.03), "pedals": pedals}


def with_rider(cycle: tuple[list[Part], dict], who: Looks, helmet) -> list[Part]:
    """The two-wheeler and who sits on it."""
    parts, touch = cycle
    return parts + seated(who, touch["saddle"], touch["grip"], touch["pedals"], 0, helmet)
