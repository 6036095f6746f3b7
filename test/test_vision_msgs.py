"""The messages that we build are, byte for byte on the wire, those of vision_msgs 4.1.1."""

import importlib.util
import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros,
              pytest.mark.skipif(not importlib.util.find_spec("vision_msgs"), reason="vision_msgs is not importable")]

HASHES = {
    "Detection2DArray": "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
    "Detection2D": "0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea",
    "LabelInfo": "3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783",
    "VisionClass": "1e4a11f0fed50b5623cb8ff26ca0e37952a48a9c074d16f804b44e9164c2037a",
    "ObjectHypothesis": "51da43ce",  # from here on upstream's first digits
    "ObjectHypothesisWithPose": "41c12344",
    "BoundingBox2D": "008eacbb",
    "Pose2D": "b0b5d1d7",
    "Point2D": "eab0e83f",
}


def described_types() -> Path:
    """The folder where vision_msgs describes its types, above the Python package that would be imported."""
    package = Path(importlib.util.find_spec("vision_msgs").origin)
    for prefix in package.parents:
        if (prefix / "share" / "vision_msgs" / "msg").is_dir():
            return prefix / "share" / "vision_msgs" / "msg"
    raise AssertionError(f"no share/vision_msgs/msg above {package}")


@pytest.mark.parametrize(("name", "expected"), HASHES.items())
def test_type_hash_is_upstreams(name, expected):
    description = described_types() / f"{name}.json"
    if not description.is_file():
        pytest.skip("this distribution, older than Iron, has no type hashes")
    hashes = {h["type_name"]: h["hash_string"] for h in json.loads(description.read_text())["type_hashes"]}
    assert hashes[f"vision_msgs/msg/{name}"].startswith(f"RIHS01_{expected}")


def test_a_detection_array_survives_the_wire():
    from rclpy.serialization import deserialize_message, serialize_message
    from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesisWithPose

    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id, result.hypothesis.score = "car", 0.75
    box = BoundingBox2D(size_x=20.0, size_y=10.0)
    box.center.position.x = 40.5
    sent = Detection2DArray(detections=[Detection2D(id="1", results=[result], bbox=box)])
    assert deserialize_message(serialize_message(sent), Detection2DArray) == sent
