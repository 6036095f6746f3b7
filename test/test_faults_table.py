"""docs/faults.md: every row has a test that exists, and every test of a fault has its row."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs" / "faults.md"


def rows() -> list[str]:
    """The lines of all tables of faults, without their heads."""
    lines = TABLE.read_text().partition("## How soon")[0].splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith("| fault |")]


def named_in(pattern: str) -> set[str]:
    """Names of the test functions in files of test/."""
    return {node.name for path in TESTS.rglob(pattern) for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_row_names_tests_that_exist():
    known = named_in("test_*.py")
    assert len(rows()) > 30
    for row in rows():
        named = re.findall(r"`(test_\w+)`", row.split("|")[-2])
        assert named, row
        assert set(named) <= known, row


def test_every_test_of_a_fault_has_its_row():
    in_table = set(re.findall(r"`(test_\w+)`", TABLE.read_text()))
    assert named_in("test_faults_*.py") - named_in("test_faults_table.py") <= in_table
