"""Files that can be made again: made once, found whole, and never taken for what they are not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instance_seg_node import cached_files
from instance_seg_node.cached_files import Unfit, cache_folder, cached, read, write
from instance_seg_node.errors import InputError

KEY = {"gpu": ["sm_86"], "precision": "fp16"}
CONTENT = bytes(range(256)) * 8

OTHER_PROCESS = """
import sys, time
from pathlib import Path
from instance_seg_node.cached_files import cached

def make():
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    time.sleep(float(sys.argv[2]))
    return b"content"

print(cached("small.plan", {"gpu": ["sm_86"]}, make)[0].decode())
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "instance_seg_node"


def make() -> bytes:
    return CONTENT


def never() -> bytes:
    raise AssertionError("it is there and must not be made again")


def other_process(log: Path, seconds: float) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", OTHER_PROCESS, log, str(seconds)], stdout=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None


def rights(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_content_is_made_once():
    content, path, made = cached("small.plan", KEY, make)
    assert (content, made) == (CONTENT, True)
    assert cached("small.plan", KEY, never) == (CONTENT, path, False)
    assert path.name.startswith("small-")
    assert path.suffix == ".plan"


def test_another_key_is_another_file():
    _, path, _ = cached("small.plan", KEY, make)
    content, other, made = cached("small.plan", KEY | {"gpu": ["sm_89"]}, lambda: b"other")
    assert (content, made) == (b"other", True)
    assert path != other


def test_files_and_their_folder_are_the_owners_alone(folder):
    folder.mkdir(parents=True, mode=0o755)
    cached("small.plan", KEY, make)
    assert rights(folder) == 0o700
    assert {rights(path) for path in folder.iterdir()} == {0o600}


def test_the_cache_is_in_the_home_folder_unless_xdg_cache_home_is_a_whole_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "instance_seg_node"


def test_a_cache_on_a_file_system_that_is_read_only_serves_what_it_holds(monkeypatch):
    def read_only(*arguments, **named):
        raise OSError(30, "Read-only file system")

    cached("small.plan", KEY, make)
    monkeypatch.setattr(os, "chmod", read_only)
    monkeypatch.setattr(Path, "chmod", read_only)
    monkeypatch.setattr(cached_files, "_locked", read_only)
    assert cached("small.plan", KEY, never)[0] == CONTENT


def test_another_users_cache_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InputError, match="belongs to another user.*export XDG_CACHE_HOME=/path"):
        cache_folder()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(InputError, match="no home folder.*export XDG_CACHE_HOME=/path"):
        cache_folder()


def flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


SPOILT = {
    "cut short": (lambda path: os.truncate(path, path.stat().st_size - 7), "is damaged: 2041 of 2048 bytes"),
    "empty": (lambda path: os.truncate(path, 0), "was not made by this version of this program"),
    "altered": (flip_last_byte, "its SHA-256 differs"),
    "another program's": (lambda path: path.write_bytes(b"ptrt" + CONTENT), "was not made by this version"),
    "a broken first line": (lambda path: path.write_bytes(b"instance_seg_node 1 {\n" + CONTENT), "was not made by"),
    "made for another key": (lambda path: write(path, KEY | {"precision": "fp32"}, CONTENT),
                             "was made for precision 'fp32' and not 'fp16'"),
    "made for more": (lambda path: write(path, KEY | {"new": 1}, CONTENT), "was made for more than is asked"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(how, tmp_path):
    spoil, reason = SPOILT[how]
    path = tmp_path / "small.plan"
    write(path, KEY, CONTENT)
    assert read(path, KEY) == CONTENT
    spoil(path)
    with pytest.raises(Unfit, match=reason):
        read(path, KEY)


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_in_the_cache_that_does_not_fit_is_made_again_and_the_log_says_why(how, caplog):
    spoil, reason = SPOILT[how]
    spoil(cached("small.plan", KEY, make)[1])
    content, path, made = cached("small.plan", KEY, make)
    assert (content, made) == (CONTENT, True)
    assert reason in caplog.text
    assert read(path, KEY) == CONTENT


def test_nothing_is_left_of_a_file_that_could_not_be_made(folder):
    def fail():
        raise InputError("no")

    with pytest.raises(InputError, match="^no$"):
        cached("small.plan", KEY, fail)
    assert [path.suffix for path in folder.iterdir()] == [".lock"]
    assert cached("small.plan", KEY, make)[2]


def test_of_two_processes_one_makes_it_and_the_other_waits(tmp_path):
    log = tmp_path / "log"
    processes = [other_process(log, 0.5) for _ in range(2)]
    assert [process.communicate()[0] for process in processes] == ["content\n", "content\n"]
    assert log.read_text() == "made\n"


def test_one_who_waits_says_so(tmp_path, caplog):
    log = tmp_path / "log"
    process = other_process(log, 0.5)
    wait_for(log, process)
    assert cached("small.plan", {"gpu": ["sm_86"]}, never)[0] == b"content"
    assert "another process makes" in caplog.text
    process.communicate()


def test_a_killed_process_blocks_nobody_and_leaves_nothing_that_is_taken_for_a_file(tmp_path, folder):
    process = other_process(tmp_path / "log", 3600)
    wait_for(tmp_path / "log", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    lock, = folder.iterdir()
    half = lock.with_name(lock.name.removesuffix(".lock") + ".partial")  # had it been killed while it wrote
    half.write_bytes(b"half of a plan")
    assert cached("small.plan", {"gpu": ["sm_86"]}, make)[::2] == (CONTENT, True)
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".plan"]


def test_a_full_disk_leaves_nothing(folder, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cached_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        cached("small.plan", KEY, make)
    assert [path.suffix for path in folder.iterdir()] == [".lock"]
