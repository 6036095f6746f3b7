"""Files in, masks out, through the whole of `instance-seg segment`."""

import json
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask
from tiny_model import blobs, enlarged

from instance_seg_node.cli import main

DATA = Path(__file__).parents[2] / "shared" / "data"
FINE_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
ANSWER = np.zeros((64, 128), np.uint16)
ANSWER[16:48, 16:48], ANSWER[16:48, 48:80], ANSWER[16:48, 80:112] = 1, 2, 3


@pytest.fixture
def run(model, tmp_path):
    """Run `instance-seg segment ... --out tmp_path/out` with the tiny model; gives the exit status."""
    return lambda *arguments: main(["segment", *map(str, arguments), "--out", str(tmp_path / "out"),
                                    "--model", str(model)])


def write(path: Path, rgb: np.ndarray | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    quality = FINE_JPEG if path.suffix == ".jpg" else []
    assert cv2.imwrite(str(path), cv2.cvtColor(blobs() if rgb is None else rgb, cv2.COLOR_RGB2BGR), quality)
    return path


def write_video(path: Path, frames: int) -> Path:
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (512, 256))
    assert video.isOpened()
    for i in range(frames):
        video.write(cv2.cvtColor(blobs(height=256, width=512), cv2.COLOR_RGB2BGR) if i % 2 else
                    np.zeros((256, 512, 3), np.uint8))
    video.release()
    return path


def id_map(out: Path, name: str) -> np.ndarray:
    return cv2.imread(str(out / f"{name}.instances.png"), cv2.IMREAD_UNCHANGED)


def listed(out: Path) -> dict[str, dict]:
    return {image["name"]: image for image in json.loads((out / "instances.json").read_text())["images"]}


def png_of_claimed_size(width: int, height: int) -> bytes:
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"])
def test_an_image_of_any_kind_gives_its_known_masks(suffix, tmp_path, run):
    assert run(write(tmp_path / f"street{suffix}")) == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["instances.json", "street.instances.png", "street.overlay.jpg"]
    found = id_map(tmp_path / "out", "street")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, ANSWER)
    assert cv2.imread(str(tmp_path / "out" / "street.overlay.jpg")).shape == (64, 128, 3)


def test_instances_json_says_everything_of_every_instance(tmp_path, run):
    path = write(tmp_path / "street.png")
    run(path)
    content = json.loads((tmp_path / "out" / "instances.json").read_text())
    assert (content["model"], content["classes"]) == ("tiny", ["car", "person"])
    [image] = content["images"]
    assert (image["file"], image["frame"], image["width"], image["height"]) == (str(path), None, 128, 64)
    rows = image["instances"]
    assert [(r["id"], r["class"], r["box"], r["area"]) for r in rows] == [
        (1, "car", [16, 16, 48, 48], 1024), (2, "car", [48, 16, 80, 48], 1024), (3, "person", [80, 16, 112, 48], 1024)]
    assert [r["score"] for r in rows] == [1.0, float(np.float32(245 / 255)), float(np.float32(235 / 255))]
    for row in rows:
        np.testing.assert_array_equal(mask.decode(row["mask"]), ANSWER == row["id"])


def test_results_have_the_size_of_the_image_not_of_the_network(tmp_path, run):
    run(write(tmp_path / "big.png", blobs(height=192, width=384)))
    np.testing.assert_array_equal(id_map(tmp_path / "out", "big"), enlarged(ANSWER, 192, 384))


def test_grey_and_16_bit_and_transparent_images_are_read(tmp_path, run):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((64, 128), 255, np.uint8))
    cv2.imwrite(str(tmp_path / "deep.png"), blobs()[:, :, ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "clear.png"), np.dstack((blobs()[:, :, ::-1], np.full((64, 128), 9, np.uint8))))
    assert run(tmp_path / "grey.png", tmp_path / "deep.png", tmp_path / "clear.png") == 0
    assert (id_map(tmp_path / "out", "grey") == 1).all()
    np.testing.assert_array_equal(id_map(tmp_path / "out", "deep"), ANSWER)
    np.testing.assert_array_equal(id_map(tmp_path / "out", "clear"), ANSWER)


def test_a_photo_is_turned_upright_as_its_exif_says(tmp_path, run):
    path = write(tmp_path / "photo.jpg", np.ascontiguousarray(np.rot90(blobs())))  # lying on its left side
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # orientation 6: turn clockwise
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:])
    assert run(path) == 0
    np.testing.assert_array_equal(id_map(tmp_path / "out", "photo"), ANSWER)


def test_a_folder_stands_for_its_images_and_videos_in_order_of_name(tmp_path, run):
    for name in ("b.png", "a.jpg", "c.bmp"):
        write(tmp_path / "in" / name)
    write_video(tmp_path / "in" / "bb.mp4", 2)
    (tmp_path / "in" / "notes.txt").write_text("not an image")
    write(tmp_path / "in" / "b.png").rename(tmp_path / "in" / "B.PNG")
    assert run(tmp_path / "in") == 0
    assert list(listed(tmp_path / "out")) == ["B", "a", "bb_000000", "bb_000001", "c"]


def test_every_frame_of_a_video_is_an_image(tmp_path, run):
    assert run(write_video(tmp_path / "clip.mp4", 5)) == 0
    images = listed(tmp_path / "out")
    assert list(images) == [f"clip_{i:06d}" for i in range(5)]
    assert [image["frame"] for image in images.values()] == [0, 1, 2, 3, 4]
    assert [len(image["instances"]) for image in images.values()] == [0, 3, 0, 3, 0]
    for name, image in images.items():
        assert len(np.unique(id_map(tmp_path / "out", name))) == len(image["instances"]) + 1


def test_images_of_one_stem_keep_apart_by_their_suffix(tmp_path, run):
    assert run(write(tmp_path / "a.jpg"), write(tmp_path / "a.png", blobs() * 0)) == 0
    assert id_map(tmp_path / "out", "a.jpg").max() == 3
    assert id_map(tmp_path / "out", "a.png").max() == 0


def test_a_file_given_twice_is_taken_once(tmp_path, run):
    path = write(tmp_path / "in" / "a.png")
    assert run(path, tmp_path / "in", path) == 0
    assert list(listed(tmp_path / "out")) == ["a"]


def test_results_that_would_share_a_name_are_refused(tmp_path, run, capsys):
    assert run(write(tmp_path / "left" / "a.png"), write(tmp_path / "right" / "a.png")) == 2
    assert "would have the same names" in capsys.readouterr().err
    assert run(write_video(tmp_path / "clip.mp4", 1), write(tmp_path / "clip_000000.png")) == 2
    assert not (tmp_path / "out").exists()


BAD = {
    "renamed.jpg": (b"hello world\n", "is not an image: it starts with b'hello world\\n'"),
    "empty.png": (b"", "is empty"),
    "cut.jpg": (cv2.imencode(".jpg", blobs())[1].tobytes()[:500], "is not a whole image"),
    "cut.png": (cv2.imencode(".png", blobs())[1].tobytes()[:-30], "is not a whole image"),
    "cut.bmp": (cv2.imencode(".bmp", blobs())[1].tobytes()[:500], "cannot be decoded"),
    "huge.png": (png_of_claimed_size(100_000, 100_000), "is 100000 x 100000; at most 16384 pixels a side"),
    "many.png": (png_of_claimed_size(16_000, 16_000), "is 16000 x 16000; at most"),
    "video.mp4": (b"hello world\n", "cannot be opened as a video"),
    "empty.mp4": (b"", "is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_line_and_status_2(name, tmp_path, run, capsys):
    content, said = BAD[name]
    (tmp_path / name).write_bytes(content)
    assert run(tmp_path / name) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"instance-seg: {tmp_path / name} {said}")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("name", [name for name in BAD if name != "cut.bmp"])
def test_a_bad_file_is_found_before_anything_is_written(name, tmp_path, run):
    (tmp_path / name).write_bytes(BAD[name][0])
    assert run(write(tmp_path / "good.png"), tmp_path / name) == 2
    assert not (tmp_path / "out").exists()


def test_skip_bad_names_bad_files_and_does_the_others(tmp_path, run, capsys):
    for name, (content, _) in BAD.items():
        (tmp_path / name).write_bytes(content)
    assert run("--skip-bad", write(tmp_path / "good.png"), *(tmp_path / name for name in BAD)) == 0
    said = capsys.readouterr()
    assert list(listed(tmp_path / "out")) == ["good"]
    for name, (_, reason) in BAD.items():
        assert f"skipped: {tmp_path / name} {reason}" in said.err
        assert str(tmp_path / name) in said.out
    assert f"skipped {len(BAD)}: " in said.out


def test_nothing_but_bad_files_is_an_error_even_when_skipping(tmp_path, run, capsys):
    (tmp_path / "empty.png").write_bytes(b"")
    assert run("--skip-bad", tmp_path / "empty.png") == 2
    assert "none of the inputs could be read" in capsys.readouterr().err


def test_a_failing_file_half_way_leaves_whole_results_and_no_list(tmp_path, run):
    (tmp_path / "cut.bmp").write_bytes(BAD["cut.bmp"][0])
    assert run(write(tmp_path / "good.png"), tmp_path / "cut.bmp") == 2
    assert sorted(os.listdir(tmp_path / "out")) == ["good.instances.png", "good.overlay.jpg"]


def test_a_video_that_is_cut_short_is_reported(tmp_path, run, capsys, monkeypatch):
    from instance_seg_node import picture_files

    monkeypatch.setattr(picture_files, "picture_count", lambda source: 9)
    assert run(write_video(tmp_path / "clip.mp4", 4)) == 0
    assert "promises 9 frames, but 4 could be decoded" in capsys.readouterr().err


def test_missing_input_and_empty_folder_are_one_clear_line(tmp_path, run, capsys):
    assert run(tmp_path / "none.jpg") == 2
    assert capsys.readouterr().err == f"instance-seg: {tmp_path / 'none.jpg'} does not exist\n"
    (tmp_path / "folder").mkdir()
    assert run(tmp_path / "folder") == 2
    assert "holds no image or video file" in capsys.readouterr().err


def test_a_folder_with_files_is_written_to_only_when_told_to(tmp_path, run, capsys):
    path = write(tmp_path / "in" / "a.png")
    assert run(path) == 0
    assert run(path) == 2
    assert "is not empty. Name another folder, or add --overwrite" in capsys.readouterr().err
    assert run("--overwrite", path) == 0


def test_overwriting_leaves_no_result_of_the_earlier_run(tmp_path, run):
    assert run(write(tmp_path / "in" / "a.png")) == 0
    (tmp_path / "out" / "notes.overlay.jpg").touch()  # not ours: no ids beside it
    assert run("--overwrite", write(tmp_path / "in" / "b.png")) == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["b.instances.png", "b.overlay.jpg", "instances.json",
                                                    "notes.overlay.jpg"]


def test_results_do_not_go_among_the_inputs(tmp_path, run, capsys):
    path = write(tmp_path / "out" / "a.png")
    assert run("--overwrite", path) == 2
    assert "holds inputs" in capsys.readouterr().err
    assert os.listdir(tmp_path / "out") == ["a.png"]


@pytest.mark.parametrize("name", ["driving_stills", "driving_video/highway_1280x720.mp4", "pennfudan"])
def test_real_images_give_complete_results(name, tmp_path, run):
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not there")
    inputs = [DATA / name] if name != "pennfudan" else sorted((DATA / name).rglob("*.jpg"))[:1]
    assert run(*inputs) == 0
    images = listed(tmp_path / "out")
    assert len(images) == {"driving_stills": 11, "pennfudan": 1}.get(name, 38)
    files = {"instances.json", *(f"{n}.{kind}" for n in images for kind in ("instances.png", "overlay.jpg"))}
    assert set(os.listdir(tmp_path / "out")) == files
    for image in images.values():
        assert id_map(tmp_path / "out", image["name"]).shape == (image["height"], image["width"])
