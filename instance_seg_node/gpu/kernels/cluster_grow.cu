// The loop of METHODS 1.6 in one block for each group of classes and image: seeds from the best down, each looks at the
// chunks of slots that its margin may reach. blockIdx.x is the group, blockIdx.y the image.
//
// All threads know the seed, its margin and the counts, and so decide alike; each warp takes chunks of its own.
#include "cluster.cuh"

#define CLUSTER_LN2 0.69314718f
#define CLUSTER_CENTRE_STEPS 1048576  // in a unit of embedding space, as binning.CENTRE_STEPS_PER_UNIT
#define CLUSTER_CENTRE_LIMIT 65536.0f

// Where the block works: one group of one image. point: x, y, bandwidth along x and along y, which may be the same.
struct ClusterSpace {
    const float *x, *y, *sx, *sy;
    const uint64* key;
    int32* label;
    uint64* best;        // of each chunk's free pixels
    int32* area;         // of each record, pixels
    const int32* start;  // (rows, columns + 1)
};

struct ClusterMargin {
    float x, y, sx, sy;
};

// The chunks that a margin may reach, numbered through. Lane k has those of the k-th row of bins: they end before
// number `end` and are chunks offset + number.
struct ClusterReach {
    int32 end, offset, count;
};

// Pixels of a proposal, and how many of them are free.
struct ClusterCount {
    int32 inside, free;
};

// float32, rounded after each operation, in the order of binning.py.
static __device__ bool cluster_holds(ClusterMargin margin, float x, float y)
{
    const float dx = x - margin.x, dy = y - margin.y;
    return dx * dx * margin.sx + dy * dy * margin.sy < CLUSTER_LN2;
}

// Reaches 1e-4 further than sqrt(ln 2 / s): rounding in the distance test is a few times 1e-7.
static __device__ ClusterReach cluster_reach(const ClusterShape& shape, ClusterMargin margin, const int32* start)
{
    const int32 lane = threadIdx.x % 32;
    const float x = sqrtf(CLUSTER_LN2 / margin.sx) * 1.0001f, y = sqrtf(CLUSTER_LN2 / margin.sy) * 1.0001f;
    const int32 left = cluster_bin_along(margin.x - x, shape.columns_per_unit, shape.columns);
    const int32 right = cluster_bin_along(margin.x + x, shape.columns_per_unit, shape.columns);
    const int32 row = cluster_bin_along(margin.y - y, shape.rows_per_unit, shape.rows) + lane;
    int32 first = 0, chunks = 0;
    if (row <= cluster_bin_along(margin.y + y, shape.rows_per_unit, shape.rows)) {
        const int32* of_row = start + row * (shape.columns + 1);
        const int32 begin = of_row[left], end = of_row[right + 1];
        first = begin / CLUSTER_CHUNK;
        chunks = begin < end ? (end - 1) / CLUSTER_CHUNK + 1 - first : 0;
    }
    const int32 end = cluster_warp_scan(chunks);
    return {end, first - (end - chunks), __shfl_sync(CLUSTER_WARP, end, 31)};
}

static __device__ int32 cluster_chunk(ClusterReach reach, int32 number)
{
    const int32 row = __popc(__ballot_sync(CLUSTER_WARP, reach.end <= number));
    return __shfl_sync(CLUSTER_WARP, reach.offset, row) + number;
}

// The key of the best free pixel, in every thread.
static __device__ uint64 cluster_next_seed(const uint64* best, int32 first, int32 end)
{
    __shared__ uint64 best_of_warp[32];
    const int32 lane = threadIdx.x % 32;
    uint64 key = 0;
    for (int32 chunk = first + threadIdx.x; chunk < end; chunk += blockDim.x)
        key = max(key, best[chunk]);
    key = cluster_warp_max(key);
    if (lane == 0)
        best_of_warp[threadIdx.x / 32] = key;
    __syncthreads();
    return cluster_warp_max(lane < int32(blockDim.x / 32) ? best_of_warp[lane] : 0);
}

// One warp: the pixel is not free any more.
static __device__ void cluster_take(const ClusterSpace& space, int32 taken)
{
    const int32 lane = threadIdx.x % 32, chunk = taken / CLUSTER_CHUNK;
    uint64 key = 0;
    for (int32 slot = chunk * CLUSTER_CHUNK + lane; slot < (chunk + 1) * CLUSTER_CHUNK; slot += 32)
        if (slot == taken)
            space.label[slot] = CLUSTER_TAKEN;
        else if (space.label[slot] == CLUSTER_FREE)
            key = max(key, space.key[slot]);
    key = cluster_warp_max(key);
    if (lane == 0)
        space.best[chunk] = key;
}

// Adds a proposal's pixels to `sum`, which is 0 and shared. Returns it once all warps have.
static __device__ ClusterCount cluster_count(const ClusterSpace& space, ClusterMargin margin, ClusterReach reach,
                                             ClusterCount* sum)
{
    const int32 lane = threadIdx.x % 32, warps = blockDim.x / 32;
    ClusterCount own = {0, 0};
    for (int32 number = threadIdx.x / 32; number < reach.count; number += warps) {
        const int32 slot = cluster_chunk(reach, number) * CLUSTER_CHUNK + lane;
#pragma unroll
        for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {
            const bool free = space.label[slot + 32 * k] == CLUSTER_FREE;
            const bool inside = cluster_holds(margin, space.x[slot + 32 * k], space.y[slot + 32 * k]);
            own.inside += __popc(__ballot_sync(CLUSTER_WARP, inside));
            own.free += __popc(__ballot_sync(CLUSTER_WARP, inside & free));
        }
    }
    if (lane == 0) {
        atomicAdd(&sum->inside, own.inside);
        atomicAdd(&sum->free, own.free);
    }
    __syncthreads();
    return *sum;
}

static __device__ bool cluster_acceptable(const ClusterLimits& limits, ClusterCount count)
{
    return count.inside > limits.min_pixels && double(count.free) > limits.min_unclustered * double(count.inside);
}

static __device__ int64 cluster_in_steps(float coordinate)
{
    // Exact: a power of two.
    return int64(fminf(fmaxf(coordinate, -CLUSTER_CENTRE_LIMIT), CLUSTER_CENTRE_LIMIT) * float(CLUSTER_CENTRE_STEPS));
}

static __device__ int64 cluster_warp_sum(int64 value)
{
    for (int32 step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(CLUSTER_WARP, value, step);
    return value;
}

// The margin of the refine pass: centre and bandwidth as means over a proposal, as binning.py's. Sums of integers are
// the same in any order.
static __device__ ClusterMargin cluster_mean_margin(const ClusterSpace& space, ClusterMargin margin, ClusterReach reach,
                                                    int32 members)
{
    __shared__ int64 sum_of_warp[4][32];
    __shared__ ClusterMargin mean;
    const int32 lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    int64 sum[4] = {0, 0, 0, 0};
    for (int32 number = warp; number < reach.count; number += warps) {
        const int32 first = cluster_chunk(reach, number) * CLUSTER_CHUNK + lane;
        for (int32 slot = first; slot < first + CLUSTER_CHUNK; slot += 32)
            if (cluster_holds(margin, space.x[slot], space.y[slot])) {
                sum[0] += cluster_in_steps(space.x[slot]);
                sum[1] += cluster_in_steps(space.y[slot]);
                sum[2] += __float_as_int(space.sx[slot]);
                sum[3] += __float_as_int(space.sy[slot]);
            }
    }
    for (int32 k = 0; k < 4; k++) {
        sum[k] = cluster_warp_sum(sum[k]);
        if (lane == 0)
            sum_of_warp[k][warp] = sum[k];
    }
    __syncthreads();
    if (warp == 0) {
        for (int32 k = 0; k < 4; k++)
            sum[k] = cluster_warp_sum(lane < warps ? sum_of_warp[k][lane] : 0);
        const double steps = double(CLUSTER_CENTRE_STEPS) * members;
        if (lane == 0)
            mean = {float(sum[0] / steps), float(sum[1] / steps), __int_as_float(int32(sum[2] / members)),
                    __int_as_float(int32(sum[3] / members))};
    }
    __syncthreads();
    return mean;
}

// Takes a proposal's free pixels. With a label of an instance it labels all of them, as many as others had less.
static __device__ void cluster_paint(const ClusterSpace& space, ClusterMargin margin, ClusterReach reach, int32 label)
{
    const int32 lane = threadIdx.x % 32, warps = blockDim.x / 32;
    for (int32 number = threadIdx.x / 32; number < reach.count; number += warps) {
        const int32 chunk = cluster_chunk(reach, number);
        uint64 key = 0;
        bool changes = false;
#pragma unroll
        for (int32 k = 0; k < CLUSTER_PER_LANE; k++) {
            const int32 slot = chunk * CLUSTER_CHUNK + 32 * k + lane, before = space.label[slot];
            const bool inside = cluster_holds(margin, space.x[slot], space.y[slot]), free = before == CLUSTER_FREE;
            changes |= inside & free;
            if (inside && (free || label != CLUSTER_TAKEN))
                space.label[slot] = label;
            if (inside && before > 0 && label != CLUSTER_TAKEN)
                atomicSub(space.area + before - 1, 1);
            if (free && !inside)
                key = max(key, space.key[slot]);
        }
        if (__any_sync(CLUSTER_WARP, changes)) {
            key = cluster_warp_max(key);
            if (lane == 0)
                space.best[chunk] = key;
        }
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
        __syncthreads();
    }
    return kept;
}

// label: (slots,), becomes record + 1. area: (slots / 2,), of the records; in the end the place among the kept ones.
extern "C" __global__ void __launch_bounds__(1024)
cluster_grow(ClusterShape shape, ClusterLimits limits, const int32* slot_of, const int32* bin_start, const float* point,
             const uint64* key_of, int32* label, uint64* best, ClusterGroup* groups, uint64* record_key, int32* area)
{
    __shared__ ClusterCount sum[2];
    const int64 image = blockIdx.y, slots = shape.slots, records = slots / 2;
    groups += image * shape.groups + blockIdx.x;
    const int32 first = groups->first, last = groups->end;
    slot_of += image * shape.pixels;
    bin_start += (image * shape.groups + blockIdx.x) * shape.rows * (shape.columns + 1);
    point += image * (2 + shape.bandwidths) * slots;
    record_key += image * records;
    area += image * records;
    const ClusterSpace space = {point, point + slots, point + 2 * slots, point + (1 + shape.bandwidths) * slots,
                                key_of + image * slots, label + image * slots,
                                best + image * (slots / CLUSTER_CHUNK), area, bin_start};
    int32 free = groups->pixels, end = first / 2;  // of the group's records
    while (free > limits.min_pixels) {
        const uint64 seed = cluster_next_seed(space.best, first / CLUSTER_CHUNK, last / CLUSTER_CHUNK);
        if (cluster_score(seed) < limits.seed)
            break;
        const int32 slot = slot_of[cluster_pixel(seed)];
        ClusterMargin margin = {space.x[slot], space.y[slot], space.sx[slot], space.sy[slot]};
        ClusterReach reach = cluster_reach(shape, margin, space.start);
        if (threadIdx.x < 32)
            cluster_take(space, slot);
        if (threadIdx.x < 2)
            sum[threadIdx.x] = {0, 0};
        __syncthreads();
        ClusterCount count = cluster_count(space, margin, reach, sum);
        bool accepted = cluster_acceptable(limits, count);
        if (accepted && limits.refine) {
            margin = cluster_mean_margin(space, margin, reach, count.inside);
            reach = cluster_reach(shape, margin, space.start);
            count = cluster_count(space, margin, reach, sum + 1);
            accepted = cluster_acceptable(limits, count);
        }
        cluster_paint(space, margin, reach, accepted ? end + 1 : CLUSTER_TAKEN);
        if (accepted && threadIdx.x == 0) {
            record_key[end] = seed;
            area[end] = count.inside;
        }
        end += accepted;
        free -= 1 + count.free;
        __syncthreads();
    }
    const int32 found = end - first / 2, kept = cluster_close_up(record_key + first / 2, area + first / 2, found);
    if (threadIdx.x == 0) {
        groups->found = found;
        groups->kept = kept;
    }
}
