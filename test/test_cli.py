"""The command line as such: help, exit status, and one clear line for what goes wrong."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import typer

from instance_seg_node import cli
from instance_seg_node.cli import main

COMMANDS = (["demo"], ["segment"], ["bag"], ["datasets"], ["datasets", "check"], ["train"], ["evaluate"], ["export"],
            ["build"], ["models"], ["bench"], ["bench", "clustering"], ["bench", "gpu"])


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_every_help_has_an_example(command, capsys):
    assert main([*command, "--help"]) == 0
    [example] = [line.strip() for line in capsys.readouterr().out.splitlines() if "Example: " in line]
    assert example.startswith(" ".join(["Example: instance-seg", *command]))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_example_fits_the_command(command, capsys):
    main([*command, "--help"])
    [example] = [line for line in capsys.readouterr().out.splitlines() if "Example: " in line]
    words = example.split("instance-seg ", 1)[1].split()
    parsed, context = typer.main.get_command(cli.app), None
    while hasattr(parsed, "resolve_command"):
        context = parsed.make_context(parsed.name, list(words), parent=context)
        _, parsed, words = parsed.resolve_command(context, words)
    parsed.make_context(parsed.name, words, parent=context)  # raises if an argument or option is not understood


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_loads_neither_torch_nor_rclpy_nor_opencv(command):
    program = ("import sys; from instance_seg_node.cli import main; assert main(sys.argv[1:]) == 0; "
               "print([m for m in ('torch', 'rclpy', 'cv2', 'numpy', 'onnxruntime', 'numba') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", program, *command, "--help"], capture_output=True, text=True,
                          check=True)
    assert said.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("words", "line"), [
    (["segmen"], "No such command 'segmen'"),
    (["segment", "a.jpg"], "Missing option '--out'. See: instance-seg segment --help"),
    (["segment", "--out", "x"], "Missing argument 'INPUT'"),
    (["segment", "a.jpg", "--out", "x", "--nope"], "No such option: --nope"),
    (["bag", "in"], "Missing argument 'OUT'"),
    (["bench", "clustering", "--height", "none"], "Invalid value for '--height'"),
    ([], "Missing command. See: instance-seg --help"),
])
def test_wrong_usage_is_one_line_and_status_2(words, line, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"instance-seg: {line}")
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("words", [["train", "r.yaml", "--out", "o"], ["export", "c.pt", "m"], ["bench", "clustering"]],
                         ids=" ".join)
def test_without_torch_training_says_in_one_line_how_to_get_it(words, tmp_path):
    program = "import sys; sys.modules['torch'] = None; from instance_seg_node.cli import main; sys.exit(main())"
    said = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False,
                          cwd=tmp_path, env={"PYTHONPATH": ":".join(sys.path)})
    line = f"instance-seg: {words[0]} needs torch: pip install 'instance_seg_node[train]'\n"
    assert (said.returncode, said.stderr) == (1, line)


def test_without_rclpy_the_demo_says_in_one_line_how_to_get_it(monkeypatch, capsys):
    def app(*_, **__):
        raise ModuleNotFoundError("No module named 'rclpy'", name="rclpy.node")

    monkeypatch.setattr(cli, "app", app)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == "instance-seg: demo needs rclpy: pip install 'instance_seg_node[ros]'\n"


def test_several_problems_of_a_file_are_one_line(tmp_path, capsys):
    (tmp_path / "model.yaml").write_text("name: A B\ninput_hieght: 3\n")
    (tmp_path / "in.png").write_bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    words = ["segment", str(tmp_path / "in.png"), "--out", str(tmp_path / "out"), "--model", str(tmp_path)]
    assert main(words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"instance-seg: {tmp_path / 'model.yaml'} does not describe a model: name: ")
    assert "; input_height: Field required, got " in line
    assert "; input_hieght: Extra inputs are not permitted, got 3 (known keys: name, " in line


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(cli, "app", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["models"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, cli.typer.Abort])
def test_control_c_is_one_line_and_status_130(error, monkeypatch, capsys):
    def app(*_, **__):
        raise error

    monkeypatch.setattr(cli, "app", app)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "instance-seg: interrupted\n"


def test_a_full_disk_is_one_line_and_status_1(monkeypatch, capsys):
    def app(*_, **__):
        raise OSError(28, "No space left on device", "/x/y.png")

    monkeypatch.setattr(cli, "app", app)
    assert main(["models"]) == 1
    assert capsys.readouterr().err == "instance-seg: No space left on device: /x/y.png\n"


def test_export_replaces_a_model_only_when_told_to(tmp_path, capsys):
    (tmp_path / "model.onnx").write_bytes(b"precious")
    assert main(["export", "checkpoint.pt", str(tmp_path)]) == 2
    assert "holds a model already. Choose another folder, or add --overwrite" in capsys.readouterr().err
    assert (tmp_path / "model.onnx").read_bytes() == b"precious"


def test_a_size_to_export_that_is_none_is_refused(tmp_path, capsys):
    assert main(["export", "checkpoint.pt", str(tmp_path), "--size", "large"]) == 2
    assert "--size large is not HEIGHTxWIDTH, such as 512x1024" in capsys.readouterr().err


def test_bench_clustering_reports_and_writes_the_ids(tmp_path, capsys):
    size = ["--height", "64", "--width", "128", "--instances", "3", "--repeats", "1"]
    assert main(["bench", "clustering", *size, "--ids", str(tmp_path / "ids.png"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ids_equal"] is True
    assert (report["height"], report["width"]) == (64, 128)
    assert cv2.imread(str(tmp_path / "ids.png"), cv2.IMREAD_UNCHANGED).max() == report["instances_found"]
