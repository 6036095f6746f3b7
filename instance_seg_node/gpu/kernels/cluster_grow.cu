// The loop of METHODS 1.6, in one block for each group of classes, blockIdx.x, and image, blockIdx.y: seeds from the
// best down, each looks at the chunks of slots that its margin may reach.
//
// An iteration takes about as long as its chain of loads and barriers, whatever the number of instances. So one warp
// aims while another takes the seed out; then all warps count, decide alike, and paint, each in chunks of its own.
#include "cluster_proposal.cuh"

// The best key of the chunks that this thread's warp looks after, for all warps to see after the next barrier.
static __device__ void cluster_best_of_warp(const uint64* best, int32 first, int32 end, uint64* best_of_warp)
{
    uint64 key = 0;
#pragma unroll 4
    for (int32 chunk = first + threadIdx.x; chunk < end; chunk += blockDim.x)
        key = max(key, best[chunk]);
    key = cluster_warp_max(key);
    if (threadIdx.x % 32 == 0)
        best_of_warp[threadIdx.x / 32] = key;
}

// One warp: the best key of a chunk. free: bit k for the slot of this lane that is 32 * k further.
static __device__ void cluster_renew_best(const ClusterSlots& slots, int32 chunk, uint32 free)
{
    const uint64* key = slots.key + chunk * CLUSTER_CHUNK + threadIdx.x % 32;
    uint64 best = 0;
#pragma unroll
    for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {
        const uint64 own = key[32 * k];
        best = max(best, free >> k & 1 ? own : 0);
    }
    best = cluster_warp_max(best);
    if (threadIdx.x % 32 == 0)
        slots.best[chunk] = best;
}

// One warp: a pixel is not free any more.
static __device__ void cluster_take(const ClusterSlots& slots, int32 taken)
{
    const int32 lane = threadIdx.x % 32, chunk = taken / CLUSTER_CHUNK;
    const ClusterShare share = cluster_share(slots, chunk);
    uint32 free = 0;
#pragma unroll
    for (int32 k = 0; k < CLUSTER_PER_LANE; k++)
        free |= uint32(share.label[k] == CLUSTER_FREE && chunk * CLUSTER_CHUNK + 32 * k + lane != taken) << k;
    if (taken % 32 == lane)
        slots.label[taken] = CLUSTER_TAKEN;
    cluster_renew_best(slots, chunk, free);
}

// Takes a proposal's free pixels. With a label of an instance it labels all of them, as many as others had less.
static __device__ void cluster_paint(const ClusterSlots& slots, const ClusterView& view, int32 label)
{
    const int32 lane = threadIdx.x % 32, warps = blockDim.x / 32, chunks = view.chunks;
    const ClusterMargin margin = view.margin;
    for (int32 number = threadIdx.x / 32; number < chunks; number += warps) {
        const int32 chunk = cluster_chunk(view, number);
        const ClusterShare share = cluster_share(slots, chunk);
        uint32 free = 0, taken = 0;
#pragma unroll
        for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {
            const bool inside = cluster_holds(margin, share.x[k], share.y[k]);
            const bool was_free = share.label[k] == CLUSTER_FREE;
            free |= uint32(was_free && !inside) << k;
            taken |= uint32(was_free && inside) << k;
            if (inside && (was_free || label != CLUSTER_TAKEN))
                slots.label[chunk * CLUSTER_CHUNK + 32 * k + lane] = label;
            if (inside && share.label[k] > 0 && label != CLUSTER_TAKEN)
                atomicSub(slots.area + share.label[k] - 1, 1);
        }
        if (__any_sync(CLUSTER_WARP, taken != 0))
            cluster_renew_best(slots, chunk, free);
    }
}

// Moves the keys of the instances that have pixels to the front, in order. Their areas become their places there,
// counted from 1, and 0 for the others. Returns how many there are.
static __device__ int32 cluster_close_up(uint64* keys, int32* area, int32 found)
{
    __shared__ int32 kept_in_warp[32];
    const int32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int32 kept = 0;
    for (int32 first = 0; first < found; first += blockDim.x) {
        const int32 k = first + threadIdx.x;
        const bool keep = k < found && area[k] > 0;
        const uint64 key = keep ? keys[k] : 0;
        const uint32 lanes = __ballot_sync(CLUSTER_WARP, keep);
        if (lane == 0)
            kept_in_warp[warp] = __popc(lanes);
        __syncthreads();
        int32 place = kept + __popc(lanes & ((1u << lane) - 1));
        for (int32 i = 0; i < int32(blockDim.x / 32); i++) {
            place += i < warp ? kept_in_warp[i] : 0;
            kept += kept_in_warp[i];
        }
        if (k < found)
            area[k] = keep ? place + 1 : 0;
        if (keep)
            keys[place] = key;
        __syncthreads();  // before the next are counted
    }
    return kept;
}

// label: (slots,), becomes record + 1. area: (slots / 2,), of the records; in the end the place among the kept ones.
extern "C" __global__ void __launch_bounds__(1024)
cluster_grow(ClusterShape shape, ClusterLimits limits, const float* embedding, const float* bandwidth,
             const int32* slot_of, const int32* bin_start, const float* point, const uint64* key_of, int32* label,
             uint64* best, ClusterGroup* groups, uint64* record_key, int32* area)
{
    __shared__ uint64 best_of_warp[32];
    __shared__ ClusterView view;
    __shared__ ClusterCount sum[2];
    const int32 lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const int64 image = blockIdx.y, n = shape.pixels, stride = shape.slots;
    groups += image * shape.groups + blockIdx.x;
    embedding += image * 2 * n;
    bandwidth += image * shape.bandwidths * n;
    bin_start += (image * shape.groups + blockIdx.x) * shape.rows * (shape.columns + 1);
    point += image * (2 + shape.bandwidths) * stride;
    record_key += image * (stride / 2);
    area += image * (stride / 2);
    const ClusterSlots slots = {point, point + stride, point + 2 * stride, point + (1 + shape.bandwidths) * stride,
                                key_of + image * stride, label + image * stride,
                                best + image * (stride / CLUSTER_CHUNK), area};
    const int32 first_chunk = groups->first / CLUSTER_CHUNK, end_chunk = groups->end / CLUSTER_CHUNK;
    const int32 first = groups->first / 2;  // of the group's records
    int32 free = groups->pixels, end = first;
    while (free > limits.min_pixels) {
        cluster_best_of_warp(slots.best, first_chunk, end_chunk, best_of_warp);
        __syncthreads();
        if (warp == 0 || warp == warps - 1) {
            const uint64 seed = cluster_warp_max(lane < warps ? best_of_warp[lane] : 0);
            const int32 pixel = cluster_pixel(seed);
            if (warp == warps - 1)
                cluster_take(slots, slot_of[image * n + pixel]);
            if (warp == 0)
                cluster_aim(shape, bin_start, {embedding[pixel], embedding[n + pixel], bandwidth[pixel],
                                               bandwidth[(shape.bandwidths - 1) * n + pixel]}, &view);
            if (threadIdx.x == 0)
                view.seed = seed;
            if (threadIdx.x < 2)
                sum[threadIdx.x] = {0, 0};
        }
        __syncthreads();
        const uint64 seed = view.seed;
        if (cluster_score(seed) < limits.seed)
            break;
        ClusterCount count = cluster_count(slots, view, sum);
        bool accepted = cluster_acceptable(limits, count);
        if (accepted && limits.refine) {
            const ClusterMargin mean = cluster_mean_margin(slots, view, count.inside);
            if (warp == 0)
                cluster_aim(shape, bin_start, mean, &view);
            __syncthreads();
            count = cluster_count(slots, view, sum + 1);
            accepted = cluster_acceptable(limits, count);
        }
        cluster_paint(slots, view, accepted ? end + 1 : CLUSTER_TAKEN);
        if (accepted && threadIdx.x == 0) {
            record_key[end] = seed;
            area[end] = count.inside;
        }
        end += accepted;
        free -= 1 + count.free;
        __syncthreads();
    }
    const int32 kept = cluster_close_up(record_key + first, area + first, end - first);
    if (threadIdx.x == 0) {
        groups->found = end - first;
        groups->kept = kept;
    }
}
