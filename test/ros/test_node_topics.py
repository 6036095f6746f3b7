"""What the node publishes for what it gets: two cameras of different sizes, every output, over real topics."""

import cv2
import numpy as np
import pytest
from node_fixtures import (
    BEST_EFFORT,
    LATCHED,
    RELIABLE,
    Desk,
    desk_in,
    expected_ids,
    image,
    new_domain,
    node_in,
    pixels,
    scene,
    stamp_ns,
    tiny,  # noqa: F401
)
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray, LabelInfo

pytestmark = pytest.mark.ros

SIZES = {"/front": (256, 512), "/rear": (128, 256)}


@pytest.fixture(scope="module")
def rig(tiny, tmp_path_factory):  # noqa: F811
    """A desk and an active node with the cameras of SIZES."""
    with desk_in(new_domain()) as desk, node_in(desk.domain, tmp_path_factory.mktemp("node") / "log", {
            "model": tiny, "cameras": list(SIZES)}):
        desk.until_active()
        yield desk


class Results:
    """Everything that comes out for one camera."""

    def __init__(self, desk: Desk, camera: str):
        topic = f"{camera}/instance_seg"
        self.instances = desk.record(f"{topic}/instances", Image)
        self.classes = desk.record(f"{topic}/classes", Image)
        self.detections = desk.record(f"{topic}/detections", Detection2DArray)
        desk.until(lambda: all(desk.node.count_publishers(f"{topic}/{o}") for o in ("instances", "detections")))
        desk.spend(0.5)

    def complete(self, count: int) -> bool:
        return min(len(self.instances), len(self.classes), len(self.detections)) >= count


def send_each(desk: Desk, publisher, messages: list, results: Results) -> None:
    """Publish one after another, waiting for the results of each."""
    for message in messages:
        before = len(results.instances)
        desk.deliver(publisher, message, lambda n=before: results.complete(n + 1), "results of a frame")


def test_every_output_has_its_inputs_header_and_size_and_the_objects_of_that_frame(rig):
    for camera, (height, width) in SIZES.items():
        results = Results(rig, camera)
        publisher = rig.publisher(f"{camera}/image_raw")
        sent = [image(scene(n, height, width), 1_700_000_000_123_456_789 + n, f"{camera}_optical") for n in range(6)]
        send_each(rig, publisher, sent, results)
        for n, message in enumerate(sent):
            ids, classes, detections = results.instances[n], results.classes[n], results.detections[n]
            assert ids.header == classes.header == detections.header == message.header
            assert (ids.encoding, ids.step, ids.is_bigendian) == ("mono16", 2 * width, 0)
            assert (classes.encoding, classes.step) == ("mono8", width)
            np.testing.assert_array_equal(pixels(ids), expected_ids(scene(n, height, width)))


def test_ids_detections_and_classes_say_the_same(rig):
    height, width = SIZES["/front"]
    results = Results(rig, "/front")
    message = image(scene(2, height, width), 77)
    send_each(rig, rig.publisher("/front/image_raw"), [message], results)
    ids, classes, found = pixels(results.instances[0]), pixels(results.classes[0]), results.detections[0].detections
    assert [d.id for d in found] == ["1", "2", "3"]
    assert {str(k) for k in np.unique(ids)} - {"0"} == {d.id for d in found}
    assert [d.results[0].hypothesis.class_id for d in found] == ["0", "0", "1"]
    scores = [d.results[0].hypothesis.score for d in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1)
    assert (classes[ids == 0] == 255).all()
    for detection in found:
        rows, columns = np.nonzero(ids == int(detection.id))
        box = detection.bbox
        assert detection.header == message.header
        assert set(classes[rows, columns]) == {int(detection.results[0].hypothesis.class_id)}
        assert (box.center.position.x, box.size_x) == ((columns.min() + columns.max() + 1) / 2, np.ptp(columns) + 1)
        assert (box.center.position.y, box.size_y) == ((rows.min() + rows.max() + 1) / 2, np.ptp(rows) + 1)


def test_a_picture_of_nothing_has_empty_results_of_its_own(rig):
    results = Results(rig, "/rear")
    send_each(rig, rig.publisher("/rear/image_raw"), [image(np.zeros((128, 256, 3), np.uint8), 5)], results)
    assert not pixels(results.instances[0]).any()
    assert (pixels(results.classes[0]) == 255).all()
    assert results.detections[0].detections == []


def test_a_camera_that_changes_its_size_is_followed(rig):
    results = Results(rig, "/rear")
    sizes = [(128, 256), (256, 512), (64, 128), (128, 256)]
    send_each(rig, rig.publisher("/rear/image_raw"), [image(scene(n, *size), n + 1) for n, size in enumerate(sizes)],
              results)
    for n, size in enumerate(sizes):
        np.testing.assert_array_equal(pixels(results.instances[n]), expected_ids(scene(n, *size)))
        assert (pixels(results.classes[n]) == 255).sum() == (expected_ids(scene(n, *size)) == 0).sum()


@pytest.mark.parametrize("qos", [BEST_EFFORT, RELIABLE], ids=["best effort", "reliable"])
def test_publishers_of_either_reliability_are_heard(rig, qos):
    results = Results(rig, "/rear")
    send_each(rig, rig.publisher("/rear/image_raw", Image, qos), [image(scene(n, 128, 256), n + 1) for n in range(3)],
              results)
    assert [stamp_ns(m) for m in results.instances] == [1, 2, 3]


def test_a_late_joiner_receives_label_info(rig):
    infos = rig.record("/front/instance_seg/label_info", LabelInfo, LATCHED)
    rig.until(lambda: infos, "label_info")
    assert [(c.class_id, c.class_name) for c in infos[0].class_map] == [(0, "car"), (1, "person")]
    assert infos[0].threshold == pytest.approx(0.9)


def test_pictures_are_made_only_while_someone_subscribes(rig):
    results = Results(rig, "/front")
    publisher = rig.publisher("/front/image_raw")
    height, width = SIZES["/front"]
    assert rig.value("segmentation", "overlay p50 (ms)") == rig.value("segmentation", "png p50 (ms)") == ""

    prefix = "/front/instance_seg"
    overlays = rig.record(f"{prefix}/overlay", Image)
    jpegs = rig.record(f"{prefix}/overlay/compressed", CompressedImage)
    pngs = rig.record(f"{prefix}/instances/compressed", CompressedImage)
    number = 0
    while not (overlays and jpegs and pngs):
        number += 1
        send_each(rig, publisher, [image(scene(2, height, width), number)], results)
        rig.spend(0.1)
        assert number < 100
    rgb = scene(2, height, width)
    assert overlays[0].encoding == "rgb8"
    assert pixels(overlays[0]).shape == (height, width, 3)
    assert not np.array_equal(pixels(overlays[0]), rgb)
    assert jpegs[0].format == "rgb8; jpeg compressed bgr8"
    assert cv2.imdecode(np.frombuffer(jpegs[0].data, np.uint8), cv2.IMREAD_COLOR).shape == (height, width, 3)
    assert pngs[0].format == "mono16; png compressed "
    ids = cv2.imdecode(np.frombuffer(pngs[0].data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert ids.dtype == np.uint16
    np.testing.assert_array_equal(ids, expected_ids(rgb))
    by_stamp = {stamp_ns(m): m.header for m in results.instances}
    assert all(m.header == by_stamp[stamp_ns(m)] for m in (overlays[0], jpegs[0], pngs[0]))
    rig.until(lambda: rig.value("segmentation", "overlay p50 (ms)"), "overlay's time in diagnostics")


def broken(cause: str, number: int) -> Image:
    """A frame that is unusable for one cause."""
    message = image(scene(2, 128, 256), number)
    if cause == "wrong step":
        message.step = 100
    elif cause == "short data":
        message.data = message.data[:1000]
    elif cause == "unknown encoding":
        message.encoding = "rgb9"
    elif cause == "zero size":
        message.height = message.width = message.step = 0
        message.data = message.data[:0]
    elif cause == "absurd size":
        message.height = message.width = 2**31
    elif cause == "odd size":
        message.encoding, message.width = "uyvy", 255
    return message


CAUSES = ("wrong step", "short data", "unknown encoding", "zero size", "absurd size", "odd size")


def test_malformed_frames_lose_no_good_one_and_are_counted_by_cause(rig):
    results = Results(rig, "/rear")
    publisher = rig.publisher("/rear/image_raw")
    good = [image(scene(n, 128, 256), 1000 + n) for n in range(len(CAUSES) * 3)]
    for n, message in enumerate(good):
        cause = CAUSES[n % len(CAUSES)]
        counted = f"dropped: {cause}"
        publisher.publish(broken(cause, 1))
        if n < len(CAUSES):  # the first of each kind are seen to be counted, so they were not merely replaced
            rig.until(lambda c=cause: publisher.publish(broken(c, 1)) or c in rig.status("/rear").message, cause)
            assert int(rig.value("/rear", counted)) > 0
        else:
            rig.spend(0.1)
        send_each(rig, publisher, [message], results)
    assert [stamp_ns(m) for m in results.instances] == [stamp_ns(m) for m in good]
    for n, message in enumerate(results.instances):
        np.testing.assert_array_equal(pixels(message), expected_ids(scene(n, 128, 256)))


def test_every_frame_ends_as_processed_or_dropped(rig):
    def sums() -> bool:
        return all(int(rig.value(c, "received") or -1) == int(rig.value(c, "processed")) + int(rig.value(c, "dropped"))
                   for c in SIZES)
    rig.until(sums, "sums that agree")
    assert int(rig.value("/rear", "processed")) > 0
