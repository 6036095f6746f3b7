"""The node in a process of its own, real topics to it and from it, and pictures whose answer is known."""

import fcntl
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built")

import rclpy  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from instance_seg_node.ros.transport import FAST_DDS_VARIABLES, tune  # noqa: E402

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "test"))

from tiny_model import blobs, enlarged, write_tiny_model  # noqa: E402

TIMEOUT_S = 120.0
RESEND_S = 8.0
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)

DOMAINS = range(40, 100)
"""conftest.py takes the lowest that are free."""
OWN = 20
"""A process uses so many, in turn: what is late to leave one has left when its turn comes again."""

_turns = itertools.count()
_locks: dict[int, IO] = {}


def scene(number: int, height: int, width: int) -> np.ndarray:
    """The tiny model's picture with its first 1, 2 or 3 blobs: uint8 (H, W, 3)."""
    rgb = blobs(height=height, width=width)
    rgb[:, (2 * (number % 3) + 3) * width // 8:] = 0
    return rgb


def expected_ids(rgb: np.ndarray) -> np.ndarray:
    """The id map that the tiny model gives of a scene: red 1, green 2, blue 3, outlines as they are enlarged."""
    ids = ((rgb > 0) * np.uint16([1, 2, 3])).sum(axis=2, dtype=np.uint16)
    return enlarged(cv2.resize(ids, (128, 64), interpolation=cv2.INTER_NEAREST), *ids.shape)


def image(rgb: np.ndarray, stamp_ns: int, frame_id: str = "optical") -> Image:
    """A picture as the message that a camera sends."""
    message = Image(height=rgb.shape[0], width=rgb.shape[1], encoding="rgb8", step=3 * rgb.shape[1])
    message.data.frombytes(rgb.tobytes())
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return message


def pixels(message: Image) -> np.ndarray:
    """The samples of a mono8, mono16 or rgb8 message."""
    sample, channels = {"mono8": (np.uint8, 1), "mono16": (np.uint16, 1), "rgb8": (np.uint8, 3)}[message.encoding]
    array = np.frombuffer(message.data, sample).reshape(message.height, message.width, channels)
    return array if channels > 1 else array[..., 0]


def stamp_ns(message) -> int:
    """A message's stamp."""
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


class Desk:
    """The test's own ROS node: publishes, records, calls. Nothing happens but in `until`."""

    def __init__(self, domain: int):
        tune()
        self.domain = domain
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node("desk", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.diagnostics: dict[str, DiagnosticStatus] = {}
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._keep, 10)

    def record(self, topic: str, kind: type, qos: QoSProfile = RELIABLE) -> list:
        """A list that fills with the topic's messages."""
        messages = []
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def publisher(self, topic: str, kind: type = Image, qos: QoSProfile = RELIABLE):
        """A publisher that a subscriber has already found."""
        publisher = self.node.create_publisher(kind, topic, qos)
        self.until(lambda: publisher.get_subscription_count(), f"a subscriber of {topic}")
        self.spend(0.2)  # it must have found us, too
        return publisher

    def deliver(self, publisher, message, arrived: Callable[[], object], what: str) -> None:
        """Publish, and again if that was before the subscriber had found us, until `arrived()`."""
        end_s = time.monotonic() + TIMEOUT_S
        while True:
            publisher.publish(message)
            patience_s = time.monotonic() + RESEND_S
            while time.monotonic() < patience_s:
                if arrived():
                    return
                self._executor.spin_once(timeout_sec=0.05)
            assert time.monotonic() < end_s, f"in vain waited {TIMEOUT_S:g} s for {what}; diagnostics: {self.states()}"

    def until(self, true: Callable[[], object], what: str = "", timeout_s: float = TIMEOUT_S) -> None:
        """Serve callbacks until `true()`; fails the test after the time-out."""
        end_s = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end_s, f"in vain waited {timeout_s:g} s for {what}; diagnostics: {self.states()}"
            self._executor.spin_once(timeout_sec=0.05)

    def spend(self, seconds: float) -> None:
        """Serve callbacks for a while."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._executor.spin_once(timeout_sec=0.05)

    def call(self, kind: type, name: str, request):
        """The response of a service."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready, name)
        self.spend(0.1)  # it must have found us, too, or its answer is lost
        future = client.call_async(request)
        self.until(future.done, f"an answer of {name}")
        self.node.destroy_client(client)
        return future.result()

    def change_state(self, transition: str) -> bool:
        """Whether a lifecycle transition of the node succeeded."""
        request = ChangeState.Request()
        request.transition.label = transition
        return self.call(ChangeState, "/instance_seg/change_state", request).success

    def state(self) -> str:
        """The node's lifecycle state."""
        return self.call(GetState, "/instance_seg/get_state", GetState.Request()).current_state.label

    def until_active(self) -> None:
        """Wait for the node's first active moment."""
        self.until(lambda: self.value("segmentation", "state") == "active", "the active node")

    def status(self, task: str) -> DiagnosticStatus | None:
        """The newest diagnostics of `segmentation` or of a camera."""
        return self.diagnostics.get(f"instance_seg: {task}")

    def value(self, task: str, key: str) -> str:
        """One value of that, empty if there is none."""
        status = self.status(task)
        return {v.key: v.value for v in status.values}.get(key, "") if status else ""

    def states(self) -> dict[str, str]:
        """What diagnostics say, for messages."""
        return {name: status.message for name, status in self.diagnostics.items()}

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def _keep(self, message: DiagnosticArray) -> None:
        self.diagnostics.update({status.name: status for status in message.status})


class Process:
    """A Python process of ours, its output in a file."""

    def __init__(self, command: list[str], domain: int, log: Path, *, profile: bool = True):
        environment = {key: value for key, value in os.environ.items() if key not in FAST_DDS_VARIABLES}
        path = [ROOT, *(ROOT / "test" / folder for folder in ("", "ros", "gpu")), os.environ.get("PYTHONPATH", "")]
        environment |= {"ROS_DOMAIN_ID": str(domain), "PYTHONPATH": ":".join(map(str, path)), "PYTHONUNBUFFERED": "1"}
        if not profile:  # what a driver has that nobody told of it
            environment["FASTDDS_BUILTIN_TRANSPORTS"] = "DEFAULT"
        self._log = log
        with log.open("w") as file:
            self._popen = subprocess.Popen([sys.executable, *command], env=environment, stdout=file, stderr=file)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    def output(self) -> str:
        return self._log.read_text()

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        if self.running():
            self._popen.send_signal(number)
        try:
            return self._popen.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            raise


def new_domain() -> int:
    """A ROS_DOMAIN_ID for one test, which no other process that runs tests has."""
    free = (number for number in DOMAINS if number not in _locks and _is_locked(number))
    while len(_locks) < OWN:
        assert next(free, None) is not None, f"all of the ROS domains {DOMAINS} are in use by other tests"
    return list(_locks)[next(_turns) % OWN]


def _is_locked(number: int) -> bool:
    """Lock a domain for this process, as conftest.py does, if it is free."""
    folder = Path(tempfile.gettempdir()) / f"instance_seg_test_domains_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = (folder / str(number)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _locks[number] = lock
    return True


@contextmanager
def desk_in(domain: int) -> Iterator[Desk]:
    desk = Desk(domain)
    try:
        yield desk
    finally:
        desk.close()


@contextmanager
def node_in(domain: int, log: Path, parameters: dict[str, object], module: str = "instance_seg_node.ros.node",
            *, remaps: tuple[str, ...] = (), tracebacks: int = 0) -> Iterator[Process]:
    """The node as a user starts it. It must end well, and log so many tracebacks."""
    arguments = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
    arguments += [part for remap in remaps for part in ("-r", remap)]
    process = Process(["-m", module, "--ros-args", *arguments], domain, log)
    try:
        yield process
    except BaseException:
        process.end()
        print(process.output())
        raise
    assert process.end() == 0, process.output()
    assert process.output().count("Traceback") == tracebacks, process.output()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """The folder of the tiny model."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_model(folder)
    return folder


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk in a domain of its own."""
    with desk_in(new_domain()) as desk:
        yield desk
