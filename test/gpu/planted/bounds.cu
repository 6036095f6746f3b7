// Accesses outside of arrays, and other things that a GPU may answer with silence.
extern "C" __global__ void copy(const int *from, int *to, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) to[i] = from[i];
}
extern "C" __global__ void copy_word(const unsigned char *from, unsigned *to, int offset) {
    *to = *(const unsigned *)(from + offset);
}
extern "C" __global__ void shared_garbage(int *to) {
    __shared__ int part[32];
    if (threadIdx.x < 31) part[threadIdx.x] = 1;
    __syncthreads();
    to[threadIdx.x] = part[threadIdx.x];
}
extern "C" __global__ void shared_bounds(int *to, int at) {
    __shared__ int part[32], next[32];
    part[threadIdx.x] = next[threadIdx.x] = 1;
    __syncthreads();
    to[threadIdx.x] = part[threadIdx.x + at];
}
extern "C" __global__ void foreign_local(int *to) {
    __shared__ int *local;
    int mine = threadIdx.x;
    if (threadIdx.x == 0) local = &mine;
    __syncthreads();
    to[threadIdx.x] = *local;
}
extern "C" __global__ void divide(int *to, int by) { *to = 7 / by; }
extern "C" __global__ void to_integer(int *to, float value) { *to = (int)value; }
