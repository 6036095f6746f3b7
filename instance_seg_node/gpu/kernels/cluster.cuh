// What the kernels of the clustering share. gpu/clustering.py says what they compute and launches them in order.
//
// A slot holds one foreground pixel. Slots are in order of group, row of bins, bin; within a bin in no order, and
// nothing that comes out depends on it. Each row of bins begins with a new chunk of slots, so that no chunk has pixels
// of two groups; what is left over of its last chunk holds nothing: no margin reaches it and it is never free.
#pragma once
#include "types.cuh"

#define CLUSTER_WARP 0xffffffffu
#define CLUSTER_CHUNK 128
#define CLUSTER_PER_LANE (CLUSTER_CHUNK / 32)
#define CLUSTER_OUTSIDE __int_as_float(0x7f800000)  // infinity: a coordinate that no margin holds

// Bits of not_finite, in the order of finite.HEADS.
#define CLUSTER_EMBEDDING 1
#define CLUSTER_BANDWIDTH 2
#define CLUSTER_SEED 4

// Labels of slots; an instance's is its record + 1.
#define CLUSTER_FREE 0
#define CLUSTER_TAKEN (-1)

// clustering.SHAPE: sizes of one image's arrays. A margin's rows of bins are looked at by one warp: 32 rows at most.
struct ClusterShape {
    int32 pixels, slots, classes, groups, bandwidths, rows, columns, max_rows;
    float rows_per_unit, columns_per_unit;
};

// clustering.LIMITS: the thresholds.
struct ClusterLimits {
    double min_unclustered;
    float foreground, seed;
    int32 min_pixels, refine;
};

// Of one group of classes in one image.
struct ClusterGroup {
    int32 first, end;    // its slots; its records are first / 2 and on: an instance takes two pixels or more
    int32 pixels;        // of the foreground
    int32 found, kept;   // instances; those that still have pixels
};

// Descending in score, then ascending in pixel. 0 is none.
static __device__ uint64 cluster_key(float score, int32 pixel)
{
    return uint64(__float_as_uint(score)) << 32 | uint32(~pixel);
}

static __device__ float cluster_score(uint64 key)
{
    return __uint_as_float(uint32(key >> 32));
}

static __device__ int32 cluster_pixel(uint64 key)
{
    return int32(~uint32(key));
}

// Never decreases as the coordinate grows, rounding included. What lies outside falls in the nearest bin at the edge.
static __device__ int32 cluster_bin_along(float coordinate, float bins_per_unit, int32 count)
{
    return int32(fminf(fmaxf(coordinate * bins_per_unit, 0.0f), float(count - 1)));
}

static __device__ uint64 cluster_warp_max(uint64 value)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
    for (int32 step = 16; step > 0; step /= 2)
        value = max(value, __shfl_xor_sync(CLUSTER_WARP, value, step));
    return value;
#else  // a third of the time
    const uint32 high = __reduce_max_sync(CLUSTER_WARP, uint32(value >> 32));
    const uint32 low = __reduce_max_sync(CLUSTER_WARP, uint32(value >> 32) == high ? uint32(value) : 0u);
    return uint64(high) << 32 | low;
#endif
}

// Sum over this lane and those before it.
static __device__ int32 cluster_warp_scan(int32 value)
{
    const int32 lane = threadIdx.x % 32;
    for (int32 step = 1; step < 32; step *= 2) {
        const int32 before = __shfl_up_sync(CLUSTER_WARP, value, step);
        value += lane >= step ? before : 0;
    }
    return value;
}

// Adds 1 at total[index] for each lane, with one atomic operation for lanes of one index; none if it is negative.
// Returns what was there before, as if the lanes came one after another.
static __device__ int32 cluster_count_up(int32* total, int32 index)
{
    const uint32 same = __match_any_sync(CLUSTER_WARP, index);
    const int32 lane = threadIdx.x % 32, leader = __ffs(same) - 1;
    const int32 before = lane == leader && index >= 0 ? atomicAdd(total + index, __popc(same)) : 0;
    return __shfl_sync(CLUSTER_WARP, before, leader) + __popc(same & ((1u << lane) - 1));
}
