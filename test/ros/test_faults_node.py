"""Rows of docs/faults.md: what other processes, signals, clocks, clients and disks do to the node."""

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from node_fixtures import (
    Desk,
    Process,
    desk,  # noqa: F401
    desk_in,
    image,
    new_domain,
    node_in,
    scene,
    stamp_ns,
    tiny,  # noqa: F401
)
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from tiny_model import write_tiny_model

from instance_seg_node.model_spec import ModelSpec

TRANSITIONS = ("configure", "activate", "deactivate", "cleanup")

pytestmark = pytest.mark.ros
HERE = Path(__file__).parent
SIZE = 64, 128
LARGE = 512, 1024
WARN, ERROR = b"\x01", b"\x02"
NODE = ["-m", "instance_seg_node.ros.node", "--ros-args"]


class Rig:
    """The node with two cameras, and who else takes part."""

    def __init__(self, desk: Desk, node: Process, folder: Path):  # noqa: F811
        self.desk, self.node, self._folder = desk, node, folder
        self.masks = {camera: desk.record(f"{camera}/instance_seg/instances", Image) for camera in ("/front", "/rear")}

    @contextmanager
    def camera(self, name: str, size: tuple[int, int] = SIZE) -> Iterator[Process]:
        """A camera process, as soon as its frames come out as masks."""
        with self._process("fault_camera.py", f"{name}/image_raw", *size) as camera:
            self.more_masks(name, 1)
            yield camera

    @contextmanager
    def reader(self, camera: str) -> Iterator[Process]:
        """A process that hears a camera's masks."""
        with self._process("fault_reader.py", f"{camera}/instance_seg/instances") as reader:
            self.desk.until(reader.output, "a mask that the reader has heard")
            yield reader

    def more_masks(self, camera: str, count: int) -> None:
        masks = self.masks[camera]
        masks.clear()
        self.desk.until(lambda: len(masks) >= count, f"{count} masks of {camera}")

    def until_state(self, camera: str, state: str) -> None:
        self.desk.until(lambda: self.desk.value(camera, "state") == state, f"{camera} {state}")

    @contextmanager
    def _process(self, script: str, *arguments) -> Iterator[Process]:
        log = self._folder / f"{script}.{time.monotonic_ns()}.log"
        process = Process([str(HERE / script), *map(str, arguments)], self.desk.domain, log)
        try:
            yield process
        finally:
            process.end()


@pytest.fixture(scope="module")
def rig(tiny, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("rig")
    with desk_in(new_domain()) as desk, node_in(desk.domain, folder / "node.log", {  # noqa: F811
            "model": tiny, "cameras": ["/front", "/rear"]}) as node:
        desk.until_active()
        yield Rig(desk, node, folder)


def test_a_camera_and_a_subscriber_that_are_killed_cost_the_others_nothing_and_started_again_they_are_well(rig):
    with rig.camera("/rear"):
        with rig.camera("/front") as camera, rig.reader("/front") as reader:
            rig.until_state("/front", "ok")
            assert [killed.end(signal.SIGKILL) for killed in (camera, reader)] == [-signal.SIGKILL] * 2
            rig.until_state("/front", "stale")
            assert rig.desk.status("/front").level == ERROR
            assert "no frame on /front/image_raw for" in rig.desk.status("/front").message
            rig.more_masks("/rear", 10)
            rig.until_state("/rear", "ok")
        with rig.camera("/front"), rig.reader("/front"):
            masks = "/front/instance_seg/instances"
            rig.desk.until(lambda: rig.desk.node.count_subscribers(masks) == 2, "the end of the dead one's lease, 20 s")
            rig.until_state("/front", "ok")  # until that of the dead camera ends there are two publishers
            rig.more_masks("/front", 10)


def test_a_subscriber_that_stops_reading_costs_no_memory_and_no_masks_and_hears_again_when_it_goes_on(rig):
    with rig.camera("/front", LARGE), rig.reader("/front") as reader:
        rig.more_masks("/front", 20)
        before_mb = memory_mb(rig.node)
        psutil.Process(reader.pid).suspend()
        rig.more_masks("/front", 60)  # 1 MB each
        assert memory_mb(rig.node) - before_mb < 25
        last_ns = stamp_ns(rig.masks["/front"][-1])
        psutil.Process(reader.pid).resume()
        rig.desk.until(lambda: int(reader.output().split()[-1]) > last_ns, "a reader that hears again")
        rig.until_state("/front", "ok")


def memory_mb(process: Process) -> float:
    return psutil.Process(process.pid).memory_info().rss / 2**20


def put(name: str, value) -> Parameter:
    kinds = {int: ("INTEGER", "integer_value"), float: ("DOUBLE", "double_value"), str: ("STRING", "string_value")}
    kind, field = kinds[type(value)]
    type_ = getattr(ParameterType, f"PARAMETER_{kind}")
    return Parameter(name=name, value=ParameterValue(type=type_, **{field: value}))


VALID = (lambda draw: ("seed_threshold", float(draw.uniform(0.6, 0.9))),
         lambda draw: ("foreground_threshold", float(draw.uniform(0.1, 0.5))),
         lambda draw: ("min_pixels", int(draw.integers(1, 100))),
         lambda draw: ("max_allowed_processing_time_ms", float(draw.uniform(1e5, 1e6))))
INVALID = (("seed_threshold", 1.5), ("seed_threshold", 0.05), ("min_pixels", 2.5), ("refine", "sometimes"),
           ("model", "other"), ("no_such_parameter", 1), ("seed_threshold", float("nan")))


def drawn_call(draw, services: dict, atomically: bool, held: dict):
    """One to three parameters in one call: its future, and which of its results must be successes."""
    chosen = [(*VALID[draw.integers(len(VALID))](draw), True) if draw.random() < 0.7 else
              (*INVALID[draw.integers(len(INVALID))], False) for _ in range(draw.integers(1, 4))]
    accepted = [valid for *_, valid in chosen]
    if atomically:
        accepted = [all(accepted)] * len(chosen)
    held |= {name: value for (name, value, _), taken in zip(chosen, accepted, strict=True) if taken}
    kind = SetParametersAtomically if atomically else SetParameters
    request = kind.Request(parameters=[put(name, value) for name, value, _ in chosen])
    return services[kind].call_async(request), accepted[:1] if atomically else accepted


def test_in_a_storm_of_parameters_masks_go_on_what_is_wrong_is_refused_with_a_reason_and_what_is_right_holds(rig):
    draw, held = np.random.default_rng(7), {}
    services = {kind: rig.desk.node.create_client(kind, f"/instance_seg/{name}") for kind, name in (
        (SetParameters, "set_parameters"), (SetParametersAtomically, "set_parameters_atomically"))}
    rig.desk.until(lambda: all(client.service_is_ready() for client in services.values()), "parameter services")
    diagnostics = rig.desk.record("/diagnostics", DiagnosticArray)
    with rig.camera("/front"):
        rig.masks["/front"].clear()
        for number in range(125):  # four at once: a service forgets the eldest of more than ten
            calls = [drawn_call(draw, services, number % 2 == 1, held) for _ in range(4)]
            rig.desk.until(lambda calls=calls: all(future.done() for future, _ in calls), "answers")
            for future, accepted in calls:
                response = future.result()
                results = response.results if hasattr(response, "results") else [response.result]
                assert [result.successful for result in results] == accepted
                assert all(bool(result.reason) != result.successful for result in results)
        assert rig.masks["/front"]
        assert diagnostics
        rig.more_masks("/front", 10)
        rig.until_state("/front", "ok")
    request = GetParameters.Request(names=list(held))
    values = rig.desk.call(GetParameters, "/instance_seg/get_parameters", request).values
    assert values == [put(name, value).value for name, value in held.items()]
    seed = str(held["seed_threshold"])
    rig.desk.until(lambda: rig.desk.value("segmentation", "threshold seed") == seed, "the last value in diagnostics")


@pytest.fixture(scope="module")
def seconds_to_work(tiny, tmp_path_factory) -> float:  # noqa: F811
    """How long a node takes from its start until it is at work."""
    began_s = time.monotonic()
    with node_in(new_domain(), tmp_path_factory.mktemp("first") / "node.log", {"model": tiny}) as node:
        while "engine:" not in node.output():
            assert node.running(), node.output()
            time.sleep(0.05)
        return time.monotonic() - began_s


def moments_s(seconds_to_work: float, number: int) -> list[float]:
    """Three moments, drawn for a signal, between the start of a node and a while after it is at work."""
    return list(np.random.default_rng(number).uniform(0.05, 1.5, 3) * seconds_to_work)


def killed_after(delay_s: float, domain: int, log: Path, model: Path, number: int) -> tuple[int, str]:
    """Exit status and output of a node that gets a signal so long after its start."""
    process = Process([*NODE, "-p", f"model:={model}"], domain, log)
    time.sleep(delay_s)
    return process.end(number), process.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_ends_the_node_with_0_or_before_it_has_begun_as_any_python(
        seconds_to_work, tiny, tmp_path, number):  # noqa: F811
    for moment, delay_s in enumerate(moments_s(seconds_to_work, number)):
        status, output = killed_after(delay_s, new_domain(), tmp_path / str(moment), tiny, number)
        assert "[instance_seg]" not in output or (status, output.count("Traceback")) == (0, 0), (delay_s, output)
        assert status in (0, -number), (delay_s, output)


def test_a_node_that_is_killed_at_any_moment_does_not_hinder_the_next(desk, seconds_to_work, tiny, tmp_path):  # noqa: F811
    for moment, delay_s in enumerate(moments_s(seconds_to_work, signal.SIGKILL)):
        status, _ = killed_after(delay_s, desk.domain, tmp_path / str(moment), tiny, signal.SIGKILL)
        assert status == -signal.SIGKILL
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}):
        segments_a_frame(desk)


def segments_a_frame(desk: Desk) -> None:  # noqa: F811
    desk.until_active()
    masks, publisher = desk.record("/camera/instance_seg/instances", Image), desk.publisher("/camera/image_raw")
    desk.deliver(publisher, image(scene(2, *SIZE), 77), lambda: any(stamp_ns(mask) == 77 for mask in masks), "a mask")
    desk.node.destroy_publisher(publisher)


def drawn_transitions(domain: int, seed: int) -> list[bool]:
    """What becomes of forty transitions, called one after another."""
    draw = np.random.default_rng(seed)
    with desk_in(domain) as client:
        return [client.change_state(TRANSITIONS[draw.integers(len(TRANSITIONS))]) for _ in range(40)]


def test_two_clients_that_call_transitions_in_any_order_at_once_leave_a_node_that_works(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}) as node, ThreadPoolExecutor() as threads:
        desk.until_active()
        clients = [threads.submit(drawn_transitions, desk.domain, seed) for seed in (1, 2)]
        desk.until(lambda: all(client.done() for client in clients), "both clients' answers")
        assert all(set(client.result()) == {True, False} for client in clients)
        assert node.running()
        while (state := desk.state()) != "active":
            assert desk.change_state({"unconfigured": "configure", "inactive": "activate"}[state])
        segments_a_frame(desk)


class SimulatedTime:
    """/clock and a camera whose frames are 50 ms old when they are sent."""

    def __init__(self, desk: Desk):  # noqa: F811
        self.desk, self.now_s = desk, 10_000.0
        self.masks = desk.record("/camera/instance_seg/instances", Image)
        self._clock, self._camera = desk.publisher("/clock", Clock), desk.publisher("/camera/image_raw")

    def jump(self, seconds: float) -> None:
        self.now_s += seconds
        self.desk.diagnostics.clear()
        self.masks.clear()

    def tick_until(self, true, what: str) -> None:
        end_s = time.monotonic() + 60
        while not true():
            assert time.monotonic() < end_s, f"in vain waited for {what}; diagnostics: {self.desk.states()}"
            self.now_s += 0.1
            frame = image(scene(2, *SIZE), int(1e9 * (self.now_s - 0.05)))
            message = Clock()
            message.clock.sec, message.clock.nanosec = divmod(int(1e9 * self.now_s), 10**9)
            self._clock.publish(message)
            self._camera.publish(frame)
            self.desk.spend(0.1)


def test_a_clock_that_jumps_by_an_hour_costs_no_masks_and_ages_and_rates_are_right_again(desk, tiny, tmp_path):  # noqa: F811
    def as_before() -> bool:
        age_ms, rate_hz = (desk.value("/camera", key) for key in ("age max (ms)", "rate (Hz)"))
        return desk.value("/camera", "state") == "ok" and 0 < in_numbers(age_ms) < 1000 < 1e3 * in_numbers(rate_hz)

    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "use_sim_time": "true"}):
        simulated = SimulatedTime(desk)
        for jump_s in (0, 3600, -3600):
            simulated.jump(jump_s)
            simulated.tick_until(lambda: as_before() and len(simulated.masks) > 5, f"masks and diagnostics {jump_s=}")
            assert abs(stamp_ns(simulated.masks[-1]) / 1e9 - simulated.now_s) < 60


def in_numbers(value: str) -> float:
    return float("nan") if value in ("", "n/a") else float(value)


def test_a_clock_that_never_comes_is_a_warning_in_diagnostics_that_come_all_the_same(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny, "use_sim_time": "true"}):
        for _ in range(3):  # each has come anew
            desk.diagnostics.clear()
            desk.until(lambda: desk.value("segmentation", "state") == "no clock", "diagnostics")
        assert desk.status("segmentation").level == WARN
        assert "nothing has come on /clock" in desk.status("segmentation").message
        masks, publisher = desk.record("/camera/instance_seg/instances", Image), desk.publisher("/camera/image_raw")
        desk.deliver(publisher, image(scene(2, *SIZE), 77), lambda: masks, "a mask")


def cut(folder: Path) -> None:
    """A network that was cut before its hash was taken."""
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:len(content) // 2])
    sign(folder)


def sign(folder: Path) -> None:
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    ModelSpec.load(folder).model_copy(update={"sha256": sha256}).save(folder)


def half_the_width(folder: Path) -> None:
    ModelSpec.load(folder).model_copy(update={"input_width": 64}).save(folder)


DAMAGES = {
    "model.onnx is missing": (lambda folder: (folder / "model.onnx").unlink(), "model.onnx cannot be read"),
    "model.yaml is cut": (lambda folder: os.truncate(folder / "model.yaml", 40), "model.yaml is not YAML"),
    "model.onnx is cut": (lambda folder: os.truncate(folder / "model.onnx", 100), "SHA-256"),
    "and has its hash": (cut, "it is damaged or cut short"),
    "of another input": (half_the_width, "it does not fit its model.yaml"),
}


def test_a_damaged_model_folder_is_refused_with_the_reason_and_the_next_that_is_whole_is_taken(desk, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "node.log", {"autostart": "false"}):
        for name, (damage, reason) in DAMAGES.items():
            write_tiny_model(tmp_path / name)
            damage(tmp_path / name)
            set_model(desk, tmp_path / name)
            desk.diagnostics.clear()
            assert not desk.change_state("configure"), name
            assert desk.state() == "unconfigured"
            desk.until(lambda: desk.value("segmentation", "state") == "configure failed", name)
            assert desk.status("segmentation").level == ERROR
            assert reason in desk.status("segmentation").message, name
        write_tiny_model(tmp_path / "whole")
        set_model(desk, tmp_path / "whole")
        assert desk.change_state("configure")
        assert desk.change_state("activate")
        segments_a_frame(desk)


def set_model(desk: Desk, folder: Path) -> None:  # noqa: F811
    request = SetParameters.Request(parameters=[put("model", str(folder))])
    assert desk.call(SetParameters, "/instance_seg/set_parameters", request).results[0].successful


def test_a_log_folder_that_cannot_be_made_ends_the_start_with_2_and_a_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "file" / "logs"))
    process = Process(NODE[:-1], new_domain(), tmp_path / "node.log")
    assert process.end(0) == 2
    [line] = process.output().splitlines()
    assert line.startswith("instance_seg: ")
    assert f"Failed to create log directory '{tmp_path / 'file' / 'logs'}'" in line


def test_a_disk_too_full_to_keep_what_was_compiled_costs_a_warning_and_no_masks(desk, tiny, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    with node_in(desk.domain, tmp_path / "first.log", {"model": tiny}):
        segments_a_frame(desk)
    kept = remove_compiled("_vote", tmp_path / "cache")
    desk.diagnostics.clear()
    with node_in(desk.domain, tmp_path / "node.log", {"model": tiny}, "fault_full_disk") as node:
        segments_a_frame(desk)
        assert "numba cannot keep what it compiles (" in node.output()
        assert "export NUMBA_CACHE_DIR=/path" in node.output()
    assert kept
    assert not [file for file in (tmp_path / "cache").rglob("*.nbc*") if file not in kept]


def remove_compiled(name: str, cache: Path) -> set[Path]:
    """Remove what numba keeps of the functions of a name. Returns the files of the others."""
    files = list(cache.rglob(f"*.{name}-*"))
    assert files
    for file in files:
        file.unlink()
    return set(cache.rglob("*.nbc"))
