// A proposal, the pixels within a margin, seen by all warps of a block, each in chunks of its own.
#pragma once
#include "cluster_margin.cuh"

#define CLUSTER_CENTRE_STEPS 1048576  // in a unit of embedding space, as binning.CENTRE_STEPS_PER_UNIT
#define CLUSTER_CENTRE_LIMIT 65536.0f

// The slots of one image. sx, sy: bandwidth along x and y, of a circle the same array.
struct ClusterSlots {
    const float *x, *y, *sx, *sy;
    const uint64* key;
    int32* label;
    uint64* best;  // of each chunk's free pixels
    int32* area;   // of each record: pixels
};

// What a lane has of a chunk: every 32nd slot.
struct ClusterShare {
    float x[CLUSTER_PER_LANE], y[CLUSTER_PER_LANE];
    int32 label[CLUSTER_PER_LANE];
};

// Pixels of a proposal, and how many of them are free.
struct ClusterCount {
    int32 inside, free;
};

// All loads are on their way before the first is waited for.
static __device__ ClusterShare cluster_share(const ClusterSlots& slots, int32 chunk)
{
    const int32 first = chunk * CLUSTER_CHUNK + threadIdx.x % 32;
    ClusterShare share;
#pragma unroll
    for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {
        share.label[k] = slots.label[first + 32 * k];
        share.x[k] = slots.x[first + 32 * k];
        share.y[k] = slots.y[first + 32 * k];
    }
    return share;
}

// Adds a proposal's pixels to `sum`, which is 0 and shared. Returns it once all warps have.
static __device__ ClusterCount cluster_count(const ClusterSlots& slots, const ClusterView& view, ClusterCount* sum)
{
    const int32 lane = threadIdx.x % 32, warps = blockDim.x / 32, chunks = view.chunks;
    const ClusterMargin margin = view.margin;
    ClusterCount own = {0, 0};
    for (int32 number = threadIdx.x / 32; number < chunks; number += warps) {
        const ClusterShare share = cluster_share(slots, cluster_chunk(view, number));
#pragma unroll
        for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {
            const bool inside = cluster_holds(margin, share.x[k], share.y[k]), free = share.label[k] == CLUSTER_FREE;
            own.inside += __popc(__ballot_sync(CLUSTER_WARP, inside));
            own.free += __popc(__ballot_sync(CLUSTER_WARP, inside & free));
        }
    }
    if (lane == 0 && own.inside > 0) {
        atomicAdd(&sum->inside, own.inside);
        atomicAdd(&sum->free, own.free);
    }
    __syncthreads();
    return *sum;
}

// Compares in float64 as the CPU does, where float32 leaves a doubt: all threads do, and some GPUs are slow at it.
static __device__ bool cluster_acceptable(const ClusterLimits& limits, ClusterCount count)
{
    const float above = float(count.free) - float(limits.min_unclustered) * float(count.inside);
    const bool enough = fabsf(above) > 1e-6f * float(count.inside)
        ? above > 0.0f : double(count.free) > limits.min_unclustered * double(count.inside);
    return count.inside > limits.min_pixels && enough;
}

// The whole units and the rest are exact in float32 and take no conversion to 64 bits, at which some GPUs are slow.
static __device__ int64 cluster_in_steps(float coordinate)
{
    const float limited = fminf(fmaxf(coordinate, -CLUSTER_CENTRE_LIMIT), CLUSTER_CENTRE_LIMIT);
    const int32 units = int32(limited);
    return units * int64(CLUSTER_CENTRE_STEPS) + int32((limited - float(units)) * float(CLUSTER_CENTRE_STEPS));
}

static __device__ int64 cluster_warp_sum(int64 value)
{
    for (int32 step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(CLUSTER_WARP, value, step);
    return value;
}

// The margin of the refine pass, in the first warp: centre and bandwidth as means over a proposal, as binning.py's.
// Sums of integers are the same in any order.
static __device__ ClusterMargin cluster_mean_margin(const ClusterSlots& slots, const ClusterView& view, int32 members)
{
    __shared__ int64 sum_of_warp[4][32];
    const int32 lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, chunks = view.chunks;
    const ClusterMargin margin = view.margin;
    int64 sum[4] = {0, 0, 0, 0};
    for (int32 number = warp; number < chunks; number += warps) {
        const int32 chunk = cluster_chunk(view, number), first = chunk * CLUSTER_CHUNK + lane;
        const ClusterShare share = cluster_share(slots, chunk);
#pragma unroll
        for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {  // without branches, so that no load waits for another
            const bool inside = cluster_holds(margin, share.x[k], share.y[k]);
            const float sx = slots.sx[first + 32 * k], sy = slots.sy[first + 32 * k];
            sum[0] += cluster_in_steps(inside ? share.x[k] : 0.0f);
            sum[1] += cluster_in_steps(inside ? share.y[k] : 0.0f);
            sum[2] += inside ? __float_as_int(sx) : 0;
            sum[3] += inside ? __float_as_int(sy) : 0;
        }
    }
    for (int32 k = 0; k < 4; k++) {
        sum[k] = cluster_warp_sum(sum[k]);
        if (lane == 0)
            sum_of_warp[k][warp] = sum[k];
    }
    __syncthreads();
    if (warp > 0)
        return margin;
    for (int32 k = 0; k < 4; k++)
        sum[k] = cluster_warp_sum(lane < warps ? sum_of_warp[k][lane] : 0);
    const double steps = double(CLUSTER_CENTRE_STEPS) * members;
    return {float(sum[0] / steps), float(sum[1] / steps), __int_as_float(int32(sum[2] / members)),
            __int_as_float(int32(sum[3] / members))};
}
