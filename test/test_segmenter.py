"""Frames in, Instances out, with an engine whose heads can be seen."""

from types import SimpleNamespace

import numpy as np
import pytest

from instance_seg_node.errors import FrameError
from instance_seg_node.frame import Frame
from instance_seg_node.model_spec import ModelSpec, ObjectClass, Provenance, Thresholds
from instance_seg_node.pipelines.cpu import CpuPipeline
from instance_seg_node.segmenter import STAGES, Segmenter

HEIGHT, WIDTH = 16, 32
SPEC = ModelSpec(name="colours", input_height=HEIGHT, input_width=WIDTH,
                 classes=(ObjectClass(name="red", color=(255, 0, 0)), ObjectClass(name="green", color=(0, 255, 0))),
                 thresholds=Thresholds(min_pixels=4, seed=0.5),
                 provenance=Provenance(data="none", licence="Apache-2.0", command="none"))


class ColourEngine:
    """Every red pixel is of class 0, every green one of class 1; all pixels of a class point to one place.

    Where blue is 255, the bandwidth is infinite.
    """

    description = "fake"

    def __init__(self):
        self.batches = []

    def __call__(self, images):
        self.batches.append(images.copy())
        n = len(images)
        seed = np.moveaxis(images[..., :2], 3, 1).astype(np.float32) / 255
        embedding = np.zeros((n, 2, HEIGHT, WIDTH), np.float32)
        bandwidth = np.ones((n, 2, HEIGHT, WIDTH), np.float32)
        np.moveaxis(bandwidth, 1, 3)[images[..., 2] == 255] = np.inf
        return {"embedding": embedding, "bandwidth": bandwidth, "seed": seed}


def street(height, width):
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2, 0] = 250
    rgb[height // 2:, width // 2:, 1] = 230
    return rgb


def overflowing(height, width):
    rgb = street(height, width)
    rgb[:height // 2, :, 2] = 255
    return rgb


NOT_FINITE = "network not finite: NaN or infinity in bandwidth.*try precision fp32"


def test_instances_come_at_the_size_of_the_camera():
    found, = Segmenter(ColourEngine(), SPEC)([Frame(street(64, 64))])
    assert found.id_map.shape == (64, 64)
    assert found.class_ids.tolist() == [0, 1]
    assert found.boxes.tolist() == [[0, 0, 32, 32], [32, 32, 64, 64]]
    assert found.areas.tolist() == [1024, 1024]
    assert found.scores.tolist() == pytest.approx([250 / 255, 230 / 255])


def test_class_map_agrees_with_id_map_and_is_255_where_there_is_no_instance():
    found, = Segmenter(ColourEngine(), SPEC)([Frame(street(64, 64))])
    classes = found.class_map()
    assert (classes[:32, :32] == 0).all() and (classes[32:, 32:] == 1).all()
    assert (classes[found.id_map == 0] == 255).all()


def test_frames_of_several_cameras_make_one_batch_and_keep_their_order_and_size():
    engine = ColourEngine()
    empty = np.zeros((40, 48, 3), np.uint8)
    found = Segmenter(engine, SPEC)([Frame(street(64, 64)), Frame(empty), Frame(street(16, 32))])
    assert [batch.shape for batch in engine.batches] == [(3, HEIGHT, WIDTH, 3)]
    assert [one.id_map.shape for one in found] == [(64, 64), (40, 48), (16, 32)]
    assert [len(one) for one in found] == [2, 0, 2]


def test_a_smaller_batch_after_a_larger_one_holds_no_old_frame():
    engine = ColourEngine()
    segmenter = Segmenter(engine, SPEC)
    segmenter([Frame(street(64, 64))] * 3)
    assert len(segmenter([Frame(np.zeros((16, 32, 3), np.uint8))])[0]) == 0
    assert engine.batches[1].shape[0] == 1


def test_no_frames_need_no_engine():
    engine = ColourEngine()
    assert Segmenter(engine, SPEC)([]) == []
    assert engine.batches == []


def test_thresholds_may_change_between_two_calls():
    segmenter = Segmenter(ColourEngine(), SPEC)
    segmenter.thresholds = SPEC.thresholds.model_copy(update={"seed": 0.95})
    found, = segmenter([Frame(street(64, 64))])
    assert found.class_ids.tolist() == [0]


def test_every_stage_is_timed():
    segmenter = Segmenter(ColourEngine(), SPEC)
    segmenter([Frame(street(64, 64))])
    assert tuple(segmenter.stage_ms) == STAGES
    assert all(ms > 0 for ms in segmenter.stage_ms.values())


def test_a_frame_of_which_the_network_says_no_numbers_is_an_error_and_the_others_keep_theirs():
    good = Frame(street(64, 64))
    expected, = Segmenter(ColourEngine(), SPEC)([good])
    found = Segmenter(ColourEngine(), SPEC).attempt([good, Frame(overflowing(64, 64)), good])
    assert [type(one).__name__ for one in found] == ["Instances", "FrameError", "Instances"]
    for one in (found[0], found[2]):
        np.testing.assert_array_equal(one.id_map, expected.id_map)
    with pytest.raises(FrameError, match=NOT_FINITE):
        raise found[1]


def test_who_asks_for_instances_alone_gets_them_of_all_frames_or_the_error():
    with pytest.raises(FrameError, match=NOT_FINITE):
        Segmenter(ColourEngine(), SPEC)([Frame(street(64, 64)), Frame(overflowing(64, 64))])


def test_what_is_infinite_in_the_background_alone_is_no_error():
    sky = np.zeros((64, 64, 3), np.uint8)
    sky[..., 2] = 255
    assert len(Segmenter(ColourEngine(), SPEC)([Frame(sky)])[0]) == 0


def test_a_network_that_fails_on_noise_may_still_be_warmed_up():
    def failing(images):
        return {name: np.full_like(head, np.nan) for name, head in engine(images).items()}

    engine = ColourEngine()
    Segmenter(failing, SPEC).warm_up()
    assert len(engine.batches) == 1


def test_a_pipeline_loses_the_camera_concerned_and_no_other():
    def message(rgb):
        header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id="optical")
        return SimpleNamespace(header=header, encoding="rgb8", height=64, width=64, step=192, is_bigendian=0,
                               data=rgb.tobytes())

    pipeline = CpuPipeline(Segmenter(ColourEngine(), SPEC))
    pipeline.start({"front": message(overflowing(64, 64)), "rear": message(street(64, 64))})
    results = pipeline.finish()
    assert results["front"].cause == "network not finite"
    assert len(results["rear"].instances) == 2
