"""Recordings in, recordings out, through the whole of `instance-seg bag`."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from bag_files import KINDS, compressed, image, pixels, plain, read_bag, write_bag, write_bag1
from tiny_model import blobs

from instance_seg_node.bag_messages import typestore
from instance_seg_node.bags import camera_of
from instance_seg_node.cli import main

DATA = Path(__file__).parents[2] / "shared" / "data" / "bags"
SECOND = 10**9

TYPE_HASHES = {  # of vision_msgs 4.1.1
    "Detection2DArray": "214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
    "Detection2D": "0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea",
    "LabelInfo": "3d37df4015cdf660cc851c51897f2acd957e1ca6205ba0a99aebffb9406b0783",
    "VisionClass": "1e4a11f0fed50b5623cb8ff26ca0e37952a48a9c074d16f804b44e9164c2037a",
    "ObjectHypothesis": "51da43ce",
    "ObjectHypothesisWithPose": "41c12344",
    "BoundingBox2D": "008eacbb",
    "Pose2D": "b0b5d1d7",
    "Point2D": "eab0e83f",
}


@pytest.fixture
def run(model):
    """Run `instance-seg bag` with the tiny model; gives the exit status."""
    return lambda *arguments: main(["bag", *map(str, arguments), "--model", str(model)])


def frames(count: int, *, topic: str = "/cam/image_raw", make=image, **fields) -> list[tuple]:
    """Pictures of one more instance each (none, one, two, three, none, ...), not stamped with when they are logged."""
    return [(topic, 100 * SECOND + i * SECOND // 10, make(first_blobs(i % 4), (50 + i, 7 * i), **fields))
            for i in range(count)]


def first_blobs(number: int) -> np.ndarray:
    rgb = blobs()
    rgb[:, [0, 48, 80, 112][number]:] = 0
    return rgb


def assert_is_answer(results: dict, recorded: list[tuple], camera: str = "/cam") -> None:
    """Every recorded frame has its results, once, under its header and log time, and they are right."""
    topics = {name: results[f"{camera}/instance_seg/{name}"] for name in ("instances", "classes", "detections")}
    for topic in topics.values():
        assert [log_ns for log_ns, _ in topic] == [log_ns for _, log_ns, _ in recorded]
        assert [plain(m.header) for _, m in topic] == [plain(m.header) for _, _, m in recorded]
    for i, ((_, id_map), (_, class_map), (_, found)) in enumerate(zip(*topics.values(), strict=True)):
        wanted = np.zeros((64, 128), int)
        wanted[16:48, 16:48], wanted[16:48, 48:80], wanted[16:48, 80:112] = 1, 2, 3
        wanted[wanted > i % 4] = 0
        np.testing.assert_array_equal(pixels(id_map), wanted)
        np.testing.assert_array_equal(pixels(class_map), np.array([255, 0, 0, 1])[wanted])
        assert [detection.id for detection in found.detections] == ["1", "2", "3"][:i % 4]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_of_a_rosbag2_has_its_results_once_under_its_header_and_log_time(kind, tmp_path, run):
    recorded = frames(9)
    assert run(write_bag(tmp_path / "in", recorded, kind), tmp_path / "out") == 0
    assert_is_answer(read_bag(tmp_path / "out"), recorded)


def test_every_frame_of_a_rosbag1_has_its_results_once_under_its_header_and_log_time(tmp_path, run):
    recorded = frames(9, ros1=True)
    assert run(write_bag1(tmp_path / "in.bag", recorded), tmp_path / "out") == 0
    assert_is_answer(read_bag(tmp_path / "out"), recorded)


@pytest.mark.parametrize(("kind", "suffix"), [("mcap", "mcap"), ("sqlite3", "db3")])
def test_every_frame_of_a_recording_in_several_files_has_its_results_once(kind, suffix, tmp_path, run):
    recorded = frames(9)
    bag, rest = write_bag(tmp_path / "in", recorded[:4], kind), write_bag(tmp_path / "rest", recorded[4:], kind)
    (rest / f"rest.{suffix}").rename(bag / f"rest.{suffix}")
    metadata = yaml.safe_load((bag / "metadata.yaml").read_text())
    information = metadata["rosbag2_bagfile_information"]
    information["relative_file_paths"].append(f"rest.{suffix}")
    information["message_count"] = information["topics_with_message_count"][0]["message_count"] = 9
    (bag / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    assert run(bag, tmp_path / "out", "--strict") == 0
    assert_is_answer(read_bag(tmp_path / "out"), recorded)


@pytest.mark.parametrize("name", ["bag.mcap", "bag.db3"])
def test_a_single_file_of_a_rosbag2_is_read_without_metadata(name, tmp_path, run):
    recorded = frames(3)
    folder = write_bag(tmp_path / "bag", recorded, {"bag.mcap": "mcap", "bag.db3": "sqlite3"}[name])
    (folder / "metadata.yaml").unlink()
    assert run(folder / name, tmp_path / "out") == 0
    assert_is_answer(read_bag(tmp_path / "out"), recorded)


def test_cameras_raw_and_compressed_keep_apart(tmp_path, run):
    left, right = frames(5), frames(7, topic="/rig/right/image_raw/compressed", make=compressed, frame_id="right")
    both = sorted(left + right, key=lambda entry: entry[1])
    assert run(write_bag(tmp_path / "in", both), tmp_path / "out") == 0
    results = read_bag(tmp_path / "out")
    assert_is_answer(results, left)
    assert_is_answer(results, right, "/rig/right")


def test_a_detection_has_box_class_and_score_of_its_instance(tmp_path, run):
    run(write_bag(tmp_path / "in", frames(4)), tmp_path / "out")
    _, message = read_bag(tmp_path / "out")["/cam/instance_seg/detections"][3]
    rows = [(d.results[0].hypothesis.class_id, d.results[0].hypothesis.score, d.bbox.center.position.x,
             d.bbox.center.position.y, d.bbox.size_x, d.bbox.size_y) for d in message.detections]
    assert rows == [("0", 1.0, 32, 32, 32, 32), ("0", np.float32(245 / 255), 64, 32, 32, 32),
                    ("1", np.float32(235 / 255), 96, 32, 32, 32)]
    assert all(plain(d.header) == plain(message.header) for d in message.detections)


def test_label_info_comes_with_the_first_frame_and_every_five_seconds(tmp_path, run):
    run(write_bag(tmp_path / "in", frames(120)), tmp_path / "out")
    labels = read_bag(tmp_path / "out")["/cam/instance_seg/label_info"]
    assert [log_ns / SECOND for log_ns, _ in labels] == [100, 105, 110]
    assert [(c.class_id, c.class_name) for c in labels[0][1].class_map] == [(0, "car"), (1, "person")]
    assert labels[0][1].threshold == pytest.approx(0.9)


def test_label_info_is_latched_for_a_player(tmp_path, run):
    run(write_bag(tmp_path / "in", frames(1)), tmp_path / "out")
    from rosbags.rosbag2 import Reader

    with Reader(tmp_path / "out") as reader:
        durability = {c.topic: c.ext.offered_qos_profiles[0].durability.name for c in reader.connections}
    assert durability.pop("/cam/instance_seg/label_info") == "TRANSIENT_LOCAL"
    assert set(durability.values()) == {"VOLATILE"}


def test_two_runs_give_the_same_bytes_under_any_name(tmp_path, run):
    bag = write_bag(tmp_path / "in", frames(30) + frames(3, topic="/b/image_raw/compressed", make=compressed))
    for out in ("one", "another"):
        assert run(bag, tmp_path / out, "--overlay", "--with-input") == 0
    files = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert files == ["instance_seg.mcap", "metadata.yaml"]
    assert files == sorted(file.name for file in (tmp_path / "another").iterdir())
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "another" / file).read_bytes()


@pytest.mark.parametrize("ros1", [False, True])
def test_with_input_copies_the_images_as_they_are(ros1, tmp_path, run):
    recorded = frames(3, ros1=ros1)
    bag = write_bag1(tmp_path / "in.bag", recorded) if ros1 else write_bag(tmp_path / "in", recorded)
    assert run(bag, tmp_path / "out", "--with-input", "--overlay") == 0
    results = read_bag(tmp_path / "out")
    for (_, log_ns, message), (copied_ns, copy) in zip(recorded, results["/cam/image_raw"], strict=True):
        assert (copied_ns, copy.encoding, copy.step) == (log_ns, "bgr8", message.step)
        assert plain(copy.header) == plain(message.header)
        np.testing.assert_array_equal(copy.data, message.data)
    assert len(results["/cam/instance_seg/overlay/compressed"]) == 3


def test_results_in_a_bag_are_not_segmented_again(tmp_path, run, capsys):
    run(write_bag(tmp_path / "in", frames(2)), tmp_path / "once", "--with-input", "--overlay")
    capsys.readouterr()
    assert run(tmp_path / "once", tmp_path / "twice") == 0
    assert "left out, as depth images or results; --topics takes them in: " in capsys.readouterr().err
    assert set(read_bag(tmp_path / "twice")) == {f"/cam/instance_seg/{name}" for name in
                                                 ("instances", "classes", "detections", "label_info")}


def test_raw_and_compressed_of_one_camera_must_be_told_apart(tmp_path, run, capsys):
    bag = write_bag(tmp_path / "in", frames(2) + frames(3, topic="/cam/image_raw/compressed", make=compressed))
    assert run(bag, tmp_path / "out") == 2
    assert "/cam/image_raw and /cam/image_raw/compressed both belong to camera /cam" in capsys.readouterr().err
    assert run(bag, tmp_path / "out", "--topics", "/cam/image_raw/compressed") == 0
    assert len(read_bag(tmp_path / "out")["/cam/instance_seg/instances"]) == 3


@pytest.mark.parametrize(("topic", "camera"), [
    ("/a/b/image_raw", "/a/b"), ("/a/image_raw/compressed", "/a"), ("/a/image_rect_color", "/a"),
    ("/image", ""), ("/front", "/front"), ("/front/compressed", "/front")])
def test_the_camera_of_a_topic_is_its_namespace(topic, camera):
    assert camera_of(topic) == camera


@pytest.mark.parametrize(("recorded_type", "named_type"), [("sensor_msgs/msg/Image", "sensor_msgs/Image")])
def test_a_type_that_metadata_names_otherwise_is_found(recorded_type, named_type, tmp_path, run):
    bag = write_bag(tmp_path / "in", frames(4))
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace(recorded_type, named_type))
    assert run(bag, tmp_path / "out") == 0
    assert_is_answer(read_bag(tmp_path / "out"), frames(4))


def test_a_frame_that_cannot_be_used_is_reported_and_loses_no_other(tmp_path, run, capsys):
    recorded = frames(6)
    recorded[2][2].encoding = "no_such"
    recorded[4] = (*recorded[4][:2], ("sensor_msgs/msg/Image", b"\0\1\0\0damaged"))
    assert run(write_bag(tmp_path / "in", recorded), tmp_path / "out") == 0
    said = capsys.readouterr()
    assert "4 frames" in said.out
    assert "1 not used: unknown encoding: 'no_such'" in said.out
    assert "(frame 2 of /cam/image_raw, recorded at 100200000000 ns)" in said.err
    assert "undecodable message: 11 bytes, no sensor_msgs/msg/Image" in said.err
    kept = [log_ns for log_ns, _ in read_bag(tmp_path / "out")["/cam/instance_seg/instances"]]
    assert kept == [recorded[i][1] for i in (0, 1, 3, 5)]


def test_strict_stops_at_a_frame_that_cannot_be_used_and_leaves_no_bag(tmp_path, run, capsys):
    recorded = frames(6)
    recorded[2][2].encoding = "no_such"
    assert run(write_bag(tmp_path / "in", recorded), tmp_path / "out", "--strict") == 2
    assert "unknown encoding: 'no_such'" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in"]


def test_a_bag_of_which_no_frame_can_be_used_gives_no_bag(tmp_path, run, capsys):
    recorded = frames(2)
    for _, _, message in recorded:
        message.step = 1
    assert run(write_bag(tmp_path / "in", recorded), tmp_path / "out") == 2
    assert "no frame could be used" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in"]


def test_fewer_messages_than_the_index_lists_are_reported(tmp_path, run, capsys):
    bag = write_bag(tmp_path / "in", frames(4))
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: 4", "message_count: 5"))
    assert run(bag, tmp_path / "out") == 0
    assert "its index lists 5 messages on /cam/image_raw, but it holds 4" in capsys.readouterr().err
    assert run(bag, tmp_path / "strict", "--strict") == 2


def cut(bag: Path) -> None:
    file = bag / "in.mcap"
    os.truncate(file, file.stat().st_size // 2)


def no_database(bag: Path) -> None:
    (bag / "in.db3").write_text("hello")


def no_metadata(bag: Path) -> None:
    (bag / "metadata.yaml").unlink()


def broken_metadata(bag: Path) -> None:
    (bag / "metadata.yaml").write_text("{{{")


def no_file(bag: Path) -> None:
    (bag / "in.mcap").unlink()


@pytest.mark.parametrize(("damage", "kind", "said"), [
    (cut, "mcap", "in cannot be read as a bag: File end magic is invalid. If the recording was cut off, repair it: "
                  "mcap recover "),
    (no_database, "sqlite3", "file is not a database"),
    (no_metadata, "mcap", "is not a bag, it has no metadata.yaml. Give the file itself, "),
    (broken_metadata, "mcap", "metadata.yaml is not YAML"),
    (no_file, "mcap", "Some database files are missing"),
])
def test_a_damaged_bag_is_one_clear_line(damage, kind, said, tmp_path, run, capsys):
    bag = write_bag(tmp_path / "in", frames(3), kind)
    damage(bag)
    assert run(bag, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert said in error
    assert str(bag) in error
    assert len(error.splitlines()) == 1
    assert os.listdir(tmp_path) == ["in"]


def test_a_rosbag1_that_is_none_is_one_clear_line(tmp_path, run, capsys):
    (tmp_path / "in.bag").write_text("hello")
    assert run(tmp_path / "in.bag", tmp_path / "out") == 2
    assert f"rosbag reindex {tmp_path / 'in.bag'}" in capsys.readouterr().err


def test_damage_in_the_middle_is_found_and_leaves_no_bag(tmp_path, run, capsys):
    bag = write_bag(tmp_path / "in", frames(200), "mcap, zstd in chunks")
    file = bag / "in.mcap"
    content = bytearray(file.read_bytes())
    middle = len(content) // 3
    content[middle:middle + 200] = bytes(200)
    file.write_bytes(content)
    assert run(bag, tmp_path / "out") == 2
    assert "cannot be read as a bag" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["in"]


def test_a_bag_without_images_and_an_unknown_topic_name_what_there_is(tmp_path, run, capsys):
    text = typestore().types["std_msgs/msg/Header"](
        stamp=typestore().types["builtin_interfaces/msg/Time"](sec=0, nanosec=0), frame_id="")
    assert run(write_bag(tmp_path / "in", [("/x", 1, text)]), tmp_path / "out") == 2
    assert "has no camera images" in capsys.readouterr().err
    assert run(write_bag(tmp_path / "images", frames(1)), tmp_path / "out", "--topics", "/nope") == 2
    assert "has no image topic /nope. Its image topics: /cam/image_raw" in capsys.readouterr().err


def test_a_bag_is_replaced_only_when_told_to(tmp_path, run, capsys):
    bag = write_bag(tmp_path / "in", frames(2))
    run(bag, tmp_path / "out")
    before = (tmp_path / "out" / "instance_seg.mcap").read_bytes()
    more = write_bag(tmp_path / "more", frames(5))
    assert run(more, tmp_path / "out") == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "out" / "instance_seg.mcap").read_bytes() == before
    assert run(more, tmp_path / "out", "--overwrite") == 0
    assert len(read_bag(tmp_path / "out")["/cam/instance_seg/instances"]) == 5
    assert sorted(os.listdir(tmp_path)) == ["in", "more", "out"]


def test_overwrite_touches_nothing_but_a_bag(tmp_path, run, capsys):
    bag = write_bag(tmp_path / "in", frames(2))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("all of it")
    assert run(bag, tmp_path / "thesis", "--overwrite") == 2
    assert "is not a bag" in capsys.readouterr().err
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "all of it"


@pytest.mark.parametrize("out", ["in", "in/out", "."])
def test_input_and_output_may_not_lie_in_one_another(out, tmp_path, run):
    bag = write_bag(tmp_path / "in", frames(2))
    assert run(bag, tmp_path / out, "--overwrite") == 2
    assert len(read_bag(bag)["/cam/image_raw"]) == 2


@pytest.mark.parametrize("name", TYPE_HASHES)
def test_vision_msgs_types_are_those_of_ros(name):
    assert typestore().hash_rihs01(f"vision_msgs/msg/{name}").startswith(f"RIHS01_{TYPE_HASHES[name]}")


@pytest.mark.parametrize(("name", "topic", "count"), [
    ("kitti_compressed_mcap", "/kitti/camera_color_left", 78),
    ("kitti_raw_sqlite3", "/kitti/camera_color_left", 20),
    ("robot_zstd_mcap", "/camera", 2)])
def test_a_real_bag_has_results_for_every_frame(name, topic, count, tmp_path, run):
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not there")
    copy = shutil.copytree(DATA / name, tmp_path / "in")
    assert run(copy, tmp_path / "out") == 0
    results = read_bag(tmp_path / "out")
    for output in ("instances", "classes", "detections"):
        assert len(results[f"{topic}/instance_seg/{output}"]) == count
