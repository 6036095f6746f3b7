"""CUDA on a CPU: kernels that are right give CUDA's result in every order, and each planted fault is an error."""

from pathlib import Path

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice, CudaOnCpuError

PLANTED = Path(__file__).parent / "planted"
SEEDS = range(20)


def device(seed=0, **options):
    return CpuDevice(seed, PLANTED, **options)


def uploaded(device, values):
    array = device.array(values.shape, values.dtype)
    device.upload(array, values)
    return array


def result(seed, kernel, grid, block, *values, **options):
    """Launch a kernel on arrays and scalars; the arrays as they are afterwards."""
    gpu = device(seed, **options)
    arguments = [uploaded(gpu, value) if isinstance(value, np.ndarray) else value for value in values]
    gpu.launch(kernel, grid, block, *arguments)
    return [gpu.download(array) for array, value in zip(arguments, values) if isinstance(value, np.ndarray)]


def integers(count, seed=0):
    return np.random.default_rng(seed).integers(-64, 64, count).astype(np.int32)


def zeros(*shape, dtype=np.int32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sum_over_a_block_is_the_sum(seed):
    values = integers(256, seed)
    assert result(seed, "sum", (1,), 256, values, zeros(1))[1] == values.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_missing_barrier_is_an_error_in_every_order(seed):
    with pytest.raises(CudaOnCpuError, match=r"'sum_without_barrier': thread \d+ .* shared memory \(sums.cu:\d+\): "
                                             r"a race, as thread \d+ of block 0 \w+ them \(sums.cu:\d+\)"):
        result(seed, "sum_without_barrier", (1,), 256, integers(256), zeros(1))


@pytest.mark.parametrize("seed", SEEDS)
def test_syncwarp_orders_the_lanes_of_its_mask(seed):
    values = np.arange(64, dtype=np.int32)
    assert result(seed, "reverse_warps", (1,), 64, values, zeros(64))[1].tolist() == (values ^ 31).tolist()
    assert result(seed, "reverse_half_warps", (1,), 64, values, zeros(64))[1].tolist() == (values ^ 15).tolist()
    assert result(seed, "through_a_lane", (1,), 32, zeros(1), zeros(1))[1] == 7


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kernel", ["block_with_syncwarp", "warps_with_shuffle", "warps_in_halves"])
def test_what_does_not_order_two_threads_of_a_block_is_a_race(kernel, seed):
    with pytest.raises(CudaOnCpuError, match="race|nothing wrote"):
        result(seed, f"reverse_{kernel}", (1,), 64, np.arange(64, dtype=np.int32), zeros(64))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("kernel", "arrays"), [("count_plainly", 1), ("mark_by_all", 1), ("count_and_look", 2)])
def test_two_blocks_that_meet_outside_of_atomics_race(kernel, arrays, seed):
    with pytest.raises(CudaOnCpuError, match=f"{kernel}.*block [01] .*a race, .*block [01] "):
        result(seed, kernel, (2,), 1, *[zeros(2) for _ in range(arrays)])


def test_a_fence_and_a_flag_do_not_order_two_blocks():
    def races(seed):
        try:
            return result(seed, "hand_over", (2,), 1, zeros(1), zeros(1), zeros(1)) == 0
        except CudaOnCpuError as error:
            return "race" in str(error)

    assert any(races(seed) for seed in SEEDS)  # only where block 1 comes after block 0 does it read the value


@pytest.mark.parametrize("seed", SEEDS)
def test_atomics_and_reads_through_volatile_do_not_race(seed):
    total, seen = result(seed, "count_and_look_volatile", (5,), 40, zeros(1), zeros(5))
    assert total == 200
    assert ((seen >= 1) & (seen <= 200)).all()


def test_neighbouring_bytes_are_different_memory():
    assert result(0, "own_bytes", (3,), 40, zeros(120, dtype=np.uint8))[0].tolist() == [*range(40)] * 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_byte_and_the_word_around_it_are_the_same_memory(seed):
    with pytest.raises(CudaOnCpuError, match="race"):
        result(seed, "own_bytes_and_word", (1,), 8, zeros(8, dtype=np.uint8))


@pytest.mark.parametrize(("kernel", "error"), [
    ("barrier_in_branch", r"waits at __syncthreads \(line 5\).* has returned .*: barrier divergence"),
    ("two_barriers", "line (11|14) .*line (11|14): barrier divergence"),
    ("missing_lane", r"waits (for its warp|at __syncthreads).*: barrier divergence"),
    ("foreign_mask", r"thread \d+ of block 0 is not in its own mask 00000001"),
])
@pytest.mark.parametrize("seed", range(5))
def test_a_barrier_that_not_all_reach_is_an_error(kernel, error, seed):
    with pytest.raises(CudaOnCpuError, match=error):
        result(seed, kernel, (1,), 64, zeros(64))


def test_a_launch_that_does_not_end_is_an_error():
    with pytest.raises(CudaOnCpuError, match="no end after 10000 memory accesses"):
        result(0, "wait_for_ever", (1,), 32, zeros(1), limit=10000)


@pytest.mark.parametrize(("sizes", "error"), [
    ((63, 64), r"reads 4 bytes out of bounds: byte 252 of an array int32 \(63,\) of 252 bytes \(bounds.cu:4\)"),
    ((64, 63), r"writes 4 bytes out of bounds: byte 252 of an array int32 \(63,\) of 252 bytes \(bounds.cu:4\)"),
])
def test_an_access_outside_of_an_array_is_an_error(sizes, error):
    with pytest.raises(CudaOnCpuError, match=error):
        result(0, "copy", (2,), 32, *[zeros(size) for size in sizes], np.int32(64))


def test_memory_that_was_given_back_is_no_longer_there():
    gpu = device()
    lost, kept = gpu.array((4,), np.int32), gpu.array((4,), np.int32)
    pointer = lost.pointer
    gpu.launch("copy", (1,), 4, lost, kept, np.int32(4))
    lost = gpu.array((1,), np.int32)
    lost.pointer = pointer
    with pytest.raises(CudaOnCpuError, match="no live array"):
        gpu.launch("copy", (1,), 4, lost, kept, np.int32(4))


@pytest.mark.parametrize(("offset", "error"), [(2, "not aligned to 4"), (-4, "byte -4 of an array"), (8, "byte 8 ")])
def test_a_word_is_read_only_where_it_may_lie(offset, error):
    with pytest.raises(CudaOnCpuError, match=error):
        result(0, "copy_word", (1,), 1, zeros(8, dtype=np.uint8), zeros(1, dtype=np.uint32), np.int32(offset))


def test_shared_memory_that_nothing_wrote_is_not_read():
    with pytest.raises(CudaOnCpuError, match=r"thread 31 .*shared memory that nothing wrote \(bounds.cu:13\)"):
        result(0, "shared_garbage", (1,), 32, zeros(32))


def test_the_bounds_of_a_shared_array_are_checked():
    result(0, "shared_bounds", (1,), 32, zeros(32), np.int32(0))
    with pytest.raises(CudaOnCpuError, match=r"index 3[2-9], out of bounds .*bounds.cu:19"):
        result(0, "shared_bounds", (1,), 32, zeros(32), np.int32(8))


@pytest.mark.parametrize(("kernel", "argument", "error"), [
    ("foreign_local", None, "another thread's local memory"),
    ("divide", np.int32(0), "division by 0 .*bounds.cu"),
    ("to_integer", np.float32(3e9), "what does not fit .*bounds.cu"),
])
def test_what_cuda_leaves_undefined_is_an_error(kernel, argument, error):
    with pytest.raises(CudaOnCpuError, match=error):
        result(0, kernel, (1,), 32 if argument is None else 1, zeros(32), *[] if argument is None else [argument])


def test_a_new_array_and_shared_memory_hold_garbage():
    assert device().download(device().array((64,), np.int32)).any()


def test_after_an_error_the_device_can_be_used_again():
    gpu = device()
    values, total = uploaded(gpu, integers(256)), uploaded(gpu, zeros(1))
    for _ in range(3):
        with pytest.raises(CudaOnCpuError):
            gpu.launch("sum_without_barrier", (1,), 256, values, total)
        gpu.launch("sum", (1,), 256, values, total)
        assert gpu.download(total) == integers(256).sum()


def lanes(i, block):
    """The first thread of a thread's warp, and one past its last."""
    return i // 32 * 32, min(i // 32 * 32 + 32, block)


@pytest.mark.parametrize("block", [32, 64, 45, 7])
@pytest.mark.parametrize(("argument", "width"), [(0, 32), (3, 32), (5, 8), (1, 4), (16, 32), (31, 32)])
def test_shuffles_are_their_definition(block, argument, width):
    values = integers(block)
    got = result(1, "shuffles", (1,), block, values, zeros(4, block), np.int32(argument), np.int32(width))[1]
    for i in range(block):
        warp, end = lanes(i, block)
        group = i // width * width
        place = i - group
        sources = [group + argument % width, i - argument if place >= argument else i,
                   i + argument if place + argument < width else i,
                   warp + ((i - warp) ^ argument) if warp + ((i - warp) ^ argument) < group + width else i]
        for row, source in enumerate(sources):
            if source < end:  # a lane that is not there gives garbage
                assert got[row, i] == values[source], (row, i)
            else:
                assert got[row, i] not in values


@pytest.mark.parametrize("block", [32, 64, 45, 7])
def test_votes_and_reductions_are_their_definition(block):
    values = integers(block, block)
    votes = result(2, "votes", (1,), block, values, zeros(4, block, dtype=np.uint32))[1]
    sums = result(2, "reductions", (1,), block, values, zeros(4, block))[1]
    together = result(2, "block_votes", (1,), block, values, zeros(3, block))[1]
    for i in range(block):
        start, end = lanes(i, block)
        warp = values[start:end]
        odd = sum(int(v & 1) << lane for lane, v in enumerate(warp))
        equal = sum(int(v == values[i]) << lane for lane, v in enumerate(warp))
        assert votes[:, i].tolist() == [odd, (warp > 60).any(), (warp > -60).all(), equal]
        assert sums[:, i].tolist() == [warp.sum(), warp.min(), warp.max(), np.bitwise_xor.reduce(warp)]
        assert together[:, i].tolist() == [(values & 1).sum(), (values > 60).any(), (values > -60).all()]


@pytest.mark.parametrize("seed", SEEDS)
def test_atomics_lose_nothing(seed):
    values = integers(96, seed)
    start = np.array([0, 2**31 - 1, -2**31, 0, -1, 0], np.int32)
    wide = np.array([2**64 - 1, 0], np.uint64)
    _, got, wide, total = result(seed, "atomics", (3,), 32, values, start, wide, zeros(1, dtype=np.float32))
    assert got.tolist() == [values.sum(), values.min(), values.max(), np.bitwise_or.reduce(values),
                            np.bitwise_and.reduce(values), 96]
    assert wide.tolist() == [min(int(v) % 2**32 << 32 | i for i, v in enumerate(values)), 96 << 40]
    assert total == 48


def test_scalars_arrive_and_bits_are_counted():
    got = result(0, "scalars", (1,), 1, zeros(8), np.int32(-5), np.float32(1.5), np.uint64(7 << 32), np.uint8(200))[0]
    assert got.tolist() == [-5, np.float32(1.5).view(np.int32), 7, 200, 308, 4 * 10000 + 31, -2**31, -5 + 300]


def test_blocks_of_a_grid_have_three_coordinates():
    got = result(0, "index", (2, 3, 4), 5, zeros(24, 5))[0]
    assert got.tolist() == [[block * 1000 + thread for thread in range(5)] for block in range(24)]


def test_the_seed_decides_the_order():
    def seen(seed):
        return result(seed, "count_and_look_volatile", (8,), 32, zeros(1), zeros(8))[1].tolist()

    assert seen(3) == seen(3)
    assert len({tuple(seen(seed)) for seed in SEEDS}) > 10


@pytest.mark.parametrize(("arguments", "error"), [
    ([("int32", 4), ("int32", 4)], "'copy' takes 3 arguments, got 2"),
    ([("int32", 4), ("float32", 4), np.int32(4)], "argument 1 of .* is a pointer to int32, got array of float32"),
    ([("int32", 4), ("int32", 4), np.int64(4)], "argument 2 of kernel 'copy' is a int32, got int64"),
    ([("int32", 4), ("int32", 4), 4], "argument 2 of kernel 'copy' is a int32, got int$"),
    ([("int32", 4), np.int32(4), np.int32(4)], "argument 1 of kernel 'copy' is a pointer to int32, got int32"),
])
def test_arguments_that_do_not_fit_are_an_error(arguments, error):
    gpu = device()
    with pytest.raises(CudaOnCpuError, match=error):
        gpu.launch("copy", (1,), 4, *[gpu.array((a[1],), a[0]) if isinstance(a, tuple) else a for a in arguments])


def test_an_unknown_kernel_is_an_error_that_names_the_known():
    with pytest.raises(CudaOnCpuError, match="no kernel 'som'; there are: .*sum, sum_without_barrier"):
        device().launch("som", (1,), 1)


@pytest.mark.parametrize(("grid", "block"), [((0,), 32), ((1, 70000), 32), ((1,), 0), ((1,), 1025), ((1, 1, 1, 1), 32)])
def test_a_grid_that_cuda_refuses_is_an_error(grid, block):
    with pytest.raises(CudaOnCpuError, match="cannot be launched"):
        result(0, "count", grid, block, zeros(1))


@pytest.mark.parametrize("values", [np.zeros(4, np.int64), np.zeros(5, np.int32)])
def test_a_copy_must_fit(values):
    gpu = device()
    array = gpu.array((4,), np.int32)
    for copy in (gpu.upload, gpu.send, gpu.fetch):
        with pytest.raises(CudaOnCpuError, match="copy of"):
            copy(array, values)


def test_a_late_device_reads_and_writes_the_host_at_the_latest_when_it_is_waited_for():
    moments = set()
    for seed in range(20):
        gpu = device(seed, late=True)
        array, values = gpu.array((1,), np.int32), gpu.host((1,), np.int32)
        values[:] = 1
        gpu.send(array, values)
        values[:] = 2
        gpu.fetch(array, values)
        early = int(values[0])
        gpu.wait()
        moments.add((early, int(values[0])))
    assert moments == {(1, 1), (2, 1), (2, 2)}  # sent before or after the change, fetched before or after the look


def test_a_machine_without_a_compiler_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("cuda_on_cpu.compiled.COMPILER", "no-such-compiler")
    with pytest.raises(FileNotFoundError, match="sudo apt install g\\+\\+"):
        CpuDevice(kernels=tmp_path)


def test_a_kernel_that_does_not_compile_is_an_error_with_its_line(tmp_path):
    (tmp_path / "wrong.cu").write_text('\nextern "C" __global__ void wrong(int *to) { *to = nothing; }\n')
    with pytest.raises(RuntimeError, match="wrong.cu:2:.*nothing"):
        CpuDevice(kernels=tmp_path)
