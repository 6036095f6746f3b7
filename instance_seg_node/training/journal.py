"""What a run tells while it learns: progress.csv, and the same curves with pictures of masks for TensorBoard.

    tensorboard --logdir runs
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from ..files.atomic_files import write_atomically
from ..files.write_errors import no_room_said

TERMS = ("loss", "instance", "variance", "seed")


class Journal:
    """Notes of a run that goes on at step `first`. What an interrupted run had noted from there on is forgotten: a note
    comes before its checkpoint, so that none is missing and none is there twice.
    """

    def __init__(self, out: Path, first: int):
        self._table = out / "progress.csv"
        _forget(self._table, first)
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=first + 1)

    def note(self, step: int, learning_rate: float, losses: np.ndarray, scores: Mapping[str, float],
             pictures: Sequence[np.ndarray]) -> None:
        """Add what is known after `step` steps. losses: in the order of TERMS. pictures: uint8 (H, W, 3) RGB."""
        values = dict(zip(TERMS, losses.tolist(), strict=True))
        row = {"step": step, **values, **scores}
        before = self._table.read_bytes() if self._table.exists() else _line(row)
        write_atomically(self._table, before + _line(f"{v:.6g}" for v in row.values()))
        with no_room_said(Path(self._board.log_dir)):
            self._draw(step, learning_rate, values, scores, pictures)

    def _draw(self, step: int, learning_rate: float, values: Mapping[str, float], scores: Mapping[str, float],
              pictures: Sequence[np.ndarray]) -> None:
        for name, value in values.items():
            self._board.add_scalar(f"training/{name}", value, step)
        for name, value in scores.items():
            self._board.add_scalar(f"validation/{name}", value, step)
        self._board.add_scalar("training/learning rate", learning_rate, step)
        for i, picture in enumerate(pictures):
            self._board.add_image(f"validation/{i}", picture, step, dataformats="HWC")
        self._board.flush()

    def close(self) -> None:
        self._board.close()


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=os.linesep).writerow(cells)
    return text.getvalue().encode()


def _forget(table: Path, first: int) -> None:
    """Keep the rows of steps up to `first`."""
    if not table.exists():
        return
    header, *rows = table.read_text().splitlines()
    kept = [row for row in rows if float(row.split(",")[0]) <= first]
    write_atomically(table, "".join(line + os.linesep for line in (header, *kept)).encode())
