"""What training and export write is there whole or not at all, wherever they are stopped and on a full disk."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from file_limit import no_file_above

from instance_seg_node.cli import main
from instance_seg_node.datasets.street import CLASSES
from instance_seg_node.engines.network_file import read_network
from instance_seg_node.errors import InputError, NoRoom
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.training import export as export_module
from instance_seg_node.training import scenes
from instance_seg_node.training.checkpoint import load_network, network_of, save_checkpoint
from instance_seg_node.training.export import export
from instance_seg_node.training.journal import TERMS, Journal
from instance_seg_node.training.learner import Learner
from instance_seg_node.training.origin import Origin
from instance_seg_node.training.recipe import Recipe

RECIPE = Recipe.model_validate({
    "name": "tiny", "input_height": 32, "input_width": 64,
    "scenes": {"training": 3, "validation": 1, "test": 1, "height": 48, "width": 96}, "validate_every": 2,
    "stages": [{"steps": 3, "batch": 2, "crop_height": 32, "crop_width": 32}]})
ORIGIN = Origin(("instance-seg train tiny.yaml",), (("streets", "Apache-2.0"),))
SCORES = {"AP": 0.5, 'AP of "cars, red"': 0.25}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    save(path, step=1)
    return path


def save(path: Path, step: int) -> None:
    save_checkpoint(path, RECIPE, CLASSES, ORIGIN, Learner(network_of(RECIPE), RECIPE), step)


def note(journal: Journal, step: int) -> None:
    journal.note(step, 0.001, np.ones(len(TERMS)), SCORES, [np.zeros((32, 64, 3), np.uint8)])


# A full disk


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save(path, step=1)
    with no_file_above(1_000_000), pytest.raises(NoRoom, match="checkpoint.pt cannot be written: File too large"):
        save(path, step=2)
    assert torch.load(path, weights_only=True)["step"] == 1
    assert os.listdir(tmp_path) == ["checkpoint.pt"]


def test_a_table_of_progress_that_finds_no_room_keeps_its_rows(tmp_path):
    journal = Journal(tmp_path, 0)
    note(journal, 1)
    before = (tmp_path / "progress.csv").read_text()
    with no_file_above(len(before) + 3), pytest.raises(NoRoom, match="progress.csv cannot be written: File too large"):
        note(journal, 2)
    assert (tmp_path / "progress.csv").read_text() == before
    assert sorted(os.listdir(tmp_path)) == ["progress.csv", "tensorboard"]


def test_curves_that_find_no_room_end_the_run_with_the_same_line(tmp_path, monkeypatch):
    writer_ended = threading.Event()  # TensorBoard's thread, with a traceback of its own
    monkeypatch.setattr(threading, "excepthook", lambda _: writer_ended.set())
    journal = Journal(tmp_path, 0)
    with no_file_above(1000), pytest.raises(NoRoom, match="tensorboard cannot be written: File too large"):
        for step in range(1, 10):
            note(journal, step)
    assert writer_ended.wait(60)


def test_a_scene_that_finds_no_room_is_rendered_by_the_next_run(tmp_path):
    with no_file_above(10_000), pytest.raises(NoRoom, match="48x96_0.npz cannot be written: File too large"):
        scenes._render((tmp_path / "48x96_0.npz", 0, 48, 96))  # what each process of `rendered` does
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    [file] = scenes.rendered(tmp_path, range(1), 48, 96)
    assert scenes.load(file).rgb.shape == (48, 96, 3)


# Model folders


@pytest.fixture
def quick(monkeypatch):
    """An export that takes no minute: the network is not turned into ONNX, and its bytes are those of `content`."""
    def start(content: bytes = b"new", difference: float = 0.0) -> None:
        monkeypatch.setattr(export_module, "write_onnx", lambda graph, path, *size: path.write_bytes(content))
        monkeypatch.setattr(export_module, "largest_difference", lambda *_: {"seed": difference})
    return start


def test_an_export_that_finds_no_room_leaves_the_model_that_was_there(checkpoint, tmp_path, quick, capsys):
    quick(b"old")
    before = export(checkpoint, tmp_path / "model")
    quick(bytes(10_000))
    with no_file_above(5000):
        assert main(["export", str(checkpoint), str(tmp_path / "model"), "--overwrite"]) == 1
    assert f"{tmp_path / 'model'} cannot be written: File too large" in capsys.readouterr().err
    assert ModelSpec.load(tmp_path / "model") == before
    assert (tmp_path / "model/model.onnx").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("difference", [1.0, float("nan")])
def test_a_graph_that_does_not_agree_is_not_exported(difference, checkpoint, tmp_path, quick):
    quick(difference=difference)
    with pytest.raises(InputError, match="does not agree with the network.*Nothing was exported"):
        export(checkpoint, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_holds_more_than_a_model_is_refused_before_the_work(checkpoint, tmp_path, quick, capsys,
                                                                          monkeypatch):
    quick()
    export(checkpoint, tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("precious")
    monkeypatch.setattr(export_module, "write_onnx", None)
    assert main(["export", str(checkpoint), str(tmp_path / "model"), "--overwrite"]) == 2
    assert f"{tmp_path / 'model'} holds more than a model (notes.txt)" in capsys.readouterr().err
    assert len(os.listdir(tmp_path / "model")) == 3


def test_what_is_put_into_the_folder_during_the_work_is_not_replaced_either(checkpoint, tmp_path, quick, monkeypatch):
    def write(graph, path, *size):
        path.write_bytes(b"new")
        (tmp_path / "model" / "notes.txt").write_text("precious")

    quick()
    export(checkpoint, tmp_path / "model")
    monkeypatch.setattr(export_module, "write_onnx", write)
    with pytest.raises(InputError, match="holds more than a model .notes.txt."):
        export(checkpoint, tmp_path / "model")
    assert (tmp_path / "model" / "notes.txt").read_text() == "precious"
    assert os.listdir(tmp_path) == ["model"]


STOPPED = """
import signal, sys
from pathlib import Path
from stopped_writers import stopped_everywhere
from instance_seg_node.training import export

export.write_onnx = lambda graph, path, *size: path.write_bytes(b"new")
export.largest_difference = lambda *_: {"seed": 0.0}
trained = export.load_network(Path(sys.argv[1]))
export.load_network = lambda path: trained
stopped_everywhere(lambda: export.export(Path(sys.argv[1]), Path("model"), name="new"), Path(sys.argv[2]),
                   Path(sys.argv[3]), signal.SIGKILL)
"""


def test_a_model_is_the_old_one_or_the_new_one_wherever_the_export_is_killed(checkpoint, tmp_path, quick):
    quick(b"old")
    export(checkpoint, tmp_path / "template" / "model", name="old")
    (tmp_path / "stopped").mkdir()
    subprocess.run([sys.executable, "-c", STOPPED, checkpoint, tmp_path / "template", tmp_path / "stopped"], check=True,
                   env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])})
    names = {int(folder.name): name_of(folder / "model") for folder in (tmp_path / "stopped").iterdir()}
    changed = sum(name == "old" for name in names.values())
    assert [names[step] for step in sorted(names)] == ["old"] * changed + ["new"] * (len(names) - changed)
    assert changed > 3


def name_of(folder: Path) -> str:
    """Of a model whose two files belong together, and were written under that name."""
    spec, content = ModelSpec.load(folder), (folder / "model.onnx").read_bytes()
    assert content.decode() == spec.name
    with pytest.raises(InputError, match="is not a network"):  # not: its SHA-256 differs
        read_network(folder, spec)
    return spec.name


# The table of progress


def test_each_note_is_a_row_and_names_with_commas_and_quotes_stay_whole(tmp_path):
    journal = Journal(tmp_path, 0)
    for step in (1, 2):
        note(journal, step)
    header, *rows = (tmp_path / "progress.csv").read_text().splitlines()
    assert header == 'step,loss,instance,variance,seed,AP,"AP of ""cars, red"""'
    assert rows == ["1,1,1,1,1,0.5,0.25", "2,1,1,1,1,0.5,0.25"]


def test_a_link_in_the_place_of_the_table_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "victim").write_text("step\n")
    (tmp_path / "progress.csv").symlink_to(tmp_path / "victim")
    note(Journal(tmp_path, 0), 1)
    assert (tmp_path / "victim").read_text() == "step\n"
    assert not (tmp_path / "progress.csv").is_symlink()


def test_a_checkpoint_is_read_as_it_was_written(checkpoint):
    assert load_network(checkpoint).origin == ORIGIN
