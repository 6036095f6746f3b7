"""A file or a folder is there whole or not at all, whatever stops the process, and no link leads out of its place."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from instance_seg_node.errors import InputError
from instance_seg_node.files import folder_exchange
from instance_seg_node.files.atomic_files import atomic_file, atomic_folder, write_atomically
from instance_seg_node.files.claimed_names import claimed, new_file

STOPPED = """
import errno, os, sys
from pathlib import Path
from signal import Signals
from stopped_writers import stopped_everywhere
from instance_seg_node.files import folder_exchange
from instance_seg_node.files.atomic_files import atomic_folder, write_atomically

def file():
    write_atomically(Path("place"), b"new")

def folder():
    with atomic_folder(Path("place")) as new:
        new.mkdir()
        for name in ("a", "b"):
            (new / name).write_text("new")

def folder_without_exchange():
    def exchange(*names):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    folder_exchange._exchange = exchange
    folder()

write, template, out, number = sys.argv[1:]
stopped_everywhere(globals()[write], Path(template), Path(out), Signals[number])
"""


@pytest.fixture
def stopped(tmp_path):
    """Folders in which a `file` or a `folder` called place, filled with "old", was being written: one per step."""
    def stop(write: str, number: str) -> list[Path]:
        template = tmp_path / "template"
        template.mkdir()
        if write == "file":
            (template / "place").write_text("old")
        else:
            put_folder(template / "place", "old")
        (tmp_path / "out").mkdir()
        subprocess.run([sys.executable, "-c", STOPPED, write, template, tmp_path / "out", number], check=True,
                       env=os.environ | {"PYTHONPATH": os.path.dirname(__file__)})
        return sorted((tmp_path / "out").iterdir(), key=lambda folder: int(folder.name))
    return stop


def put_folder(path: Path, text: str) -> None:
    with atomic_folder(path) as new:
        new.mkdir()
        for name in ("a", "b"):
            (new / name).write_text(text)


def content(path: Path) -> str:
    """Of a file, or of both files of a folder."""
    return path.read_text() if path.is_file() else f"{(path / 'a').read_text()} {(path / 'b').read_text()}"


@pytest.mark.parametrize("number", ["SIGKILL", "SIGINT"])
def test_a_file_is_the_old_one_or_the_new_one_wherever_its_writer_is_stopped(number, stopped):
    folders = stopped("file", number)
    assert [content(folder / "place") for folder in (folders[0], folders[-1])] == ["old", "new"]
    for folder in folders:
        assert content(folder / "place") in ("old", "new")
        write_atomically(folder / "place", b"next")
        assert os.listdir(folder) == ["place"]


@pytest.mark.parametrize("number", ["SIGKILL", "SIGINT"])
def test_a_folder_is_the_old_one_or_the_new_one_wherever_its_writer_is_stopped(number, stopped):
    folders = stopped("folder", number)
    assert [content(folder / "place") for folder in (folders[0], folders[-1])] == ["old old", "new new"]
    for folder in folders:
        assert content(folder / "place") in ("old old", "new new")
        put_folder(folder / "place", "next")
        assert os.listdir(folder) == ["place"]


def test_where_folders_cannot_be_exchanged_the_old_one_comes_back_with_the_next_run(stopped):
    away = 0
    for folder in stopped("folder_without_exchange", "SIGKILL"):
        away += not (folder / "place").exists()
        with pytest.raises(InputError, match="^stop$"), atomic_folder(folder / "place"):
            raise InputError("stop")
        assert content(folder / "place") in ("old old", "new new")
        assert os.listdir(folder) == ["place"]
    assert away, "it was to be stopped between the two steps"


def test_a_folder_stays_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    def fail(new, place):
        raise OSError(5, "Input/output error")

    put_folder(tmp_path / "place", "old")
    monkeypatch.setattr(folder_exchange, "_exchange", fail)
    with pytest.raises(OSError, match="Input/output error"):
        put_folder(tmp_path / "place", "new")
    assert content(tmp_path / "place") == "old old"
    assert os.listdir(tmp_path) == ["place"]


LOOP = """
import itertools, sys
from pathlib import Path
from instance_seg_node.files.atomic_files import write_atomically
for letter in itertools.cycle((b"a", b"b")):
    write_atomically(Path(sys.argv[1]), letter * 3_000_000)
"""


def test_a_file_that_is_written_over_and_over_is_whole_when_its_writer_is_killed(tmp_path):
    path = tmp_path / "place"
    for wait_s in (0.001, 0.002, 0.003, 0.005, 0.007, 0.011):
        with subprocess.Popen([sys.executable, "-c", LOOP, path]) as process:
            while not path.exists():
                assert process.poll() is None
            threading.Event().wait(wait_s)
            process.send_signal(signal.SIGKILL)
        found = path.read_bytes()
        assert found in (b"a" * 3_000_000, b"b" * 3_000_000)
        path.unlink()


# Links and other things that others have put there


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(tmp_path, victim):
    (tmp_path / "place").symlink_to(victim)
    write_atomically(tmp_path / "place", b"new")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "place").is_symlink()
    assert content(tmp_path / "place") == "new"


@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_a_link_under_the_name_that_an_unfinished_file_has_is_not_written_through(plant, tmp_path, victim):
    plant(victim, tmp_path / ".place.partial")
    write_atomically(tmp_path / "place", b"new")
    assert victim.read_text() == "precious"
    assert content(tmp_path / "place") == "new"
    assert sorted(os.listdir(tmp_path)) == ["place", "victim"]


def test_a_pipe_under_the_name_that_an_unfinished_file_has_holds_up_nobody(tmp_path):
    os.mkfifo(tmp_path / ".place.partial")
    write_atomically(tmp_path / "place", b"new")
    assert os.listdir(tmp_path) == ["place"]


def test_a_socket_under_the_name_that_an_unfinished_file_has_is_removed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(".place.partial")
        write_atomically(tmp_path / "place", b"new")
    assert os.listdir(tmp_path) == ["place"]


def test_an_unfinished_file_that_cannot_be_opened_now_is_left_to_its_writer(tmp_path, monkeypatch):
    def fail(path, flags, *mode, **named):
        if flags & os.O_CREAT:
            return true_open(path, flags, *mode, **named)
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    true_open = os.open
    (tmp_path / ".place.partial").write_text("half of it")
    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(InputError, match="place cannot be written: Too many open files .* Raise the limit of open"):
        write_atomically(tmp_path / "place", b"new")
    assert content(tmp_path / ".place.partial") == "half of it"


def test_an_unfinished_file_is_opened_to_write_because_nfs_locks_no_other(tmp_path, monkeypatch):
    def as_nfs(descriptor, operation):
        assert os.path.isdir(f"/proc/self/fd/{descriptor}") or fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE

    (tmp_path / ".file.partial").write_text("half of it")
    (tmp_path / ".folder.partial").mkdir()
    monkeypatch.setattr(fcntl, "flock", as_nfs)
    write_atomically(tmp_path / "file", b"new")
    put_folder(tmp_path / "folder", "new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.parametrize("write", [write_atomically, put_folder])
def test_where_nothing_can_be_locked_nothing_is_left(write, tmp_path, monkeypatch):
    def fail(descriptor, operation):
        opened.append(descriptor)
        raise OSError(errno.ENOLCK, "No locks available")

    opened = []
    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(InputError, match="place cannot be written: No locks available. Name a folder of a file system"):
        write(tmp_path / "place", b"new")
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


@pytest.mark.parametrize(("atomic", "plant"), [(atomic_file, Path.write_text), (atomic_folder, put_folder)])
def test_what_another_program_has_put_under_the_name_of_an_unfinished_one_does_not_take_the_place(
        atomic, plant, tmp_path):
    with pytest.raises(InputError, match="place.partial was removed or replaced by another program"), \
            atomic(tmp_path / "place") as new:
        if atomic is atomic_folder:
            new.mkdir()
        (tmp_path / ".place.partial").rename(tmp_path / "away")
        plant(tmp_path / ".place.partial", "theirs")
    assert not (tmp_path / "place").exists()
    assert content(tmp_path / ".place.partial").startswith("theirs")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_what_is_replaced_hands_on_who_may_read_it(mode, tmp_path):
    def rights(name: str) -> int:
        return (tmp_path / name).stat().st_mode & 0o777

    for name, write in (("file", write_atomically), ("folder", put_folder)):
        write(tmp_path / name, b"" if name == "file" else "old")
        (tmp_path / name).chmod(mode | 0o300 * (name == "folder"))
        before = rights(name)
        write(tmp_path / name, b"" if name == "file" else "new")
        assert rights(name) == before


def test_an_unfinished_file_is_never_open_to_more_than_the_one_that_it_replaces(tmp_path, monkeypatch):
    def open_(path, flags, *mode, **named):
        made.extend(mode if flags & os.O_CREAT else ())
        return true_open(path, flags, *mode, **named)

    made, true_open = [], os.open
    write_atomically(tmp_path / "place", b"old")
    (tmp_path / "place").chmod(0o600)
    monkeypatch.setattr(os, "open", open_)
    write_atomically(tmp_path / "place", b"new")
    assert made == [0o600]


def test_a_link_under_the_name_that_an_unfinished_folder_has_is_not_followed(tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "precious").touch()
    (tmp_path / ".place.partial").symlink_to(tmp_path / "victim")
    put_folder(tmp_path / "place", "new")
    assert os.listdir(tmp_path / "victim") == ["precious"]
    assert sorted(os.listdir(tmp_path)) == ["place", "victim"]


def test_nobody_else_can_put_anything_into_an_unfinished_folder(tmp_path):
    with atomic_folder(tmp_path / "place") as new:
        assert new.parent.stat().st_mode & 0o777 == 0o700
        new.mkdir()


@pytest.mark.parametrize(("make", "write", "kind"), [
    (Path.mkdir, write_atomically, "file"), (os.mkfifo, write_atomically, "file"), (Path.touch, put_folder, "folder"),
    (lambda path: path.symlink_to("."), put_folder, "folder")])
def test_what_is_of_another_kind_is_not_replaced(make, write, kind, tmp_path):
    make(tmp_path / "place")
    with pytest.raises(InputError, match=f"place is there, and is no {kind}. Choose another name"):
        write(tmp_path / "place", b"new")
    assert os.listdir(tmp_path) == ["place"]


# Errors and others who write


def test_an_error_in_the_block_leaves_what_was_there(tmp_path):
    (tmp_path / "place").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "place", "w") as file:
        file.write("new")
        1 / 0  # noqa: B018
    assert content(tmp_path / "place") == "old"
    assert os.listdir(tmp_path) == ["place"]


def test_a_folder_that_is_not_there_is_an_error_with_the_remedy(tmp_path):
    with pytest.raises(InputError, match="x/place cannot be written: No such file or directory .* Name a folder that"):
        write_atomically(tmp_path / "x" / "place", b"new")


@pytest.mark.parametrize("write", [write_atomically, put_folder])
def test_a_name_that_leaves_no_room_for_the_hidden_one_is_an_error_with_the_remedy(write, tmp_path):
    with pytest.raises(InputError, match="cannot be written: File name too long .* Choose a shorter name"):
        write(tmp_path / ("a" * 247), b"new")
    assert os.listdir(tmp_path) == []


def test_the_longest_name_that_leaves_room_for_it_is_written(tmp_path):
    put_folder(tmp_path / ("a" * 246), "new")
    assert content(tmp_path / ("a" * 246)) == "new new"


def test_two_writers_of_one_file_take_turns_and_the_later_one_says_that_it_waits(tmp_path, caplog):
    path = tmp_path / "place"
    with atomic_file(path) as first:
        later = threading.Thread(target=write_atomically, args=(path, b"later"))
        later.start()
        while "another process makes" not in caplog.text:
            assert later.is_alive()
        first.write(b"first")
        assert not path.exists()
    later.join()
    assert content(path) == "later"
    assert os.listdir(tmp_path) == ["place"]


def test_a_writer_whose_new_file_was_taken_for_abandoned_makes_another(tmp_path):
    made = []

    def create(partial):
        made.append(new_file(partial))
        if len(made) == 1:
            partial.unlink()  # as another process does that comes between the making and the lock
        return made[-1]

    with claimed(tmp_path / "place", create) as (partial, descriptor):
        assert descriptor == made[1]
        assert partial.exists()


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_is_before_the_writer_goes_on(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append(os.readlink(f"/proc/self/fd/{descriptor}")),
                                                         fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda one, other: (done.append("named"), replace(one, other)))
    write_atomically(tmp_path / "place", b"new")
    assert done == [str(tmp_path / ".place.partial"), "named", str(tmp_path)]


def test_a_killed_writer_holds_up_nobody(tmp_path):
    (tmp_path / ".place.partial").write_text("half of it")
    with open(tmp_path / ".place.partial") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # freed with the descriptor, as the kernel does for a process
    write_atomically(tmp_path / "place", b"new")
    assert os.listdir(tmp_path) == ["place"]
