"""Files that can be made again: made once, found whole, and never taken for what they are not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instance_seg_node.errors import InputError
from instance_seg_node.files import cached_files
from instance_seg_node.files.cache_folder import cache_folder
from instance_seg_node.files.cached_files import Unfit, cached, read, write

KEY = {"gpu": ["sm_86"], "precision": "fp16"}
CONTENT = bytes(range(256)) * 8

OTHER_PROCESS = """
import sys, time
from pathlib import Path
from instance_seg_node.files.cached_files import cached

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


@pytest.fixture
def read_only(monkeypatch):
    """Makes what writes fail from now on, as on a file system that is read-only; root cannot be kept out otherwise."""
    def fail(*arguments, **named):
        raise OSError(30, "Read-only file system")

    def start():
        for place, name in ((os, "chmod"), (os, "mkdir"), (os, "replace"), (Path, "chmod"), (cached_files, "_private")):
            monkeypatch.setattr(place, name, fail)
    return start


def test_a_cache_on_a_file_system_that_is_read_only_serves_what_it_holds(read_only, caplog):
    cached("small.plan", KEY, make)
    read_only()
    assert cached("small.plan", KEY, never)[0] == CONTENT
    assert caplog.text == ""


def test_what_cannot_be_kept_is_used_and_one_warning_says_so(read_only, folder, caplog):
    read_only()
    content, path, made = cached("small.plan", KEY, make)
    assert (content, made) == (CONTENT, True)
    assert not path.exists()
    assert cached("large.plan", KEY, make)[0] == CONTENT
    [warning] = caplog.messages
    assert f"{folder} cannot be written (Read-only file system)." in warning
    assert warning.endswith("make room there, or name another place: export XDG_CACHE_HOME=/path")


def test_an_error_of_the_making_is_that_of_the_caller_even_if_nothing_can_be_kept(read_only):
    read_only()
    with pytest.raises(ZeroDivisionError) as error:
        cached("small.plan", KEY, lambda: 1 / 0)
    assert error.value.__context__ is None


def test_another_users_cache_is_refused_with_the_remedy(folder, monkeypatch):
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(InputError, match="belongs to another user.*export XDG_CACHE_HOME=/path"):
        cache_folder()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_cache_that_others_can_write_is_refused_with_the_remedy(mode, folder):
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.raises(InputError, match=f"can be written by others .its mode is {mode:o}.*rm -r {folder}$"):
        cached("small.plan", KEY, never)
    assert os.listdir(folder) == []


@pytest.mark.parametrize(("plant", "kind"), [
    (lambda folder: folder.symlink_to("/tmp"), "link"), (lambda folder: folder.symlink_to("nowhere"), "link"),
    (Path.touch, "file")])
def test_a_link_in_the_place_of_the_cache_is_not_followed(plant, kind, folder):
    folder.parent.mkdir()
    plant(folder)
    with pytest.raises(InputError, match=f"is a {kind} and no folder, .*: export XDG_CACHE_HOME=/path"):
        cached("small.plan", KEY, never)


def test_a_link_in_the_place_of_a_lock_is_not_followed(folder, tmp_path, caplog):
    path = cached("small.plan", KEY, make)[1]
    path.unlink()
    lock = path.with_name(f".{path.name}.lock")
    lock.unlink()
    lock.symlink_to(tmp_path / "victim")
    assert cached("small.plan", KEY, make)[0] == CONTENT
    assert not (tmp_path / "victim").exists()
    assert "Too many levels of symbolic links" in caplog.text


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


LIMITED = """
import resource
from instance_seg_node.files.cached_files import cached
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for name in ("one.plan", "two.plan"):
    print(len(cached(name, {"gpu": ["sm_86"]}, lambda: bytes(2000))[0]))
"""


def test_what_there_is_no_room_for_is_used_and_nothing_of_it_is_left(folder):
    said = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    assert said.stdout == "2000\n2000\n"
    [warning] = said.stderr.splitlines()
    assert f"{folder} cannot be written (File too large)" in warning
    assert [path.suffix for path in folder.iterdir()] == [".lock", ".lock"]
