"""Which tests share a process."""

from functools import cache
from pathlib import Path


@cache
def _marked_ros(file: Path) -> bool:
    return "mark.ros" in file.read_text()


def process_of(root: Path, nodeid: str) -> str:
    """"ros" for a test of a file that has any over real topics, else its file. nodeid: pytest's, below `root`."""
    file = nodeid.partition("::")[0]
    return "ros" if _marked_ros(root / file) else file
