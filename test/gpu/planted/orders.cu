// What orders two threads, and what does not. Each pair: a kernel with a fault, and the kernel without it.

// Each warp reverses its 32 values by itself; a block of 64.
extern "C" __global__ void reverse_warps(const int *values, int *reversed) {
    __shared__ int part[64];
    int i = threadIdx.x;
    part[i] = values[i];
    __syncwarp();
    reversed[i] = part[i ^ 31];
}
extern "C" __global__ void reverse_block_with_syncwarp(const int *values, int *reversed) {
    __shared__ int part[64];
    int i = threadIdx.x;
    part[i] = values[i];
    __syncwarp();
    reversed[i] = part[63 - i];
}
// A shuffle orders no memory.
extern "C" __global__ void reverse_warps_with_shuffle(const int *values, int *reversed) {
    __shared__ int part[64];
    int i = threadIdx.x;
    part[i] = values[i];
    __shfl_sync(0xffffffffu, i, 0);
    reversed[i] = part[i ^ 31];
}
// Halves of a warp, each with its own mask; the last step needs both.
extern "C" __global__ void reverse_half_warps(const int *values, int *reversed) {
    __shared__ int part[64];
    int i = threadIdx.x;
    part[i] = values[i];
    __syncwarp(i & 16 ? 0xffff0000u : 0x0000ffffu);
    reversed[i] = part[i ^ 15];
}
extern "C" __global__ void reverse_warps_in_halves(const int *values, int *reversed) {
    __shared__ int part[64];
    int i = threadIdx.x;
    part[i] = values[i];
    __syncwarp(i & 16 ? 0xffff0000u : 0x0000ffffu);
    reversed[i] = part[i ^ 31];
}

// Lane 0 hands a value to lane 1, and lane 1 its knowledge of that to lane 2.
extern "C" __global__ void through_a_lane(int *value, int *got) {
    if (threadIdx.x == 0) *value = 7;
    if (threadIdx.x < 2) __syncwarp(0x3);
    if (threadIdx.x == 1 || threadIdx.x == 2) __syncwarp(0x6);
    if (threadIdx.x == 2) *got = *value;
}

// Every block counts its threads.
extern "C" __global__ void count(int *total) { atomicAdd(total, 1); }
extern "C" __global__ void count_plainly(int *total) { if (threadIdx.x == 0) *total = *total + (int)blockDim.x; }
extern "C" __global__ void mark_by_all(int *mark) { *mark = 1; }
extern "C" __global__ void count_and_look(int *total, int *seen) {
    atomicAdd(total, 1);
    if (threadIdx.x == 0) seen[blockIdx.x] = *total;
}
extern "C" __global__ void count_and_look_volatile(int *total, int *seen) {
    atomicAdd(total, 1);
    if (threadIdx.x == 0) seen[blockIdx.x] = *(volatile int *)total;
}

// Block 0 hands a value to block 1: a fence does not make that an order.
extern "C" __global__ void hand_over(int *value, int *flag, int *got) {
    if (blockIdx.x == 0) {
        *value = 7;
        __threadfence();
        atomicExch(flag, 1);
    } else if (atomicAdd(flag, 0)) {
        *got = *value;
    }
}

// Neighbouring bytes are different memory.
extern "C" __global__ void own_bytes(unsigned char *bytes) { bytes[blockIdx.x * blockDim.x + threadIdx.x] = threadIdx.x; }
extern "C" __global__ void own_bytes_and_word(unsigned char *bytes) {
    if (threadIdx.x < 4) bytes[threadIdx.x] = 1;
    else if (threadIdx.x == 4) *(unsigned *)bytes = 0;
}
