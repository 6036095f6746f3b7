// Each thread does what its row of operations says: a code and a place in memory per step.
extern "C" __global__ void script(const int *operations, unsigned char *memory, int steps, int *sums) {
    int thread = blockIdx.x * blockDim.x + threadIdx.x, sum = 0;
    unsigned half = threadIdx.x & 16 ? 0xffff0000u : 0x0000ffffu;
    for (int step = 0; step < steps; step++) {
        const int *row = operations + (thread * steps + step) * 2;
        unsigned char *byte = memory + row[1];
        switch (row[0]) {
            case 1: sum += *byte; break;
            case 2: *byte = 1; break;
            case 3: sum += *(int *)byte; break;
            case 4: *(int *)byte = 1; break;
            case 5: atomicOr((int *)byte, 1); break;
            case 6: sum += *(volatile int *)byte; break;
            case 7: __syncwarp(half); break;
            case 8: __syncwarp(); break;
            case 9: __syncthreads(); break;
        }
    }
    sums[thread] = sum;
}
