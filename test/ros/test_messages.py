"""Instances as messages, and memory that stays."""

import cv2
import numpy as np
import pytest

pytest.importorskip("vision_msgs", reason="vision_msgs is not built")

from std_msgs.msg import Header  # noqa: E402

from instance_seg_node.instances import Instances  # noqa: E402
from instance_seg_node.ros.messages import KeptDetections, KeptImage, jpeg, png  # noqa: E402

pytestmark = pytest.mark.ros


def instances(count: int) -> Instances:
    boxes = np.float32([[k, 2 * k, 3 * k + 1, 4 * k + 3] for k in range(count)]).reshape(count, 4)
    return Instances(np.zeros((8, 8), np.uint16), np.arange(count) % 3, np.linspace(1, 0.5, count, dtype=np.float32),
                     boxes, np.ones(count, np.int64))


def test_an_image_keeps_its_memory_while_the_size_stays():
    kept = KeptImage("mono16", "uint16")
    first = kept.pixels(Header(), 3, 5)
    address = first.ctypes.data
    first[:] = 258
    assert kept.pixels(Header(frame_id="b"), 3, 5).ctypes.data == address
    message = kept.message
    assert (message.header.frame_id, message.height, message.width, message.step) == ("b", 3, 5, 10)
    assert bytes(message.data) == b"\x02\x01" * 15
    assert kept.pixels(Header(), 4, 5).shape == (4, 5)
    assert len(message.data) == 40


def test_a_colour_image_has_three_bytes_a_pixel():
    kept = KeptImage("rgb8", "uint8", channels=3)
    kept.pixels(Header(), 2, 4)[:] = (1, 2, 3)
    assert (kept.message.step, bytes(kept.message.data)) == (12, b"\x01\x02\x03" * 8)


def test_detections_are_the_rows_and_no_more_after_a_fuller_frame():
    kept = KeptDetections()
    for count in (0, 3, 100, 2, 0, 5):
        message = kept.fill(Header(frame_id=f"f{count}"), instances(count))
        assert [d.id for d in message.detections] == [str(k + 1) for k in range(count)]
        assert {d.header.frame_id for d in message.detections} <= {f"f{count}"}
    last = message.detections[4]
    assert (last.results[0].hypothesis.class_id, last.results[0].hypothesis.score) == ("1", 0.5)
    assert (last.bbox.center.position.x, last.bbox.center.position.y) == (8.5, 13.5)
    assert (last.bbox.size_x, last.bbox.size_y, last.bbox.center.theta) == (9, 11, 0)


def test_png_keeps_every_id():
    ids = np.arange(65535, dtype=np.uint16)[:65536 // 16 * 15].reshape(-1, 240)
    message = png(Header(frame_id="f"), ids)
    assert (message.header.frame_id, message.format) == ("f", "mono16; png compressed ")
    decoded = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, ids)


def test_jpeg_has_its_colours_in_order():
    message = jpeg(Header(), np.full((16, 16, 3), (250, 10, 20), np.uint8))
    assert message.format == "rgb8; jpeg compressed bgr8"
    blue, green, red = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)[8, 8]
    assert (int(red), int(green), int(blue)) == pytest.approx((250, 10, 20), abs=4)
