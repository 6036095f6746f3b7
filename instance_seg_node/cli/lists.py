"""Options that are lists, with commas."""

import re
from collections.abc import Sequence

from ..errors import InputError


def choices(text: str, option: str, known: Sequence[str]) -> list[str]:
    """The words of a list such as "fp16,fp32". Raises InputError if one is not known."""
    words = text.split(",")
    for word in words:
        if word not in known:
            raise InputError(f"{option} {word!r} is not one of {', '.join(known)}")
    return words


def counts(text: str, option: str) -> list[int]:
    """The numbers of a list such as "1,4,8". Raises InputError if one is none, or 0."""
    if not re.fullmatch(r"[1-9]\d{0,4}(,[1-9]\d{0,4})*", text):
        raise InputError(f"{option} {text!r} is no list of positive numbers, such as 1,4,8")
    return [int(number) for number in text.split(",")]


def width_and_height(text: str, option: str) -> list[tuple[int, int]]:
    """Height and width of each of a list such as "1280x720,640x360". Raises InputError if one is spelled otherwise."""
    if not re.fullmatch(r"[1-9]\d{0,4}x[1-9]\d{0,4}(,[1-9]\d{0,4}x[1-9]\d{0,4})*", text):
        raise InputError(f"{option} {text!r} is no list of WIDTHxHEIGHT, such as 1280x720,2048x1024")
    return [tuple(int(side) for side in reversed(size.split("x"))) for size in text.split(",")]
