"""Several processes learn what one does: torchrun on a tiny recipe, on the CPU."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from instance_seg_node.errors import InputError
from instance_seg_node.models import find_model
from instance_seg_node.training.processes import _check_shares
from instance_seg_node.training.recipe import Recipe
from instance_seg_node.training.train import train

TINY = {"name": "tiny", "input_height": 256, "input_width": 512, "dropout": 0.0, "average": 0.9,
        "scenes": {"training": 4, "validation": 1, "test": 1, "height": 48, "width": 96}, "validate_every": 6,
        "stages": [{"steps": 2, "batch": 4, "crops_per_scene": 2, "crop_height": 32, "crop_width": 32, "warm_up": True,
                    "learning_rate": 1e-4},
                   {"steps": 2, "batch": 2, "crop_height": 32, "crop_width": 64, "guidance": 0.1,
                    "learning_rate": 1e-4},
                   {"steps": 1, "batch": 2, "crop_height": 32, "crop_width": 64, "freeze_batch_norm": True,
                    "learning_rate": 1e-4}]}
START = find_model("street-erfnet")
"""A network that has learned: of one that has not, gradients in float32 and float64 differ by 4 %."""


def torchrun(*arguments):
    command = [Path(sys.executable).parent / "torchrun", "--standalone", "--nproc-per-node", "2", "--no-python",
               Path(sys.executable).parent / "instance-seg", "train", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240,
                          env=os.environ | {"OMP_NUM_THREADS": "1"})


def losses(run):
    with open(run / "progress.csv", newline="") as file:
        return torch.tensor([[float(row[name]) for name in ("loss", "instance", "variance", "seed")]
                             for row in csv.DictReader(file)])


def in_a_row(weights):
    return torch.cat([value.flatten() for value in weights.values() if value.is_floating_point()])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The checkpoints of one process and of two, and their folder: after one step, and after all."""
    return [checkpoints(tmp_path_factory.mktemp("processes"), changes)
            for changes in ({"stages": [TINY["stages"][0] | {"steps": 1}]}, {})]


def checkpoints(folder, changes):
    recipe = folder / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(TINY | changes))
    one = train(recipe, folder / "one", start_from=START)
    done = torchrun(recipe, "--out", folder / "two", "--start-from", START)
    assert done.returncode == 0, done.stderr
    return [torch.load(run / "checkpoint.pt", weights_only=True) for run in (one.parent, folder / "two")], folder


def test_two_processes_see_the_gradient_of_one(runs):
    """Adam's mean of gradients after the first step. Of biases that a batch norm takes away it is but rounding."""
    (one, two), _ = runs[0]
    for k, state in one["optimizer"]["state"].items():
        if state["exp_avg"].norm() > 3e-4:
            torch.testing.assert_close(two["optimizer"]["state"][k]["exp_avg"], state["exp_avg"], rtol=0,
                                       atol=1e-3 * float(state["exp_avg"].abs().max()))


@pytest.mark.parametrize("part", ["network", "average"])
def test_two_processes_end_with_the_weights_of_one(runs, part):
    """What differs is little of what was learned: Adam makes whole steps also of gradients that are but rounding."""
    (before, _), _ = runs[0]
    (one, two), _ = runs[1]
    differs = (in_a_row(two[part]) - in_a_row(one[part])).norm()
    assert differs < 0.02 * (in_a_row(one[part]) - in_a_row(before[part])).norm()


def test_the_loss_of_two_processes_is_that_of_all_their_images(runs):
    _, folder = runs[1]
    torch.testing.assert_close(losses(folder / "two"), losses(folder / "one"), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("batch, crops_per_scene, processes", [(3, 1, 2), (4, 4, 2), (6, 2, 2)])
def test_batches_that_cannot_be_shared_by_whole_scenes_are_refused(batch, crops_per_scene, processes):
    stage = TINY["stages"][0] | {"batch": batch, "crops_per_scene": crops_per_scene}
    recipe = Recipe.model_validate(TINY | {"stages": [stage]})
    _check_shares(recipe, 1)
    with pytest.raises(InputError, match=f"a batch of {batch} crops.* to 2 processes"):
        _check_shares(recipe, processes)
