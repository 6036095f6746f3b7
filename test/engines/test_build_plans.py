"""What `instance-seg build` is asked for, what decides a plan, and what can go wrong with no GPU here."""

import ctypes
import json
import sys
from types import SimpleNamespace

import pytest
from conv_model import write_conv_model

from instance_seg_node.cli import main
from instance_seg_node.engines import gpus, plans, report, runtimes
from instance_seg_node.engines.gpus import ARCHITECTURES, Gpu, architectures, this_gpu
from instance_seg_node.engines.network_file import read_network
from instance_seg_node.engines.plans import find_or_build, plan_key, read_plan
from instance_seg_node.engines.runtimes import RUNTIMES, find_runtime
from instance_seg_node.errors import InputError
from instance_seg_node.files.cached_files import write
from instance_seg_node.model_spec import ModelSpec

RTX = RUNTIMES["tensorrt-rtx"]
ASKED = {"runtime": RTX, "network": b"network", "precision": "fp16", "gpu": "sm_86", "cameras": 1}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "instance_seg_node"


@pytest.fixture
def folder(tmp_path):
    return write_conv_model(tmp_path / "small")


class Driver:
    """libcuda.so.1 of a machine with one GPU, or of one that says an error."""

    def __init__(self, *, status: int = 0, capability: tuple[int, int] = (8, 7), product: bytes = b"Orin"):
        self.status, self.capability, self.product = status, capability, product

    def cuInit(self, flags):
        return self.status

    def cuDeviceGet(self, device, ordinal):
        return 0

    def cuDeviceGetName(self, name, size, device):
        name.value = self.product
        return 0

    def cuDeviceGetAttribute(self, value, attribute, device):
        value._obj.value = self.capability[attribute == gpus.MINOR]
        return 0


@pytest.fixture
def orin(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver())


@pytest.fixture
def no_driver(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)


@pytest.fixture
def stand_in(monkeypatch):
    """A runtime that is installed and never asked to build."""
    members = {name: None for name in ("SM86", "SM89", "CURRENT")}
    module = SimpleNamespace(__version__="1.7.1", ComputeCapability=SimpleNamespace(__members__=members), __spec__=True)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", module)
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    monkeypatch.setattr(plans, "_sources", list)


def said(words, capsys) -> str:
    """What a command that must fail with status 2 says, in one line."""
    assert main(["build", *map(str, words)]) == 2
    line, = capsys.readouterr().err.splitlines()
    return line


# GPUs

def test_the_gpu_of_this_machine_is_asked_of_its_driver(orin):
    assert this_gpu() == Gpu("Orin", "sm_87")


def test_this_gpu_without_a_driver_is_an_error_with_the_remedy(no_driver):
    with pytest.raises(InputError, match=r"no NVIDIA driver is installed.*Name the GPU.*--gpu sm_86"):
        this_gpu()


def test_this_gpu_where_the_driver_finds_none_is_an_error_with_the_remedy(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(status=100))
    with pytest.raises(InputError, match=r"CUDA error 100 \(see what nvidia-smi says\). Name the GPU"):
        this_gpu()


def test_architectures_are_a_list_in_one_order():
    assert architectures("sm_120, sm_86,sm_86") == ("sm_86", "sm_120")


def test_an_unknown_gpu_names_the_known_ones(folder, stand_in, capsys):
    line = said([folder, "--gpu", "rtx4090"], capsys)
    assert all(name in line for name in ("'rtx4090' is not known", "this", *ARCHITECTURES))


def test_a_gpu_that_the_runtime_does_not_build_for_is_an_error_that_names_those_it_does(folder, stand_in, capsys):
    line = said([folder, "--gpu", "sm_86,sm_90", "--runtime", "tensorrt-rtx"], capsys)
    assert "TensorRT for RTX 1.7.1 has no sm_90 (H100, H200), only sm_86, sm_89. " in line
    assert line.endswith("On a machine with that GPU: --runtime tensorrt --gpu this")


def test_full_tensorrt_builds_for_its_own_machine_alone(folder, stand_in, capsys):
    assert "only for the GPU of its own machine. There: --gpu this; here: --gpu sm_87 --runtime tensorrt-rtx" \
        in said([folder, "--gpu", "sm_87", "--runtime", "tensorrt"], capsys)


def test_the_command_without_a_gpu_says_what_to_name(folder, stand_in, no_driver, capsys):
    assert "no GPU here" in said([folder], capsys)


# Runtimes

@pytest.mark.parametrize(("runtime", "remedy"), [
    ("tensorrt", r"TensorRT needs tensorrt: pip install 'instance_seg_node\[gpu\]'; a Jetson has it with JetPack"),
    ("tensorrt-rtx", r"TensorRT for RTX needs tensorrt_rtx: pip install 'instance_seg_node\[build\]'$")])
def test_a_runtime_that_is_not_installed_is_an_error_with_the_remedy(runtime, remedy, folder, orin, monkeypatch):
    monkeypatch.setitem(sys.modules, RUNTIMES[runtime].module, None)
    with pytest.raises(InputError, match=remedy):
        find_or_build(folder, precision="fp16", runtime=runtime)


def test_a_runtime_whose_libraries_are_missing_says_so(monkeypatch):
    def broken(name):
        raise ImportError("libnvinfer.so.10: cannot open shared object file")

    monkeypatch.setattr(runtimes.importlib, "import_module", broken)
    with pytest.raises(InputError, match="tensorrt is installed and does not load: libnvinfer.so.10"):
        RUNTIMES["tensorrt"].load()


def test_without_onnx_the_extra_is_named(folder, stand_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"needs onnx: pip install 'instance_seg_node\[build\]'"):
        find_or_build(folder, precision="fp16", gpu="sm_86", runtime="tensorrt-rtx")


def test_an_unknown_runtime_names_the_known_ones(folder, capsys):
    assert "runtime 'trt' is not one of tensorrt, tensorrt-rtx" in said([folder, "--runtime", "trt"], capsys)


def test_the_runtime_is_the_one_that_is_installed(stand_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert find_runtime() == RTX


def test_with_no_runtime_both_extras_are_named(monkeypatch):
    monkeypatch.setattr(runtimes.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"instance_seg_node\[gpu\]' on a vehicle, 'instance_seg_node\[build\]' where"):
        find_runtime()


# What is asked for

@pytest.mark.parametrize(("words", "line"), [
    (["--precision", "fp8"], "precision 'fp8' is not one of fp32, fp16, int8"),
    (["--cameras", 65], "cameras must be 1 to 64, got 65"),
    (["--cameras", 0], "cameras must be 1 to 64, got 0"),
    (["--precision", "int8", "--gpu", "sm_86"], "small/model.onnx, int8: the graph has no QuantizeLinear")])
def test_what_cannot_be_built_is_one_line(words, line, folder, stand_in, capsys):
    assert line in said([folder, "--runtime", "tensorrt-rtx", *words], capsys)


def test_a_model_that_is_not_there_is_one_line(stand_in, capsys):
    assert "'nothing' is neither a shipped model nor a model folder" in said(["nothing"], capsys)


def test_a_network_that_is_missing_or_altered_is_refused(folder):
    spec = ModelSpec.load(folder)
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(InputError, match="SHA-256 differs.*instance-seg export"):
        read_network(folder, spec)
    (folder / "model.onnx").unlink()
    with pytest.raises(InputError, match="cannot be read.*instance-seg export"):
        read_network(folder, spec)


@pytest.mark.parametrize("changed", [
    {"precision": "fp32"}, {"gpu": "sm_89"}, {"cameras": 2}, {"network": b"other"},
    {"runtime": RUNTIMES["tensorrt"], "gpu": "this"}], ids=lambda changed: next(iter(changed)))
def test_all_that_is_asked_for_is_in_the_key_of_a_plan(changed, stand_in, orin):
    assert plan_key(**ASKED) == plan_key(**ASKED)
    assert plan_key(**ASKED | changed) != plan_key(**ASKED)


def test_another_version_of_the_runtime_or_of_the_builder_makes_another_plan(stand_in, monkeypatch):
    keys = [plan_key(**ASKED)]
    monkeypatch.setattr(sys.modules["tensorrt_rtx"], "__version__", "1.8")
    keys.append(plan_key(**ASKED))
    monkeypatch.setattr(plans, "_sources", lambda: [b"def half(): ..."])
    keys.append(plan_key(**ASKED))
    assert all(keys.count(key) == 1 for key in keys)


def test_a_plan_of_full_tensorrt_is_for_one_product(stand_in, orin):
    assert plan_key(RUNTIMES["tensorrt"], b"", precision="fp16", gpu="this", cameras=1)["gpus"] == ["Orin", "sm_87"]


def test_a_wrong_plan_is_refused_with_the_command_that_makes_the_right_one(tmp_path, stand_in):
    key = plan_key(RTX, b"network", precision="fp16", gpu="sm_86", cameras=2)
    write(tmp_path / "a.plan", key | {"gpus": ["sm_75"]}, b"plan")
    with pytest.raises(InputError, match=r"was made for gpus \['sm_75'\] and not \['sm_86'\]. Build it again, with "
                       r"tensorrt-rtx 1.7.1: instance-seg build MODEL --precision fp16 --runtime tensorrt-rtx "
                       r"--gpu sm_86 --cameras 2 --out .*a\.plan --overwrite$"):
        read_plan(tmp_path / "a.plan", key)


def test_the_command_for_a_plan_of_full_tensorrt_is_for_its_own_machine(tmp_path, stand_in, orin):
    key = plan_key(RUNTIMES["tensorrt"], b"network", precision="fp16", gpu="this", cameras=1)
    with pytest.raises(InputError, match="cannot be read.*--runtime tensorrt --gpu this --cameras 1"):
        read_plan(tmp_path / "none.plan", key)


def test_out_replaces_a_file_only_when_told_to(folder, tmp_path, capsys):
    (tmp_path / "mine").write_text("precious")
    assert "is there already. Choose another name, or add --overwrite" in said([folder, "--out", tmp_path / "mine"],
                                                                               capsys)
    assert (tmp_path / "mine").read_text() == "precious"


def test_out_in_a_folder_that_is_not_there_is_refused_before_anything_is_built(folder, tmp_path, capsys):
    assert f"Make it: mkdir -p {tmp_path}/none" in said([folder, "--out", tmp_path / "none" / "a.plan"], capsys)


# Reports

class OpenedPlan:
    """A runtime where a GPU is there: its engine says what TensorRT's inspector says."""

    class Runtime:
        def __init__(self, logger):
            pass

        def deserialize_cuda_engine(self, plan):
            layers = [{"Name": "stem + relu", "LayerType": "CaskConvolution", "Outputs": [{"Format/Datatype": "Half"}]},
                      "a layer without details"]
            said = json.dumps({"Layers": layers})
            inspector = SimpleNamespace(get_engine_information=lambda form: said)
            return SimpleNamespace(create_engine_inspector=lambda: inspector)

    LayerInformationFormat = SimpleNamespace(JSON=0)


def test_where_a_gpu_opens_the_plan_its_fused_layers_are_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", OpenedPlan)
    monkeypatch.setattr(report, "error_log", lambda trt: None)
    layers = report.layers_of_plan(RTX, b"plan")
    assert layers == [("stem + relu", "CaskConvolution", "Half"), ("a layer without details", "", "unknown")]
    assert report.summary(layers) == "1 Half, 1 unknown"
