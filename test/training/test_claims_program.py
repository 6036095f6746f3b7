"""Claims 15 and 16 of METHODS 12.1: a program that trains, and a medium that holds it."""

import os
import sys
import zipfile

import torch
import yaml
from test_packaging import copy_of_the_sources, run

from instance_seg_node.cli import main
from instance_seg_node.training.checkpoint import network_of
from instance_seg_node.training.recipe import Recipe

RECIPE = {"name": "claim", "input_height": 32, "input_width": 32,
          "scenes": {"training": 1, "validation": 1, "test": 1, "height": 32, "width": 64},
          "stages": [{"steps": 1, "batch": 1, "crop_height": 32, "crop_width": 32, "around_object": 1}],
          "weight_decay": 0}  # which moves weights without a gradient


def written(folder):
    (folder / "claim.yaml").write_text(yaml.safe_dump(RECIPE))
    return str(folder / "claim.yaml")


def assert_was_trained(folder):
    """By one step on one labelled image: every offset, bandwidth and seed map is taught."""
    trained = torch.load(folder / "checkpoint.pt", weights_only=True)["network"]
    torch.manual_seed(0)
    untrained = network_of(Recipe.model_validate(RECIPE)).state_dict()
    for name in ("branches.0.6.bias", "branches.1.6.bias"):
        assert (trained[name] != untrained[name]).all(), name
    columns, row = (line.split(",") for line in (folder / "progress.csv").read_text().splitlines())
    note = dict(zip(columns, row))
    assert note["step"] == "1" and float(note["instance"]) > 0


def test_claim_15_a_command_trains(tmp_path):
    """A computer program executes the method of claim 14."""
    assert main(["train", written(tmp_path), "--out", str(tmp_path / "run")]) == 0
    assert_was_trained(tmp_path / "run")


def test_claim_16_what_the_wheel_holds_trains(tmp_path):
    """A medium holds that program."""
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), ".",
        cwd=copy_of_the_sources(tmp_path / "sources"))
    wheel, = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "medium")
    program = ("import sys; from instance_seg_node.cli import main; assert main() == 0; "
               "print(*(m.__file__ for name, m in sys.modules.items() if name.startswith('instance_seg_node')))")
    # There is no time to compile the clustering for one small image.
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "medium"), "NUMBA_DISABLE_JIT": "1"}
    said = run(sys.executable, "-c", program, "train", written(tmp_path), "--out", str(tmp_path / "run"),
               cwd=tmp_path, env=environment)
    modules = said.splitlines()[-1].split()
    assert len(modules) > 10
    assert [file for file in modules if not file.startswith(str(tmp_path / "medium"))] == []
    assert_was_trained(tmp_path / "run")
