"""CUDA on a CPU reports a race exactly where two accesses conflict and nothing orders them, in every order."""

from pathlib import Path

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice, CudaOnCpuError

PLANTED = Path(__file__).parent / "planted"
BLOCKS, THREADS, STEPS, BYTES = 2, 72, 8, 8
READ, WRITE, READ_WORD, WRITE_WORD, ATOMIC_WORD, READ_VOLATILE, SYNC_HALF, SYNC_WARP, SYNC_BLOCK = range(1, 10)
WORDS = (READ_WORD, WRITE_WORD, ATOMIC_WORD, READ_VOLATILE)
WRITES = (WRITE, WRITE_WORD)
MATES = {SYNC_HALF: 16, SYNC_WARP: 32, SYNC_BLOCK: THREADS}  # that many neighbours come to a barrier together


def random_script(rng):
    """Operations int32 (BLOCKS, THREADS, STEPS, 2): barriers at some steps, and a few accesses between them."""
    script = np.zeros((BLOCKS, THREADS, STEPS, 2), np.int32)
    for step in rng.choice(STEPS, rng.integers(5), replace=False):
        script[:, :, step, 0] = rng.choice([SYNC_HALF, SYNC_WARP, SYNC_BLOCK])
    blocks, threads = rng.choice([1, BLOCKS]), rng.choice([2, 24, THREADS])  # few threads share a warp
    actors = [(rng.integers(blocks), rng.integers(threads)) for _ in range(rng.integers(2, 6))]
    codes, places = ([READ, READ, WRITE], 1) if rng.random() < 0.4 else ([READ, READ_WORD, WRITE, *WORDS], BYTES)
    for _ in range(rng.integers(2, 9)):
        row = script[actors[rng.integers(len(actors))]][rng.integers(STEPS)]
        if row[0] == 0:
            row[0] = rng.choice(codes)
            row[1] = rng.integers(places) // 4 * 4 if row[0] in WORDS else rng.integers(places)
    return script


def conflict(a, b):
    """Whether two accesses, (code, place), must be ordered."""
    (first, at), (second, to) = a, b
    apart = not (at < to + (4 if second in WORDS else 1) and to < at + (4 if first in WORDS else 1))
    if apart or not {first, second} & {*WRITES, ATOMIC_WORD}:
        return False
    return bool({first, second} & {*WRITES}) or not {first, second} <= {ATOMIC_WORD, READ_VOLATILE}


def has_race(script):
    """The definition: each thread knows up to which step it is ordered after each other thread of its block."""
    for block in script:
        accesses = []  # (thread, step, operation) of this block
        known = np.full((THREADS, THREADS), -1)
        for step in range(STEPS):
            for thread, (code, at) in enumerate(block[:, step].tolist()):
                if 0 < code < SYNC_HALF:
                    if any(mate != thread and known[thread, mate] < then and conflict((code, at), old)
                           for mate, then, old in accesses):
                        return True
                    accesses.append((thread, step, (code, at)))
            mates = MATES.get(int(block[0, step, 0]))
            for start in range(0, THREADS, mates) if mates else ():
                group = slice(start, start + mates)
                known[group, group] = step
                known[group] = known[group].max(axis=0)
    return any(conflict(a, b) for a in accesses_of(script[0]) for b in accesses_of(script[1]))


def accesses_of(block):
    return [(code, at) for code, at in block.reshape(-1, 2).tolist() if 0 < code < SYNC_HALF]


def reported(script, seed):
    device = CpuDevice(seed, PLANTED)
    operations, memory = device.array(script.shape, np.int32), device.array((BYTES,), np.uint8)
    device.upload(operations, script)
    try:
        device.launch("script", (BLOCKS,), THREADS, operations, memory, np.int32(STEPS),
                      device.array((BLOCKS * THREADS,), np.int32))
    except CudaOnCpuError as error:
        assert "race" in str(error)
        return True
    return False


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_a_race_is_reported_exactly_where_the_definition_finds_one(start):
    found = []
    for seed in range(start, start + 50):
        script = random_script(np.random.default_rng(seed))
        found.append(has_race(script))
        for shuffle in range(3):
            assert reported(script, shuffle) == found[-1], (seed, shuffle)
    assert 5 < sum(found) < 45


LETTERS = {letter: code for code, letter in enumerate(".rwRWavhsb")}


def drawn(rows):
    """A script of place 0 from `{(block, thread): steps}`; the letters of barriers are for all threads."""
    script = np.zeros((BLOCKS, THREADS, STEPS, 2), np.int32)
    for thread, steps in rows.items():
        for step, letter in enumerate(steps):
            if letter != ".":
                script[(..., step, 0) if letter in "hsb" else (*thread, step, 0)] = LETTERS[letter]
    return script


@pytest.mark.parametrize(("rows", "races"), [
    ({(0, 0): "rs", (0, 1): "..rw"}, False),  # the lane that writes read it too, after the barrier
    ({(0, 0): "rs", (0, 40): "r.", (0, 1): "..w"}, True),  # one reader of each warp; the barrier is of one warp
    ({(0, 0): "rb", (1, 0): "r", (0, 1): "..w"}, True),  # the other block does not know of the barrier
    ({(0, 0): "rh", (0, 16): "r", (0, 1): "..w"}, True),  # of the other half
    ({(0, 0): "rh", (0, 15): "r", (0, 1): "..w"}, False),
    ({(0, 0): "wh.s", (0, 15): "..w", (0, 31): "....w"}, False),  # through a lane that knew
    ({(0, 0): "as", (0, 1): "a", (0, 2): "..r"}, False),
    ({(0, 0): "a", (0, 1): "r"}, True),
    ({(0, 0): "a", (0, 1): "v", (1, 0): "v", (1, 5): "a"}, False),
    ({(0, 0): "w", (0, 1): "v"}, True),
    ({(0, 0): "r", (0, 1): "W"}, True),
    ({(0, 0): "rb.b", (0, 1): "..w.r"}, False),
])
def test_what_orders_two_accesses(rows, races):
    script = drawn(rows)
    assert has_race(script) == races
    for shuffle in range(10):
        assert reported(script, shuffle) == races, shuffle
