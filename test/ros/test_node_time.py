"""Ages: stale frames, clocks that are simulated, go back, or are unknown to the camera; and a network that fails."""

import numpy as np
import pytest
from node_fixtures import desk, image, node_in, scene, stamp_ns, tiny  # noqa: F401
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from instance_seg_node.ros.messages import jpeg, png

pytestmark = pytest.mark.ros

INSTANCES = "/camera/instance_seg/instances"


def now_ns(desk) -> int:  # noqa: F811
    return desk.node.get_clock().now().nanoseconds


def test_frames_older_than_max_age_ms_are_dropped_counted_and_explained(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "max_age_ms": 5000}) as node:
        desk.until_active()
        results, publisher = desk.record(INSTANCES, Image), desk.publisher("/camera/image_raw")
        rgb = scene(2, 64, 128)
        desk.deliver(publisher, image(rgb, 10**18),
                     lambda: desk.value("/camera", "dropped: stale") not in ("", "0"), "a stale frame, counted")
        assert desk.value("/camera", "state") == "stale"
        assert desk.status("/camera").level == b"\x02"
        assert "use_sim_time" in desk.status("/camera").message
        assert results == []
        publisher.publish(image(rgb, 10**18))
        desk.deliver(publisher, image(rgb, now_ns(desk)), lambda: results, "a young frame's mask")
        results.clear()
        desk.deliver(publisher, image(rgb, 0), lambda: results, "the mask of a frame without stamp")
        desk.until(lambda: desk.value("/camera", "state") == "unstamped", "that in diagnostics")
        results.clear()
        desk.deliver(publisher, image(rgb, now_ns(desk) + 10**12), lambda: results, "the mask of a frame of the future")
        desk.until(lambda: desk.value("/camera", "state") == "future", "that in diagnostics")
        assert node.output().count("frame dropped") == 1


def in_ms(value):
    """n/a, before the first mask of a period, is no time."""
    return float("nan") if value == "n/a" else float(value)


def test_simulated_time_rules_ages_and_diagnostics_and_may_go_back(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "use_sim_time": "true", "max_age_ms": 2000}):
        clock = desk.node.create_publisher(Clock, "/clock", 10)
        camera = desk.node.create_publisher(Image, "/camera/image_raw", 10)
        results = desk.record(INSTANCES, Image)
        for start_s in (5000, 100):  # a bag that loops
            desk.diagnostics.clear()
            results.clear()
            tick = 0
            while not (results and desk.value("/camera", "state") == "ok"
                       and 0 < in_ms(desk.value("/camera", "age max (ms)")) < 1000):
                tick += 1
                time_ns = start_s * 10**9 + tick * 10**8
                message = Clock()
                message.clock.sec, message.clock.nanosec = divmod(time_ns, 10**9)
                clock.publish(message)
                camera.publish(image(scene(2, 64, 128), time_ns - 5 * 10**7))
                desk.spend(0.05)
                assert tick < 600, desk.states()
            assert stamp_ns(results[-1]) < (start_s + 100) * 10**9
        assert desk.value("/camera", "dropped: stale") in ("", "0")


def test_compressed_cameras_are_segmented_and_damaged_files_counted(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "transport": "compressed"}):
        desk.until_active()
        results = desk.record(INSTANCES, Image)
        publisher = desk.publisher("/camera/image_raw/compressed", CompressedImage)
        header = image(scene(2, 128, 256), 12345).header
        desk.deliver(publisher, jpeg(header, scene(2, 128, 256)), lambda: results, "a jpeg's mask")
        assert results[0].header == header
        ids = np.frombuffer(results[0].data, np.uint16).reshape(128, 256)
        assert sorted(np.unique(ids)) == [0, 1, 2, 3]
        results.clear()
        damaged = jpeg(header, scene(2, 128, 256))
        damaged.data = damaged.data[:len(damaged.data) // 2]
        desk.deliver(publisher, damaged, lambda: desk.value("/camera", "dropped: undecodable image") not in ("", "0"),
                     "a damaged jpeg, counted")
        assert results == []
        desk.deliver(publisher, png(header, np.zeros((64, 128), np.uint16)), lambda: results, "a png's mask")


def test_a_network_that_fails_is_named_and_the_node_goes_on(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}, "slow_node", tracebacks=1) as node:
        desk.until_active()
        results, publisher = desk.record(INSTANCES, Image), desk.publisher("/camera/image_raw")
        white = np.full((64, 128, 3), 255, np.uint8)
        desk.deliver(publisher, image(white, 1), lambda: desk.value("/camera", "state") == "failed", "state failed")
        assert desk.status("/camera").level == b"\x02"
        assert "RuntimeError: white picture" in desk.status("/camera").message
        assert "RuntimeError: white picture" in node.output()
        desk.deliver(publisher, image(scene(2, 64, 128), 2), lambda: results, "the mask of a good frame")
        assert stamp_ns(results[0]) == 2
