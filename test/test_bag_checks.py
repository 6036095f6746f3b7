"""Bags that were made to deceive, or whose content is of other kinds than a recorder writes."""

import os
import sqlite3

import numpy as np
import pytest
import yaml
from bag_files import image, write_bag

from instance_seg_node.bags import open_bag
from instance_seg_node.errors import InputError

PICTURE = np.zeros((4, 6, 3), np.uint8)


def bag_of(tmp_path, kind="mcap"):
    return write_bag(tmp_path / "in", [("/cam/image_raw", 5 + i, image(PICTURE, (1, i))) for i in range(3)], kind)


def with_metadata(bag, **values):
    """The bag with other values in its metadata.yaml."""
    metadata = yaml.safe_load((bag / "metadata.yaml").read_text())
    metadata["rosbag2_bagfile_information"].update(values)
    (bag / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return bag


def read(path):
    with open_bag(path) as bag:
        return [recorded.message() for recorded in bag.recorded(bag.topics)]


@pytest.mark.parametrize("name", ["../secret.mcap", "/etc/secret.mcap", "in/../../secret.mcap", ".."])
def test_a_bag_that_lists_a_file_outside_its_folder_is_refused(name, tmp_path):
    bag = with_metadata(bag_of(tmp_path), relative_file_paths=[name])
    with pytest.raises(InputError, match="metadata.yaml lists the file .* which is not in the bag's folder"):
        read(bag)


def test_the_folders_own_name_before_a_file_is_no_way_out(tmp_path):
    assert len(read(with_metadata(bag_of(tmp_path), relative_file_paths=["in/in.mcap"]))) == 3


@pytest.mark.parametrize("listed", [True, False], ids=["in a bag's folder", "by itself"])
def test_a_name_that_sqlite_would_take_for_another_path_is_refused(listed, tmp_path):
    bag = bag_of(tmp_path, "sqlite3")
    (bag / "in.db3").rename(tmp_path / "secret.db3")
    decoy = bag / "..%2fsecret.db3"
    decoy.write_bytes(b"")
    with_metadata(bag, relative_file_paths=[decoy.name])
    with pytest.raises(InputError, match="secret.db3 has one of [?] # % in its path, which SQLite reads otherwise"):
        read(bag if listed else decoy)


def test_a_pipe_in_the_place_of_a_recording_is_not_waited_for(tmp_path):
    bag = bag_of(tmp_path)
    (bag / "in.mcap").unlink()
    os.mkfifo(bag / "in.mcap")
    with pytest.raises(InputError, match="in.mcap is part of a bag by its metadata.yaml, but is not a file"):
        read(bag)
    with pytest.raises(InputError, match="is not a bag: a bag is a folder"):
        read(bag / "in.mcap")


def test_metadata_that_is_a_bomb_of_aliases_is_refused(tmp_path):
    bag = bag_of(tmp_path)
    laughs = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    metadata = (bag / "metadata.yaml").read_text().replace("compression_format: ''", "compression_format: *a29")
    assert "*a29" in metadata
    (bag / "metadata.yaml").write_text(f"a0: &a0 [ha]\n{laughs}{metadata}")
    with pytest.raises(InputError, match="metadata.yaml is not YAML: it has more than [0-9]+ values.*ros2 bag reindex"):
        read(bag)


@pytest.mark.parametrize("values", [
    {"topics_with_message_count": []}, {"topics_with_message_count": 3}, {"duration": {"nanoseconds": "long"}},
    {"message_count": [3]}, {"relative_file_paths": 5}, {"relative_file_paths": [5]}, {"storage_identifier": ["mcap"]},
    {"compression_mode": 5}, {"version": "new"}, {"files": 7}], ids=str)
def test_metadata_of_other_kinds_of_values_gives_the_pictures_or_one_clear_error(values, tmp_path):
    bag = with_metadata(bag_of(tmp_path), **values)
    try:
        assert len(read(bag)) == 3
    except InputError as error:
        assert str(error).startswith(f"{bag} cannot be read as a bag: ")


def test_a_message_count_that_is_no_number_is_one_clear_error(tmp_path):
    bag = bag_of(tmp_path)
    metadata = yaml.safe_load((bag / "metadata.yaml").read_text())
    metadata["rosbag2_bagfile_information"]["topics_with_message_count"][0]["message_count"] = "three"
    (bag / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    with pytest.raises(InputError, match="cannot be read as a bag: its content is damaged"):
        read(bag)


@pytest.mark.parametrize(("change", "said"), [
    ("UPDATE messages SET data = NULL WHERE id = 2", "is damaged: a message of /cam/image_raw .* of type NoneType"),
    ("UPDATE messages SET data = 'words'", "of type str"),
    ("UPDATE messages SET timestamp = 'noon' WHERE id = 2", "was recorded at 'noon' ns"),
    ("UPDATE messages SET timestamp = -1", "was recorded at -1 ns"),
    ("UPDATE topics SET name = x'00ff'", "cannot be read as a bag: its content is damaged"),
    ("UPDATE topics SET name = '/cam' || char(10)", "a topic has the name '/cam.*n'"),
    ("UPDATE topics SET type = x'07'", "cannot be read as a bag: its content is damaged"),
    ("DROP TABLE topics", "missing tables"),
])
def test_values_that_a_recorder_writes_otherwise_are_one_clear_error(change, said, tmp_path):
    bag = bag_of(tmp_path, "sqlite3")
    (bag / "metadata.yaml").unlink()
    database = sqlite3.connect(bag / "in.db3")
    database.executescript("PRAGMA writable_schema = ON; CREATE TABLE copy AS SELECT * FROM messages; "
                           "DROP TABLE messages; ALTER TABLE copy RENAME TO messages; "
                           "CREATE TABLE free AS SELECT * FROM topics; DROP TABLE topics; "
                           f"ALTER TABLE free RENAME TO topics; {change};")
    database.close()
    with pytest.raises(InputError, match=said):
        read(bag / "in.db3")


@pytest.mark.parametrize("path", ["~nobody_of_this_name/bag", "a" * 300, "bag\0"], ids=["no home", "too long", "NUL"])
def test_a_path_that_can_be_none_is_refused(path):
    with pytest.raises(InputError, match="is no path that can be used: "):
        read(path)
