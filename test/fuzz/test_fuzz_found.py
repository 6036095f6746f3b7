"""What the long runs have found: each input that once ended in another exception, or in a refusal without a cause."""

import sqlite3
import tempfile
from pathlib import Path
from types import SimpleNamespace

import good_files as good
import pytest
from fuzz_targets import TARGETS, outcome

from instance_seg_node.errors import InputError


def metadata(old: bytes, new: bytes, kind: str = "mcap") -> tuple[str, str, bytes]:
    content = good.bag_folder(kind)["metadata.yaml"]
    assert old in content
    return kind, "metadata.yaml", content.replace(old, new)


def files_as_text() -> tuple[str, str, bytes]:
    content = good.bag_folder("mcap")["metadata.yaml"]
    start, end = content.index(b"  files:"), content.index(b"  message_count: 3\n  relative")
    return "mcap", "metadata.yaml", content[:start] + b"  files: ''\n" + content[end:]


def long_chunk() -> bytes:
    """A PNG of 264 bytes for whose IDAT chunk OpenCV took 2 GB and 17 s."""
    file = good.pngs()[1]
    at = file.index(b"IDAT")
    return file[:at - 4] + (0x800000cf).to_bytes(4, "big") + file[at:]


def definition_without_encoding() -> bytes:
    """A recording in SQLite whose types are defined in no language: rosbags looks that up, KeyError(None)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.db3"
        path.write_bytes(good.bags(".db3")[0])
        database = sqlite3.connect(path)
        database.executescript("CREATE TABLE copy AS SELECT * FROM message_definitions; "
                               "DROP TABLE message_definitions; ALTER TABLE copy RENAME TO message_definitions; "
                               "UPDATE message_definitions SET encoding = NULL;")
        database.close()
        return path.read_bytes()


def tensor_of_many_dims(count: int) -> bytes:
    """A network whose weights have `count` dims, packed: the product of 80 000 took 22 s."""
    content = b"\x0a" + varint(9 * count) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f" * count
    return b"\x3a" + with_length(b"\x0a\x00\x2a" + with_length(content))


def with_length(content: bytes) -> bytes:
    return varint(len(content)) + content


def varint(number: int) -> bytes:
    low = []
    while number > 127:
        low.append(number & 127 | 128)
        number >>= 7
    return bytes([*low, number])


FOUND = {
    "a definition in no language": ("sqlite3", definition_without_encoding(), "damaged .KeyError: None"),
    "a PNG chunk of 2 GB": ("CompressedImage png", SimpleNamespace(data=long_chunk(), format="png"),
                            "undecodable image: the PNG has no end"),
    "a picture with such a chunk": ("picture files", long_chunk(), "is not a whole image: the PNG has no end"),
    "ids with such a chunk": ("id pictures", long_chunk(), "is not a whole image: the PNG has no end"),
    "a home that is nobody's": ("model names", "~no such user", "is no path that can be used"),
    "a name that no file system takes": ("model names", "a" * 300, "is no path that can be used"),
    "a date that is none": ("recipes", b"name: 2001-99-99", "is not YAML"),
    "a tag that its value does not fit": ("recipes", b"!!timestamp x", "is not YAML"),
    "a number of too many digits": ("classes.yaml", b"divisor: " + b"1" * 5000, "is not YAML"),
    "weights of 80 000 dims": ("model.onnx", tensor_of_many_dims(80_000), "it has more than 8 numbers in field 1"),
    "a message of a million fields": ("model.onnx", b"\x08\x00" * 1_000_001, "a message of more than 1000000 fields"),
    "nothing but a bag's magic": ("mcap", good.bags(".mcap")[0][:8], "its content is damaged"),
    "a text where rosbags empties a list": ("bag folders", files_as_text(), "its content is damaged"),
    "a count that is a text": ("bag folders", metadata(b"message_count: 2", b"message_count: two"),
                               "its content is damaged"),
    "JSON that is nested too deep": ("COCO", b'{"images": ' + b"[" * 100_000, "is not a file of COCO instances"),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_was_found_is_refused_with_its_cause(case, tmp_path):
    name, content, cause = FOUND[case]
    assert outcome(TARGETS[name], content) not in ("accepted", "")
    with pytest.raises(InputError, match=cause):
        TARGETS[name].read(content, tmp_path)
