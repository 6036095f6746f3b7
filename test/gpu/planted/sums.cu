// Sum of 256 numbers by one block.
extern "C" __global__ void sum(const int *values, int *total) {
    __shared__ int part[256];
    int i = threadIdx.x;
    part[i] = values[i];
    __syncthreads();
    for (int half = 128; half; half /= 2) {
        if (i < half) part[i] += part[i + half];
        __syncthreads();
    }
    if (i == 0) *total = part[0];
}

extern "C" __global__ void sum_without_barrier(const int *values, int *total) {
    __shared__ int part[256];
    int i = threadIdx.x;
    part[i] = values[i];
    __syncthreads();
    for (int half = 128; half; half /= 2)
        if (i < half) part[i] += part[i + half];
    if (i == 0) *total = part[0];
}
