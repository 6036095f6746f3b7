"""Which classes of a dataset are asked for."""

import colorsys
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..model_spec import ObjectClass
from .street.classes import CLASSES

GOLDEN = 0.618034
"""Hues this share of the circle apart stay apart, however many there are."""


def choose(available: Sequence[ObjectClass], names: Sequence[str] | None,
           whose: str) -> tuple[tuple[ObjectClass, ...], np.ndarray]:
    """The classes that `names` ask for, in that order, and the id among them of each available one, int64, -1 for none.

    names: None for all available ones. A name that is not available is a class without objects.
    Raises InputError if a name comes twice or none is available; `whose` classes they are begins the text.
    """
    if names is None:
        return tuple(available), np.arange(len(available))
    by_name = {c.name: c for c in available}
    if len(set(names)) < len(names):
        raise InputError(f"classes must be named once each, got {', '.join(names)}")
    if by_name.keys().isdisjoint(names):
        raise InputError(f"{whose} has none of the classes {', '.join(names)}. It has {', '.join(by_name)}: rename "
                         "them in its labels, or take a model of these classes")
    classes = tuple(by_name.get(name) or ObjectClass(name=name, color=colour(name, i)) for i, name in enumerate(names))
    place = {name: i for i, name in enumerate(names)}
    return classes, np.array([place.get(c.name, -1) for c in available], np.int64)


def colour(name: str, place: int) -> tuple[int, int, int]:
    """RGB for a class that comes without: Cityscapes' where it has that class, else one that differs by place."""
    known = {c.name: c.color for c in CLASSES}
    drawn = colorsys.hsv_to_rgb(place * GOLDEN % 1, 0.8, 0.9)
    return known.get(name) or tuple(round(255 * value) for value in drawn)
