"""Simulated cameras, over real topics."""

import signal
import threading

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs", reason="ROS 2 is not installed: pip install .[ros]")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built: make test builds it")

from rclpy.qos import QoSProfile, ReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402

from instance_seg_node.datasets.street import Street  # noqa: E402
from instance_seg_node.encodings import rgb_of_compressed, rgb_of_image  # noqa: E402
from instance_seg_node.ros import camera_simulator  # noqa: E402

pytestmark = pytest.mark.ros

SIMULATOR = "instance_seg_node.ros.camera_simulator"
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
EXACT = {"reliability": "reliable", "wait_for_subscribers": True, "loop": False}
"""Every frame of the source arrives, once."""


def picture(seed, height=48, width=64):
    """Smooth, so that JPEG keeps it nearly."""
    return cv2.resize(np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8), (width, height))


@pytest.fixture
def folder(tmp_path):
    """Five pictures as PNG."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        cv2.imwrite(str(folder / f"{number}.png"), picture(number)[..., ::-1])
    return folder


@pytest.mark.parametrize("encoding", ["rgb8", "bgra8"])
def test_a_folder_arrives_whole_and_in_order(start, peer, folder, encoding):
    frames = peer.receive(Image, "/front/image_raw", RELIABLE)
    simulator = start(SIMULATOR, cameras=["/front"], source=folder, encoding=encoding, rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: len(frames) == 5)
    assert simulator.wait() == 0
    assert {frame.encoding for frame in frames} == {encoding}
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(rgb_of_image(frame), picture(number))


def test_a_frame_has_the_cameras_optical_frame_and_the_time_it_was_sent(start, peer, folder):
    frames = peer.receive(Image, "/rig/front/image_raw", RELIABLE)
    before = peer.node.get_clock().now().nanoseconds
    start(SIMULATOR, cameras=["/rig/front"], source=folder, rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: len(frames) == 5)
    stamps = [frame.header.stamp.sec * 10**9 + frame.header.stamp.nanosec for frame in frames]
    assert {frame.header.frame_id for frame in frames} == {"rig/front_optical_frame"}
    assert before < stamps[0]
    assert stamps == sorted(set(stamps))
    assert stamps[-1] < peer.node.get_clock().now().nanoseconds


def test_compressed_frames_are_jpeg_of_the_size_asked_for(start, peer, folder):
    frames = peer.receive(CompressedImage, "/camera/image_raw/compressed", RELIABLE)
    start(SIMULATOR, source=folder, transport="compressed", width=128, height=96, rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: len(frames) == 5)
    assert frames[0].format == "rgb8; jpeg compressed bgr8"
    for number, frame in enumerate(frames):
        expected = cv2.resize(picture(number), (128, 96))
        assert np.abs(rgb_of_compressed(frame).astype(int) - expected).mean() < 4


def test_jpeg_files_travel_as_they_are(start, peer, tmp_path):
    file = tmp_path / "one.jpg"
    cv2.imwrite(str(file), picture(0))
    frames = peer.receive(CompressedImage, "/camera/image_raw/compressed", RELIABLE)
    start(SIMULATOR, source=file, transport="compressed", rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: frames)
    assert frames[0].data.tobytes() == file.read_bytes()


def test_a_street_is_rendered_ahead_and_shown_over_and_over(start, peer):
    frames = peer.receive(Image, "/camera/image_raw", RELIABLE)
    simulator = start(SIMULATOR, source="street", street_seed=3, street_frames=2, width=96, height=64, count=4,
                      rates_hz=[10.0], reliability="reliable", wait_for_subscribers=True)
    peer.wait_until(lambda: len(frames) == 4)
    assert simulator.wait() == 0
    street = Street(3, 64, 96)
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(rgb_of_image(frame), street.render(number % 2 / 10).rgb)


def test_a_video_plays_all_its_frames(start, peer, tmp_path):
    file = tmp_path / "drive.mp4"
    video = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 48))
    for number in range(7):
        video.write(picture(number))
    video.release()
    frames = peer.receive(Image, "/camera/image_raw", RELIABLE)
    start(SIMULATOR, source=file, rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: len(frames) == 7)
    assert {(frame.height, frame.width) for frame in frames} == {(48, 64)}
    for number, frame in enumerate(frames):
        assert np.abs(rgb_of_image(frame)[..., ::-1].astype(int) - picture(number)).mean() < 8


def test_a_bag_plays_its_frames(start, peer, tmp_path):
    write_bag(tmp_path / "bag", {"/b/image": 2, "/a/image": 1})
    first = peer.receive(Image, "/first/image_raw", RELIABLE)
    second = peer.receive(Image, "/second/image_raw", RELIABLE)
    start(SIMULATOR, cameras=["/first", "/second"], source=tmp_path / "bag", rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: len(first) == len(second) == 3)
    np.testing.assert_array_equal(rgb_of_image(first[0]), picture(1))  # topics in order of their names
    np.testing.assert_array_equal(rgb_of_image(second[0]), picture(2))


def write_bag(path, topics):
    """A rosbag2 with three rgb8 images on each topic, all `picture(seed)`."""
    from rosbags.rosbag2 import Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    image, header, time = (types[name] for name in
                           ("sensor_msgs/msg/Image", "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    with Writer(path, version=9) as writer:
        for topic, seed in topics.items():
            connection = writer.add_connection(topic, image.__msgtype__, typestore=store)
            for number in range(3):
                message = image(header(time(number, 0), "camera"), 48, 64, "rgb8", 0, 192, picture(seed).reshape(-1))
                writer.write(connection, number * 10**9, store.serialize_cdr(message, image.__msgtype__))


def test_two_cameras_keep_rates_of_their_own(start, peer, folder):
    fast, slow = (peer.receive(Image, f"/{name}/image_raw", BEST_EFFORT) for name in ("fast", "slow"))
    start(SIMULATOR, cameras=["/fast", "/slow"], rates_hz=[40.0, 10.0], source=folder)
    peer.wait_until(lambda: len(slow) == 10)
    assert 3 * len(slow) <= len(fast) <= 5 * len(slow)


def test_count_ends_the_node_after_so_many_frames(start, peer, folder):
    frames = peer.receive(Image, "/camera/image_raw", RELIABLE)
    simulator = start(SIMULATOR, source=folder, count=12, rates_hz=[20.0], reliability="reliable",
                      wait_for_subscribers=True)
    assert simulator.wait() == 0
    peer.wait_until(lambda: len(frames) == 12)
    peer.spin(0.2)
    assert len(frames) == 12
    assert "/camera/image_raw: 12 frames sent" in simulator.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(start, peer, folder, number):
    frames = peer.receive(Image, "/camera/image_raw", BEST_EFFORT)
    simulator = start(SIMULATOR, source=folder, rates_hz=[100.0])
    peer.wait_until(lambda: frames)
    simulator.send(number)
    assert simulator.wait() == 0
    assert "Traceback" not in simulator.output


@pytest.mark.parametrize(("parameters", "text"), [
    ({"source": "/nowhere"}, "source '/nowhere' does not exist. Give `street`, or the path of a video"),
    ({"source": __file__}, "is not an image: it starts with"),
    ({"source": "config"}, "config holds no image or video file"),
    ({"transport": "carrier pigeon"}, "transport must be one of raw, compressed, got 'carrier pigeon'"),
    ({"encoding": "16UC1"}, "encoding must be one of rgb8, bgr8"),
    ({"reliability": "perfect"}, "reliability must be one of best_effort, reliable"),
    ({"rates_hz": [10.0, 20.0]}, "rates_hz must be one rate, or one for each of 1 cameras"),
    ({"rates_hz": [0.0]}, "above 0"),
    ({"rates_hz": [10]}, "expecting type 'DOUBLE_ARRAY'"),
    ({"cameras": ["/a", "/a"]}, "each once"),
    ({"width": 640}, "width and height must both be set, or neither"),
    ({"count": -1}, "count out of range"),
])
def test_what_cannot_be_played_is_one_clear_line_and_status_2(domain, arguments, monkeypatch, capfd,
                                                                  parameters, text):
    monkeypatch.setattr(camera_simulator, "tune", list)
    monkeypatch.setattr(camera_simulator, "stop_on_signals", threading.Event)
    assert camera_simulator.main(arguments(**parameters)) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("camera_simulator: ")]
    assert len(lines) == 1
    assert text in lines[0]


def test_a_bad_source_ends_the_process_with_status_2(start):
    simulator = start(SIMULATOR, source="/nowhere")
    assert simulator.wait() == 2
    assert "Traceback" not in simulator.output


def test_a_picture_that_turns_out_broken_ends_it_with_its_name(start, peer, folder):
    (folder / "3.png").write_text("not a picture")
    peer.receive(Image, "/camera/image_raw", RELIABLE)
    simulator = start(SIMULATOR, source=folder, rates_hz=[5.0], **EXACT)
    peer.wait_until(lambda: not simulator.running)
    assert simulator.wait() == 2
    assert f"{folder / '3.png'} is not an image" in simulator.output
