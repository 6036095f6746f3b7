"""The clustering benchmark: what it measures is the same result twice, and what it cannot read it refuses."""

import cv2
import numpy as np
import pytest
from literal_loop import literal_clusters

pytest.importorskip("torch", reason="the benchmark compares with PyTorch")

from instance_seg_node.bench.clustering import literal_loop, run  # noqa: E402
from instance_seg_node.bench.heads import drawn_heads  # noqa: E402
from instance_seg_node.errors import InputError  # noqa: E402
from instance_seg_node.methods.spatial_embedding.decode import Clusterer  # noqa: E402
from instance_seg_node.model_spec import Thresholds  # noqa: E402


@pytest.fixture
def heads_file(tmp_path):
    """Writes the arrays of an .npz; by default good heads of two classes, some pixels not finite."""
    def write(**changed):
        heads = drawn_heads(64, 96, 6)
        heads["seed"] = np.concatenate([heads["seed"], heads["seed"][:, :, ::-1] * np.float32(0.99)])
        heads["embedding"][0, 20:22] = np.nan
        np.savez(tmp_path / "heads.npz", **{name: head for name, head in (heads | changed).items() if head is not None})
        return tmp_path / "heads.npz"
    return write


def test_drawn_heads_have_the_wanted_foreground_and_objects():
    heads = drawn_heads(256, 512, 30)
    assert 0.2 < (heads["seed"] > 0.5).mean() < 0.3
    assert 25 <= len(Clusterer()(**heads, thresholds=Thresholds()).scores) <= 32


def test_both_ways_find_the_same_ids_in_drawn_heads():
    report = run(height=128, width=256, instances=12, repeats=1)
    assert report["ids_equal"] and report["instances_found"] >= 8
    assert report["times_faster"] == pytest.approx(report["literal_loop_ms"] / report["clustering_ms"], rel=0.05)


def test_both_ways_find_the_same_ids_in_a_file_and_write_them(heads_file, tmp_path):
    path = heads_file()
    report = run(path, ids=tmp_path / "out" / "ids.png", repeats=1)
    written = cv2.imread(str(tmp_path / "out" / "ids.png"), cv2.IMREAD_UNCHANGED)
    with np.load(path) as heads:
        expected = literal_clusters(heads["embedding"], heads["bandwidth"], heads["seed"], Thresholds())[0]
    assert report["ids_equal"] and report["classes"] == 2
    assert written.dtype == np.uint16 and expected.max() >= 2
    np.testing.assert_array_equal(written, expected)


def test_the_loop_in_torch_is_the_literal_loop():
    for number in range(5):
        heads = drawn_heads(48, 64, 5, random_state=number)
        heads["seed"] = np.round(heads["seed"] * 20) / np.float32(20)
        thresholds = Thresholds(min_pixels=20, seed=0.8)
        id_map, class_ids, scores = literal_clusters(*heads.values(), thresholds)
        loop = literal_loop(**heads, thresholds=thresholds)
        np.testing.assert_array_equal(loop.id_map, id_map)
        np.testing.assert_array_equal(loop.class_ids, class_ids)
        np.testing.assert_array_equal(loop.scores, scores)


@pytest.mark.parametrize(("changed", "says"), [
    ({"seed": None}, "lacks seed. It must hold the arrays embedding, bandwidth, seed"),
    ({"bandwidth": np.zeros((3, 64, 96), np.float32)}, "does not hold heads: bandwidth must have 1 or 2 channels"),
    ({"embedding": np.zeros((2, 64, 96))}, "does not hold heads: embedding must be a float32 array"),
    ({"seed": np.array([{}])}, "cannot be read as .npz"),
])
def test_a_file_without_heads_is_refused(heads_file, changed, says):
    with pytest.raises(InputError, match=says):
        run(heads_file(**changed))


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    for name, content in (("text.npz", b"not an archive"), ("empty.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as .npz"):
            run(tmp_path / name)
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("one.npy", "absent.npz"):
        with pytest.raises(InputError, match="cannot be read as .npz"):
            run(tmp_path / name)


@pytest.mark.parametrize(("wrong", "says"), [
    ({"repeats": 0}, "repeats must be at least 1, got 0"),
    ({"instances": 0}, "height, width and instances must be at least 1"),
    ({"height": -8}, "height, width and instances must be at least 1"),
    ({"ids": "ids.jpg"}, "ids.jpg must end in .png"),
])
def test_wrong_numbers_are_refused(wrong, says):
    with pytest.raises(InputError, match=says):
        run(**wrong)
