// Each primitive once per thread, for comparison with its definition.
extern "C" __global__ void shuffles(const int *values, int *results, int argument, int width) {
    int i = threadIdx.x, n = blockDim.x, value = values[i];
    results[i] = __shfl_sync(0xffffffffu, value, argument, width);
    results[n + i] = __shfl_up_sync(0xffffffffu, value, argument, width);
    results[2 * n + i] = __shfl_down_sync(0xffffffffu, value, argument, width);
    results[3 * n + i] = __shfl_xor_sync(0xffffffffu, value, argument, width);
}
extern "C" __global__ void votes(const int *values, unsigned *results) {
    int i = threadIdx.x, n = blockDim.x, value = values[i];
    results[i] = __ballot_sync(0xffffffffu, value & 1);
    results[n + i] = __any_sync(0xffffffffu, value > 60);
    results[2 * n + i] = __all_sync(0xffffffffu, value > -60);
    results[3 * n + i] = __match_any_sync(0xffffffffu, value);
}
extern "C" __global__ void reductions(const int *values, int *results) {
    int i = threadIdx.x, n = blockDim.x, value = values[i];
    results[i] = __reduce_add_sync(0xffffffffu, value);
    results[n + i] = __reduce_min_sync(0xffffffffu, value);
    results[2 * n + i] = __reduce_max_sync(0xffffffffu, value);
    results[3 * n + i] = __reduce_xor_sync(0xffffffffu, value);
}
extern "C" __global__ void block_votes(const int *values, int *results) {
    int i = threadIdx.x, n = blockDim.x, value = values[i];
    results[i] = __syncthreads_count(value & 1);
    results[n + i] = __syncthreads_or(value > 60);
    results[2 * n + i] = __syncthreads_and(value > -60);
}
extern "C" __global__ void atomics(const int *values, int *results, unsigned long long *wide, float *sum) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, value = values[i];
    atomicAdd(results, value);
    atomicMin(results + 1, value);
    atomicMax(results + 2, value);
    atomicOr(results + 3, value);
    atomicAnd(results + 4, value);
    for (int old = 0, seen; (seen = atomicCAS(results + 5, old, old + 1)) != old; old = seen) {}
    atomicMin(wide, (unsigned long long)(unsigned)value << 32 | i);
    atomicAdd(wide + 1, 1ull << 40);
    atomicAdd(sum, 0.5f);
}
extern "C" __global__ void scalars(int *results, int a, float b, unsigned long long c, unsigned char d) {
    results[0] = a;
    results[1] = __float_as_int(b);
    results[2] = (int)(c >> 32);
    results[3] = d;
    results[4] = __popc(0xf0f0u) + __popcll(c) * 100;
    results[5] = __ffs(8) * 10000 + __ffs(0) * 100 + __clz(1);
    results[6] = (int)__brev(1u);
    results[7] = min(a, 3) + max(a, 3) * 100;
}
extern "C" __global__ void index(int *results) {
    int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    results[block * blockDim.x + threadIdx.x] = block * 1000 + (int)threadIdx.x;
}
