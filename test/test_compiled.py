"""Compiled functions are kept where that is possible, and work where it is not."""

import os
import subprocess
import sys

import pytest

SETTINGS = {
    "kept": "",
    "no room": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))",
    "no folder that can be written": "from numba.core.caching import CacheImpl; CacheImpl._locator_classes = []",
}
MODULE = """
import sys
from instance_seg_node.compiled import compiled

@compiled
def doubled(x):
    return 2 * x

@compiled
def tripled(x):
    return 3 * x

if __name__ == "__main__":
    print(doubled(2), tripled(2), doubled._cache_hits.total())
"""


@pytest.fixture
def run(tmp_path):
    """Starts a program that compiles two functions, in one of the SETTINGS. Gives what it prints and says on stderr."""
    def start(setting: str) -> tuple[str, list[str]]:
        (tmp_path / "program.py").write_text(SETTINGS[setting] + MODULE)
        done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, check=True,
                              env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")})
        return done.stdout.split(), done.stderr.splitlines()
    return start


def test_functions_are_compiled_once_and_kept_for_the_next_start(run, tmp_path):
    assert run("kept") == (["4", "6", "0"], [])
    assert run("kept") == (["4", "6", "1"], [])


@pytest.mark.parametrize("setting", list(SETTINGS)[1:])
def test_what_cannot_be_kept_is_used_and_one_line_says_so(setting, run, tmp_path):
    printed, [warning] = run(setting)
    assert printed[:2] == ["4", "6"]
    assert warning.startswith("numba cannot keep what it compiles (")
    assert warning.endswith("export NUMBA_CACHE_DIR=/path")
    assert not [file for file in tmp_path.rglob("*.nbc*") if file.stat().st_size > 100]


@pytest.mark.parametrize("size", [0, 60])
@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"])
def test_machine_code_that_was_cut_short_is_made_again(kind, size, run, tmp_path):
    run("kept")
    for file in tmp_path.rglob(kind):
        os.truncate(file, size)
    printed, warnings = run("kept")
    assert printed == ["4", "6", "0"]
    assert len(warnings) == 2
    assert all(" is damaged (" in warning for warning in warnings)
    assert run("kept") == (["4", "6", "1"], [])
