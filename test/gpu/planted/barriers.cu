// Barriers that not all threads reach, and loops without end.
extern "C" __global__ void barrier_in_branch(int *values) {
    if (threadIdx.x < 40) {
        values[threadIdx.x] = 1;
        __syncthreads();
    }
}
extern "C" __global__ void two_barriers(int *values) {
    if (threadIdx.x < 32) {
        values[threadIdx.x] = 1;
        __syncthreads();
    } else {
        values[threadIdx.x] = 2;
        __syncthreads();
    }
}
extern "C" __global__ void missing_lane(int *values) {
    unsigned mask = 0;
    if (threadIdx.x % 32 == 5) __syncthreads();
    else mask = __ballot_sync(0xffffffffu, 1);
    values[threadIdx.x] = (int)mask;
    if (threadIdx.x % 32 != 5) __syncthreads();
}
extern "C" __global__ void foreign_mask(int *values) {
    values[threadIdx.x] = __any_sync(1u, 1);
}
extern "C" __global__ void wait_for_ever(int *flag) {
    while (!*(volatile int *)flag) {}
}
