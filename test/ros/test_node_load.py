"""Large images, many images, and images that do not arrive: cameras in processes of their own."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from node_fixtures import (
    RELIABLE,
    Process,
    desk,  # noqa: F401
    expected_ids,
    node_in,
    pixels,
    scene,
    tiny,  # noqa: F401
)
from sensor_msgs.msg import Image

from instance_seg_node.ros.distribution import profile_variable

pytestmark = pytest.mark.ros
HERE = Path(__file__).parent


@contextmanager
def blob_camera(domain: int, folder: Path, *arguments, profile: bool = True):
    """blob_camera.py, running; its first argument names its log file, too."""
    log = folder / f"{str(arguments[0]).strip('/').replace('/', '_')}.log"
    process = Process([str(HERE / "blob_camera.py"), *map(str, arguments)], domain, log, profile=profile)
    try:
        yield process
    finally:
        process.end()


def test_a_large_best_effort_camera_with_our_profile_loses_nothing(desk, tiny, tmp_path):  # noqa: F811
    deep = {"qos_overrides./camera/image_raw.subscription.depth": 20}  # what a busy test machine takes late is not lost
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, **deep}):
        desk.until_active()
        results = desk.record("/camera/instance_seg/instances", Image)
        desk.until(lambda: desk.node.count_publishers("/camera/instance_seg/instances"))
        with blob_camera(desk.domain, tmp_path, "/camera/image_raw", 1024, 2048, 5, "best_effort", "tuned", 20):
            desk.until(lambda: int(desk.value("/camera", "received") or 0) == 20, "20 frames")
            desk.until(lambda: len(results) == 20 - int(desk.value("/camera", "dropped") or 0), "their results")
        assert set(results_by_number(results)) <= set(range(20))
        for number, message in results_by_number(results).items():
            assert (message.height, message.width) == (1024, 2048)
            np.testing.assert_array_equal(pixels(message), expected_ids(scene(number, 1024, 2048)))


def results_by_number(results: list[Image]) -> dict[int, Image]:
    return {int(message.header.frame_id): message for message in results}


def test_a_large_best_effort_camera_without_the_profile_is_named(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}) as node:
        desk.until_active()
        with blob_camera(desk.domain, tmp_path, "/camera/image_raw", 1024, 2048, 5, "best_effort", "untuned",
                         profile=False):
            desk.until(lambda: desk.value("/camera", "state") == "silent", "state silent")
            status = desk.status("/camera")
            assert status.level == b"\x02"
            assert "/camera/image_raw has 1 publisher(s), but no frame has arrived" in status.message
            variable = f"{profile_variable(os.environ)}="
            assert variable in status.message
            profile = status.message.split(variable)[1].split()[0]
            assert Path(profile).name == "fastdds_large_images.xml"
            assert Path(profile).is_file()
            desk.spend(2.5)
        assert node.output().count("no frame has arrived") == 1


def test_two_cameras_at_different_rates_and_sizes_both_get_their_share(desk, tiny, tmp_path):  # noqa: F811
    sizes = {"/fast": (128, 256), "/slow": (256, 512)}
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "cameras": list(sizes)}):
        desk.until_active()
        results = {camera: desk.record(f"{camera}/instance_seg/instances", Image) for camera in sizes}
        with blob_camera(desk.domain, tmp_path, "/fast/image_raw", *sizes["/fast"], 20, "reliable", "tuned"), \
                blob_camera(desk.domain, tmp_path, "/slow/image_raw", *sizes["/slow"], 3, "best_effort", "untuned",
                            profile=False):
            desk.until(lambda: len(results["/slow"]) >= 6 and len(results["/fast"]) >= 20, "both cameras' results")
    for camera, size in sizes.items():
        for number, message in results_by_number(results[camera]).items():
            np.testing.assert_array_equal(pixels(message), expected_ids(scene(number, *size)))


def test_under_overload_masks_stay_young_memory_stays_flat_and_no_camera_starves(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "cameras": ["/a", "/b"]},
                 module="slow_node") as node:
        desk.until_active()
        ages_ms = {"/a": [], "/b": []}

        def note(camera):
            def keep(message):
                now_ns = desk.node.get_clock().now().nanoseconds
                ages_ms[camera].append((now_ns - message.header.stamp.sec * 10**9 - message.header.stamp.nanosec) / 1e6)
            return keep

        for camera in ages_ms:
            desk.node.create_subscription(Image, f"{camera}/instance_seg/instances", note(camera), RELIABLE)
        with blob_camera(desk.domain, tmp_path, "/a/image_raw", 256, 512, 60, "best_effort", "tuned"), \
                blob_camera(desk.domain, tmp_path, "/b/image_raw", 128, 256, 30, "reliable", "tuned"):
            desk.until(lambda: min(map(len, ages_ms.values())) >= 5, "first results")
            early = {camera: len(ages) for camera, ages in ages_ms.items()}
            early_mb = psutil.Process(node.pid).memory_info().rss / 2**20
            desk.until(lambda: all(len(ages) >= early[c] + 20 for c, ages in ages_ms.items()), "more results")
            more = [len(ages) - early[camera] for camera, ages in ages_ms.items()]
            late_mb = psutil.Process(node.pid).memory_info().rss / 2**20
            desk.until(lambda: int(desk.value("/a", "dropped: replaced") or 0) > 100, "replaced frames")
    for camera, ages in ages_ms.items():
        # A queue would have made it 5 s and more by now: 60 frames a second come, 3 go.
        assert max(ages) < 3000, (camera, ages)
    assert max(more) - min(more) <= 3
    assert late_mb - early_mb < 40  # 20 results later 400 more frames of 0.4 MB have come: 150 MB
