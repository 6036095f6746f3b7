"""benchmarks/roofline.py: what a frame needs at least, against figures that were counted otherwise."""

import onnx
import pytest

from benchmarks import roofline
from instance_seg_node.models import find_model


def test_the_multiply_adds_of_branched_erfnet_are_those_of_methods_3():
    count = roofline.counted(onnx.load(find_model("street-erfnet") / "model.onnx"))
    assert count["macs"] == pytest.approx(7.870e9, rel=1e-3)  # [4, 8] heads at 512 x 256
    assert count["weights"] == pytest.approx(2 * 2_252_648, rel=0.01)  # norms are folded into the convolutions


def test_a_stage_takes_the_longest_of_what_it_needs():
    gpu = roofline.Gpu(memory=100, half=10, link=1)
    assert roofline.Stage("", memory=1e9).ms(gpu) == pytest.approx(10)
    assert roofline.Stage("", memory=1e9, link=1e9).ms(gpu) == pytest.approx(1000)
    assert roofline.Stage("", memory=1e9, macs=1e12).ms(gpu) == pytest.approx(200)


def test_where_memory_is_shared_a_transfer_costs_its_bytes_of_memory():
    shared = roofline.Gpu(memory=100, half=10, link=None)
    assert roofline.Stage("", memory=1e9, link=1e9).ms(shared) == pytest.approx(10)


def test_a_larger_input_needs_more_in_proportion_but_the_same_weights():
    count = {"macs": 10.0, "activations": 100.0, "weights": 7.0}
    small, large = ({stage.name: stage for stage in roofline.stages(count, 8, 12, height, 4)} for height in (2, 8))
    assert large["network"].macs == 4 * small["network"].macs
    assert large["network"].memory - 7 == 4 * (small["network"].memory - 7)
    assert large["upload"] == small["upload"]
