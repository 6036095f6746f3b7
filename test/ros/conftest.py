"""Real topics for tests: each test has a ROS domain of its own, and no process outlives it.

Tests that need rclpy carry `pytestmark = pytest.mark.ros` and use these fixtures; where rclpy is missing they skip.
"""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOMAINS = range(1, 102)
"""Above 101 a domain's ports would meet those that Linux hands out."""
PATIENCE_S = 30.0
"""How long something that must happen may take on a busy machine. Nothing waits this long unless it fails."""


@pytest.fixture
def domain(monkeypatch):
    """A ROS_DOMAIN_ID that no other test, also of another pytest, uses meanwhile; set in the environment."""
    pytest.importorskip("rclpy", reason="ROS 2 is not installed: pip install .[ros]")
    folder = Path(tempfile.gettempdir()) / f"instance_seg_test_domains_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for number in DOMAINS:
        lock = (folder / str(number)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield number
        lock.close()
        return
    pytest.fail(f"all of the ROS domains {DOMAINS} are in use by other tests")


class Process:
    """A node in a process of its own. Its output goes to a file; it is printed when the test ends."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str]):
        self._log = log
        with log.open("w") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT,
                                             env={**os.environ, **environment})
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit status."""
        return self._process.wait(timeout_s)

    def wait_for_output(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Until it has printed `text`; the test fails if it ends before, or never does."""
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert self.running or text in self.output, f"ended without printing {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"{text!r} was not printed in {timeout_s} s:\n{self.output}"
            time.sleep(0.02)

    def end(self) -> None:
        """SIGTERM, and SIGKILL if that is not heard."""
        if self.running:
            self.send(signal.SIGTERM)
            try:
                self.wait(10)
            except subprocess.TimeoutExpired:
                self.send(signal.SIGKILL)
                self.wait(10)


@pytest.fixture
def start(domain, tmp_path):
    """start(module, name=value...): run `python -m module` with these ROS parameters.

    `environment` adds variables, `ros_args` more arguments after --ros-args. Returns a Process.
    """
    processes = []

    def start_module(module: str, *, environment: dict[str, str] | None = None, ros_args: tuple[str, ...] = (),
                     **parameters) -> Process:
        command = [sys.executable, "-m", module, *_arguments(**parameters), *ros_args]
        processes.append(Process(command, tmp_path / f"{module}.{len(processes)}.log", environment or {}))
        return processes[-1]

    yield start_module
    for process in processes:
        process.end()
        print(process.output)


class Peer:
    """The test's own node, spun while the test waits."""

    def __init__(self, name: str):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node(name, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def receive(self, kind: type, topic: str, qos=10) -> list:
        """A list that grows with the messages of a topic."""
        received = []
        self.node.create_subscription(kind, topic, received.append, qos)
        return received

    def spin(self, seconds: float) -> None:
        """Run callbacks for a time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)

    def wait_until(self, condition, what: str = "", timeout_s: float = PATIENCE_S) -> None:
        """Run callbacks until `condition()` holds; the test fails if it never does."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"did not happen in {timeout_s} s: {what}"
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def peer(domain):
    """A node of the test itself, in the test's domain."""
    peer = Peer("peer")
    yield peer
    peer.close()


@pytest.fixture
def arguments():
    """arguments(name=value...): these parameters as a node's main() takes them."""
    return _arguments


def _arguments(**parameters) -> list[str]:
    return ["--ros-args", *(part for name, value in parameters.items() for part in ("-p", f"{name}:={_yaml(value)}"))]


def _yaml(value) -> str:
    """A parameter's value as the ROS command line wants it: '' would be no string, and 1 no double."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    return f"'{value}'"
