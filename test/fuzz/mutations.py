"""Damage as disks, networks and strangers do it: strategies of hypothesis for bytes and for values."""

import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

NUMBERS = [bytes([b]) * width for b in (0, 1, 127, 128, 255) for width in (1, 2, 4, 8)] + [
    (2**k).to_bytes(8, "little") for k in (16, 24, 31, 32, 33, 40, 62)] + [
    (2**k).to_bytes(4, "big") for k in (7, 13, 14, 16, 24, 30)]
"""Written over bytes: where a length or a size stands, one of them is a trap."""


def flip(content: bytearray, at: int, value: int, _) -> None:
    content[at] ^= 1 << value % 8


def overwrite(content: bytearray, at: int, value: int, _) -> None:
    number = NUMBERS[value % len(NUMBERS)]
    content[at:at + len(number)] = number


def cut(content: bytearray, at: int, *_) -> None:
    del content[at:]


def drop(content: bytearray, at: int, value: int, _) -> None:
    del content[at:at + 1 + value % 64]


def repeat(content: bytearray, at: int, value: int, _) -> None:
    content[at:at] = content[at:at + 1 + value % 256]


def splice(content: bytearray, at: int, value: int, others: Sequence[bytes]) -> None:
    other = others[value % len(others)]
    content[at:] = other[value % (len(other) + 1):]


def insert(content: bytearray, at: int, value: int, others: Sequence[bytes]) -> None:
    content[at:at] = others[value % len(others)]


EDITS = (flip, flip, overwrite, overwrite, cut, drop, repeat, splice)


def by_chance(make: Callable[[Random], Any]) -> st.SearchStrategy:
    """What `make` does with a source of chance: one draw for a case, where a draw for each choice takes longer than
    reading what it makes, and there is little to shrink."""
    return st.binary(min_size=8, max_size=8).map(lambda seed: make(Random(seed)))


def damaged(files: Sequence[bytes], words: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """One of the files with up to three edits, perhaps none. words: put between the bytes, for files of text."""
    edits = [(edit, files) for edit in EDITS] + [(insert, words)] * (6 if words else 0)

    def damage(chance: Random) -> bytes:
        content = bytearray(chance.choice(files))
        for edit, others in chance.choices(edits, k=chance.randint(0, 3)):
            if content:
                edit(content, chance.randrange(len(content)), chance.getrandbits(32), others)
        return bytes(content)

    return by_chance(damage)


def with_checksums(png: bytes) -> bytes:
    """A PNG whose chunks have the check sums of what they hold, so that damage gets past them."""
    out, at = bytearray(png[:8]), 8
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at:at + 4], "big")
        if end + 4 > len(png):
            break
        out += png[at:end] + zlib.crc32(png[at + 4:end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out + png[at:])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
    | st.sampled_from([0, -1, 2**63, 10**30, "", "car", "0x10", 1e308]),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(), values,
                                                                  max_size=3), max_leaves=6)
"""Whatever may stand in YAML or JSON."""


@st.composite
def altered(draw, value: object) -> object:
    """A value of dicts and lists in which some are replaced, left out or added."""
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES)
    if isinstance(value, dict) and value:
        chosen = draw(st.sampled_from(sorted(value)))
        changed = {**value, chosen: draw(altered(value[chosen]))}
        if draw(st.integers(0, 9)) == 0:
            changed.pop(chosen)
            changed[draw(st.text(max_size=6))] = draw(VALUES)
        return changed
    if isinstance(value, list) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], draw(altered(value[at])), *value[at + draw(st.integers(0, 1)):]]
    return draw(VALUES)
