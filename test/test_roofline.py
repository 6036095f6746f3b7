"""bench/roofline.py: what a frame needs at least, against figures that were counted otherwise."""

import onnx
import pytest

from benchmarks import roofline as page
from instance_seg_node.bench import roofline
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


def test_more_cameras_need_as_much_each_but_the_same_weights():
    count = {"macs": 10.0, "activations": 100.0, "weights": 7.0}
    one, four = ({stage.name: stage for stage in roofline.stages(count, 8, 12, 2, 4, camera=(6, 8), cameras=cameras)}
                 for cameras in (1, 4))
    assert four["network"].memory - 7 == 4 * (one["network"].memory - 7)
    for name in one.keys() - {"network"}:
        assert (four[name].memory, four[name].link) == (4 * one[name].memory, 4 * one[name].link)
    assert one["upload"].link == 3 * 6 * 8


def test_values_of_twice_the_bytes_need_twice_the_memory_but_images_and_heads_stay():
    count = {"macs": 10.0, "activations": 100.0, "weights": 8.0}
    fp32, fp16, int8 = (roofline.stages(count, 8, 12, 2, 4, precision=precision)[2]
                        for precision in ("fp32", "fp16", "int8"))
    assert fp32.memory - fp16.memory == 2 * (fp16.memory - int8.memory) == 108
    assert (fp32.macs, fp16.macs, int8.macs) == (10, 10, 5)


def test_a_gpu_is_known_by_its_own_name():
    assert roofline.known_gpu("NVIDIA H200 (sm_90)") == "H200"
    assert roofline.known_gpu("NVIDIA GeForce RTX 4090 (sm_89)") == "RTX 4090"
    assert roofline.known_gpu("Orin (sm_87)") == "Jetson AGX Orin"
    assert roofline.known_gpu("NVIDIA A10 (sm_86)") is None


def test_the_page_is_made_of_the_same_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(page, "RESULTS", tmp_path / "roofline.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    page.main(["street"])
    written = (page.HERE.parent / "docs" / "performance.md").read_text()
    begin = "<!-- what follows is written by benchmarks/roofline.py -->"
    assert (tmp_path / "performance.md").read_text().partition(begin)[2].strip() == written.partition(begin)[2].strip()
