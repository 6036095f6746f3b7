"""The fields of a protobuf message, without its schema: what a file says before any parser makes objects of it.

Only what a check needs of https://protobuf.dev/programming-guides/encoding. Nothing is copied and nothing recurses: the
caller looks into the messages that it knows. Stricter than protobuf: groups, which ONNX has none of, are refused.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
MAX_FIELDS = 1_000_000
"""Of one message: each takes a hundred bytes here, and only two in a file."""

Fields = dict[int, list[int | memoryview]]
"""Field number -> its values in order: numbers, or the bytes of texts, messages and packed numbers."""


def fields(content: bytes | memoryview) -> Fields:
    """The fields of a message. Raises ValueError if it is none, is cut short or has more than MAX_FIELDS."""
    content, found, at, count = memoryview(content), defaultdict(list), 0, 0
    while at < len(content):
        if count == MAX_FIELDS:
            raise ValueError(f"it has a message of more than {MAX_FIELDS} fields")
        count += 1
        tag, at = _varint(content, at)
        number, kind = tag >> 3, tag & 7
        if tag >> 32 or not number:  # parsers drop the upper bits, and would see another field
            raise ValueError(f"no field has the tag {tag}")
        if kind == VARINT:
            value, at = _varint(content, at)
            found[number].append(value)
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(kind)
        if kind == LENGTH:
            size, at = _varint(content, at)
        if size is None or at + size > len(content):
            raise ValueError(f"it is damaged or cut short at field {number}")
        if kind == LENGTH:
            found[number].append(content[at:at + size])
        at += size
    return found


def messages(found: Fields, number: int) -> list[memoryview]:
    """The texts or messages of a repeated field. Values of another kind are passed over, as parsers do."""
    return [value for value in found.get(number, ()) if not isinstance(value, int)]


def message(found: Fields, number: int) -> memoryview:
    """A message that is not repeated: parsers merge what is given twice, which is to put one after the other."""
    parts = messages(found, number)
    return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


def numbers(found: Fields, number: int, most: int) -> list[int]:
    """A repeated number, packed or not, as unsigned 64 bits. Raises ValueError if there are more than `most`."""
    values = []
    for value in found.get(number, ()):
        values += [value] if isinstance(value, int) else islice(_packed(value), most + 1)
        if len(values) > most:
            raise ValueError(f"it has more than {most} numbers in field {number} of a message")
    return values


def _packed(content: memoryview) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Seven bits a byte, low first, at most ten bytes. Returns the number and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            raise ValueError("it is cut short")
        byte, at = content[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), at
    raise ValueError("a number has more than ten bytes")
