// Sorts the foreground of a batch by bin. blockIdx.y is the image.
#include "cluster.cuh"

// Each bin's first slot, in one block for each group, blockIdx.x. Groups come in the order in which their blocks do.
// bin_count's last is the slots given away, 0 before. bin_start: (groups, rows, columns + 1), a row's last is its end.
extern "C" __global__ void __launch_bounds__(1024)
cluster_starts(ClusterShape shape, int32* bin_count, int32* bin_start, ClusterGroup* groups, float* point,
               uint64* key_of, int32* label_of)
{
    __shared__ int32 size[32], begin[32];
    const int32 lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const int32 group = blockIdx.x, image = blockIdx.y, bins = shape.rows * shape.columns;
    int32* count = bin_count + image * int64(shape.groups * bins + 1);
    int32* slots_used = count + shape.groups * bins;
    int32* start = bin_start + (image * shape.groups + group) * int64(bins + shape.rows);
    count += group * bins;
    for (int32 row = warp; row < shape.rows; row += warps) {
        int32 total = 0;
        for (int32 left = 0; left < shape.columns; left += 32)
            total += left + lane < shape.columns ? count[row * shape.columns + left + lane] : 0;
        total = __shfl_sync(CLUSTER_WARP, cluster_warp_scan(total), 31);
        if (lane == 0)
            size[row] = total;
    }
    __syncthreads();
    if (warp == 0) {
        const int32 pixels = lane < shape.rows ? size[lane] : 0;
        const int32 slots = (pixels + CLUSTER_CHUNK - 1) / CLUSTER_CHUNK * CLUSTER_CHUNK;
        const int32 end = cluster_warp_scan(slots), all_pixels = cluster_warp_scan(pixels);
        int32 first = lane == 31 ? atomicAdd(slots_used, end) : 0;
        first = __shfl_sync(CLUSTER_WARP, first, 31);
        begin[lane] = first + end - slots;
        if (lane == 31)
            groups[image * shape.groups + group] = {first, first + end, all_pixels, 0, 0};
    }
    __syncthreads();
    for (int32 row = warp; row < shape.rows; row += warps) {
        int32 before = begin[row];
        for (int32 left = 0; left < shape.columns; left += 32) {
            const int32 column = left + lane;
            const int32 own = column < shape.columns ? count[row * shape.columns + column] : 0;
            const int32 up_to = before + cluster_warp_scan(own);
            if (column < shape.columns)
                start[row * (shape.columns + 1) + column] = up_to - own;
            before = __shfl_sync(CLUSTER_WARP, up_to, 31);
        }
        if (lane == 0)
            start[row * (shape.columns + 1) + shape.columns] = before;
        const int32 end = (before + CLUSTER_CHUNK - 1) / CLUSTER_CHUNK * CLUSTER_CHUNK;
        for (int64 slot = before + lane; slot < end; slot += 32) {
            const int64 at = image * int64(shape.slots) + slot;
            for (int32 axis = 0; axis < 2; axis++)
                point[(image * (2 + shape.bandwidths) + axis) * int64(shape.slots) + slot] = CLUSTER_OUTSIDE;
            key_of[at] = 0;
            label_of[at] = CLUSTER_TAKEN;
        }
    }
}

// Fills the slots. slot_of: (pixels,), first the bins, then the slots. point: (2 + bandwidths, slots), x, y, bandwidth.
extern "C" __global__ void cluster_scatter(ClusterShape shape, const float* embedding, const float* bandwidth,
                                           const int32* bin_start, const int32* place_of, const float* score_of,
                                           int32* slot_of, float* point, uint64* key_of, int32* label_of)
{
    const int32 pixel = blockIdx.x * blockDim.x + threadIdx.x;
    const int64 image = blockIdx.y, n = shape.pixels, slots = shape.slots, at = image * n + pixel;
    const int32 bin = pixel < n ? slot_of[at] : -1;
    if (bin < 0)
        return;
    const int32* start = bin_start + image * shape.groups * shape.rows * (shape.columns + 1);
    const int32 slot = start[bin + bin / shape.columns] + place_of[at];
    point += image * (2 + shape.bandwidths) * slots + slot;
    point[0] = embedding[2 * image * n + pixel];
    point[slots] = embedding[(2 * image + 1) * n + pixel];
    for (int32 d = 0; d < shape.bandwidths; d++)
        point[(2 + d) * slots] = bandwidth[(image * shape.bandwidths + d) * n + pixel];
    key_of[image * slots + slot] = cluster_key(score_of[at], pixel);
    label_of[image * slots + slot] = CLUSTER_FREE;
    slot_of[at] = slot;
}

// The best key of each chunk that is in use, one warp for each. slots_used: the last of bin_count.
extern "C" __global__ void cluster_best(ClusterShape shape, const int32* bin_count, const uint64* key_of, uint64* best)
{
    const int32 lane = threadIdx.x % 32, chunk = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    const int64 image = blockIdx.y, bins = shape.groups * shape.rows * shape.columns;
    if (chunk * int64(CLUSTER_CHUNK) >= bin_count[image * (bins + 1) + bins])
        return;
    key_of += image * shape.slots + chunk * int64(CLUSTER_CHUNK) + lane;
    uint64 key = 0;
    for (int32 k = 0; k < CLUSTER_PER_LANE; k++)
        key = max(key, key_of[32 * k]);
    key = cluster_warp_max(key);
    if (lane == 0)
        best[image * (shape.slots / CLUSTER_CHUNK) + chunk] = key;
}
