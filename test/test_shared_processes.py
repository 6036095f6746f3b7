"""The tests share processes as conftest.py says: seen in a run of some by two."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import process_of

ROOT = Path(__file__).parents[1]
FILES = ("test/test_vocabulary.py", "test/test_roofline.py", "test/test_resolution.py")


def test_files_with_tests_over_real_topics_share_one_process():
    for file in ("test/ros/test_node_topics.py", "test/test_packaging.py"):
        assert process_of(ROOT, f"{file}::test") == "ros"
    assert process_of(ROOT, "test/test_vocabulary.py::test") == "test/test_vocabulary.py"


def test_no_file_is_shared_by_two_processes():
    pytest.importorskip("xdist")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    run = subprocess.run([sys.executable, "-m", "pytest", "-n", "2", "-v", *FILES], cwd=ROOT, capture_output=True,
                         text=True, check=True, env=environment)
    seen = set(re.findall(r"^\[(gw\d)\].*? PASSED (test/\w+\.py)::", run.stdout, re.MULTILINE))
    assert {process for process, _ in seen} == {"gw0", "gw1"}
    assert sorted(file for _, file in seen) == sorted(FILES)
