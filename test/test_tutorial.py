"""What docs/own-data.md tells its reader to type does what the page says, on six small pictures."""

import csv
import json
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from bag_files import read_bag
from test_launch import launched  # noqa: F401, a fixture
from tutorial import HEIGHT, RECIPE, RUN, WIDTH, commands, files, prepare, scene, walk

from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.models import find_model
from instance_seg_node.training.images import open_data
from instance_seg_node.training.recipe import Recipe

OTHERWISE = {
    "tensorboard ": "serves for ever: what it would read is read here",
    "ros2 launch ": "comes with a distribution only: the launch file gets the arguments, and the node the parameters",
    "ros2 param set ": "comes with a distribution only: the node's service is called",
}
"""What commands begin with that a test below stands for, and why."""

NOT_RUN = {
    "python3 -m venv ~/training": "the environment is the one under test",
    ". ~/training/bin/activate": "the environment is the one under test",
    "pip install -e '.[train]'": "needs a package index; test_packaging.py compares requirements and imports",
}
"""Commands that nothing here stands for, and why."""

@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The reader's folder after the last command, and what each command has printed."""
    folder = prepare(tmp_path_factory.mktemp("repository"))
    return folder, walk(folder)


def only(beginning: str) -> str:
    """The one command of the page that begins so."""
    [command] = [command for command in commands() if command.startswith(beginning)]
    return command


def test_every_command_is_run_or_has_a_reason_not_to_be():
    assert [c for c in commands() if not c.startswith((*RUN, *OTHERWISE)) and c not in NOT_RUN] == []
    assert NOT_RUN.keys() <= set(commands())
    assert all(any(c.startswith(beginning) for c in commands()) for beginning in (*RUN, *OTHERWISE))


def test_the_recipe_of_the_page_fits_its_labels(walked, tmp_path, monkeypatch):
    (tmp_path / RECIPE).write_text(files()[RECIPE])
    monkeypatch.chdir(walked[0])
    learned, kept = open_data(Recipe.load(tmp_path / RECIPE))
    assert ([c.name for c in learned.classes], len(learned), len(kept)) == (["person", "forklift"], 4, 2)


def test_whole_drives_are_kept_for_judging(walked):
    folder, _ = walked
    lists = [(folder / "my_labels" / f"{name}.txt").read_text().split() for name in ("train", "val")]
    assert lists == [["drive_1_0001", "drive_1_0002", "drive_2_0001", "drive_2_0002"],
                     ["drive_3_0001", "drive_3_0002"]]


def test_the_check_counts_the_labels_and_draws_them(walked):
    folder, said = walked
    lines = said[only("instance-seg datasets check")].splitlines()
    assert "6 images (0 without an object), 18 instances, 6.2% of the pixels ignored" in lines[0]
    assert [line.split()[:3] for line in lines[-2:]] == [["person", "6", "12"], ["forklift", "6", "6"]]
    assert cv2.imread(str(folder / "my_labels.png")).std() > 10


def test_an_interrupted_training_goes_on_to_the_end_of_the_recipe(walked):
    folder, said = walked
    begun, resumed = (said[only(f"instance-seg train warehouse.yaml --{how}")].splitlines()
                      for how in ("start-from", "resume"))
    assert [line.split(":")[0] for line in begun] == ["step 3"]
    assert [line.split(":")[0] for line in resumed] == ["step 6", "trained"]
    with open(folder / "runs" / "warehouse" / "progress.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["3", "6"]
    assert {"loss", "AP", "AP50 person", "AP50 forklift"} <= rows[0].keys()


def test_tensorboard_finds_the_curves_and_pictures_that_the_page_names(walked):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logdir = walked[0] / only("tensorboard --logdir").split()[2]
    [run] = {path.parent for path in logdir.rglob("events.out.tfevents.*")}
    tags = EventAccumulator(str(run)).Reload().Tags()
    assert {"training/loss", "validation/AP"} <= set(tags["scalars"])
    assert set(tags["images"]) == {"validation/0", "validation/1"}


def test_the_model_has_the_classes_of_the_labels_and_tells_where_it_comes_from(walked):
    folder, said = walked
    spec = ModelSpec.load(folder / "models" / "warehouse")
    assert said[only("instance-seg export")].startswith("exported: models/warehouse (warehouse, 512 x 288, 2 classes)")
    assert [c.name for c in spec.classes] == ["person", "forklift"]
    assert spec.provenance.licence == f"{ModelSpec.load(find_model('street')).provenance.licence} and internal use only"
    assert spec.thresholds.model_dump().items() >= yaml.safe_load(files()[RECIPE])["thresholds"].items()


def test_evaluation_prints_the_columns_that_the_page_explains_and_draws_a_sheet(walked):
    folder, said = walked
    table = said[only("instance-seg evaluate")]
    assert table.startswith("warehouse on my_labels val: 2 images")
    assert all(column in table for column in ("AP", "sampled", "seeds", "found as", "\nperson", "\nforklift"))
    assert cv2.imread(str(folder / "worst.png")) is not None


def test_pictures_get_ids_and_overlays(walked):
    results = walked[0] / "results"
    named = json.loads((results / "instances.json").read_text())["images"]
    assert [entry["name"] for entry in named] == ["6", "7"]
    for entry in named:
        assert cv2.imread(str(results / f"{entry['name']}.overlay.jpg")).shape == (HEIGHT, WIDTH, 3)
        ids = cv2.imread(str(results / f"{entry['name']}.instances.png"), cv2.IMREAD_UNCHANGED)
        assert (ids.dtype, ids.max()) == (np.uint16, len(entry["instances"]))


def test_the_new_bag_holds_the_pictures_and_what_the_node_would_publish(walked):
    topics = read_bag(walked[0] / "drive_4_instances")
    results = {f"/front/instance_seg/{name}" for name in ("instances", "classes", "detections", "overlay/compressed")}
    assert {topic: len(messages) for topic, messages in topics.items() if topic in results} == dict.fromkeys(results, 3)
    assert len(topics["/front/image_raw"]) == 3


def started(launched, beginning: str, folder: Path) -> dict:  # noqa: F811
    """What the launch file of a command starts, as test_launch.py records it."""
    _, _, package, file, *arguments = shlex.split(only(beginning).replace("$PWD", str(folder)))
    assert package == "instance_seg_node"
    return launched(file, **dict(argument.split(":=", 1) for argument in arguments))


def test_replay_plays_the_bag_to_the_node_with_the_new_model(walked, launched):  # noqa: F811
    folder, _ = walked
    recorded = started(launched, "ros2 launch instance_seg_node replay", folder)
    assert [node.named["executable"] for node in recorded["Node"]] == ["instance_seg_node", "rviz2"]
    assert recorded["Node"][0].named["parameters"][1]["model"] == str(folder / "models" / "warehouse")
    [play] = recorded["ExecuteProcess"]
    assert str(folder / "drive_4") in play.named["cmd"]


@pytest.mark.ros
def test_the_launched_node_segments_the_camera_and_takes_a_threshold(walked, launched, tmp_path,  # noqa: F811
                                                                     monkeypatch):
    folder, _ = walked
    monkeypatch.syspath_prepend(Path(__file__).parent / "ros")
    ros = pytest.importorskip("node_fixtures")
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    node, _ = started(launched, "ros2 launch instance_seg_node segment", folder)["Node"]
    *_, name, parameter, value = only("ros2 param set").split()
    with ros.desk_in(ros.new_domain()) as desk, \
            ros.node_in(desk.domain, tmp_path / "node.log", node.named["parameters"][1]):
        desk.until_active()
        ids = desk.record("/front/instance_seg/instances", ros.Image)
        desk.deliver(desk.publisher("/front/image_raw"), ros.image(scene(8)[0], 1), lambda: ids, "ids of /front")
        changes = SetParameters.Request(parameters=[Parameter(parameter, value=float(value)).to_parameter_msg()])
        [result] = desk.call(SetParameters, f"{name}/set_parameters", changes).results
    assert ros.pixels(ids[0]).shape == (HEIGHT, WIDTH)
    assert result.successful, result.reason
