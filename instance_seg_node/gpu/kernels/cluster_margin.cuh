// A margin, and the chunks of slots that it may reach.
#pragma once
#include "cluster.cuh"

#define CLUSTER_LN2 0.69314718f

struct alignas(16) ClusterMargin {  // read in one go
    float x, y, sx, sy;
};

// A margin and the chunks it may reach, numbered through. Those before number end[k] that are not in an earlier row of
// bins are in the k-th, and are chunks offset[k] + number.
struct ClusterView {
    uint64 seed;
    ClusterMargin margin;
    int32 chunks, end[32], offset[32];
};

// float32, rounded after each operation, in the order of binning.py.
static __device__ bool cluster_holds(ClusterMargin margin, float x, float y)
{
    const float dx = x - margin.x, dy = y - margin.y;
    return dx * dx * margin.sx + dy * dy * margin.sy < CLUSTER_LN2;
}

// One warp. start: (rows, columns + 1), of the group.
// Reaches 1e-4 further than sqrt(ln 2 / s): rounding in the distance test is a few times 1e-7.
static __device__ void cluster_aim(const ClusterShape& shape, const int32* start, ClusterMargin margin,
                                   ClusterView* view)
{
    const int32 lane = threadIdx.x % 32;
    const float x = sqrtf(CLUSTER_LN2 / margin.sx) * 1.0001f, y = sqrtf(CLUSTER_LN2 / margin.sy) * 1.0001f;
    const int32 left = cluster_bin_along(margin.x - x, shape.columns_per_unit, shape.columns);
    const int32 right = cluster_bin_along(margin.x + x, shape.columns_per_unit, shape.columns);
    const int32 row = cluster_bin_along(margin.y - y, shape.rows_per_unit, shape.rows) + lane;
    int32 first = 0, chunks = 0;
    if (row <= cluster_bin_along(margin.y + y, shape.rows_per_unit, shape.rows)) {
        start += row * (shape.columns + 1);
        const int32 begin = start[left], end = start[right + 1];
        first = begin / CLUSTER_CHUNK;
        chunks = begin < end ? (end - 1) / CLUSTER_CHUNK + 1 - first : 0;
    }
    const int32 end = cluster_warp_scan(chunks);
    view->end[lane] = end;
    view->offset[lane] = first - (end - chunks);
    if (lane == 31) {
        view->margin = margin;
        view->chunks = end;
    }
}

static __device__ int32 cluster_chunk(const ClusterView& view, int32 number)
{
    return view.offset[__popc(__ballot_sync(CLUSTER_WARP, view.end[threadIdx.x % 32] <= number))] + number;
}
