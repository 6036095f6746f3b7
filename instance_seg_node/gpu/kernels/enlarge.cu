// Instances at the camera's resolution, exactly as resolution.enlarge makes them, in three launches: measure all
// instances, renumber those that have pixels, write the maps. The vote is repeated for the maps: it takes its four ids
// from the cache, and keeping its outcome would move 4 bytes per pixel more.
//
// Where both maps are swept, a warp walks down a strip of 32 columns; the strips of a block lie side by side, and the
// rows are shared out evenly over gridDim.y.
#include "types.cuh"

#define ENLARGE_WARP 0xffffffffu
#define ENLARGE_UNLABELLED (255u << 16)

// Of an instance's pixels. left and top count from the far border, so that an instance without pixels is all 0.
struct EnlargeExtent {
    uint32 area, left, top, right, bottom;
};

// enlarging.ROW
struct EnlargeRow {
    int32 class_id, area;
    float score;
    float box[4];
};

// Where the centre of a camera pixel lies: the network's pixels before and after it, and the weight of the one after.
struct EnlargeBetween {
    int32 before, after;
    uint32 weight, whole;
};

static __device__ EnlargeBetween enlarge_between(int32 pixel, int32 source, int32 target)
{
    const int32 position = (2 * pixel + 1) * source + target;  // from the centre of source pixel -1, out of 2 * target
    const int32 gap = position / (2 * target);
    return {max(gap - 1, 0), min(gap, source - 1), uint32(position % (2 * target)), uint32(2 * target)};
}

static __device__ uint32 enlarge_weight(uint32 id, const uint32 corners[4], const uint32 weights[4])
{
    uint32 total = 0;
    for (int32 i = 0; i < 4; i++)
        total += corners[i] == id ? weights[i] : 0;
    return total;
}

// The id with most of the bilinear weight; ties to the nearest. Weights add up to 4 * height * width.
static __device__ uint32 enlarge_vote(const uint16* ids, int32 w, EnlargeBetween y, EnlargeBetween x)
{
    const uint16 *above = ids + y.before * w, *below = ids + y.after * w;
    const uint32 corners[4] = {above[x.before], above[x.after], below[x.before], below[x.after]};
    if (corners[0] == corners[1] && corners[0] == corners[2] && corners[0] == corners[3])
        return corners[0];
    const uint32 weights[4] = {(x.whole - x.weight) * (y.whole - y.weight), x.weight * (y.whole - y.weight),
                               (x.whole - x.weight) * y.weight, x.weight * y.weight};
    const bool right = 2 * x.weight >= x.whole, low = 2 * y.weight >= y.whole;
    uint32 best = low ? (right ? corners[3] : corners[2]) : (right ? corners[1] : corners[0]);
    uint32 most = enlarge_weight(best, corners, weights);
    for (int32 i = 0; i < 4; i++) {
        const uint32 weight = enlarge_weight(corners[i], corners, weights);
        if (weight > most) {
            best = corners[i];
            most = weight;
        }
    }
    return best;
}

// Each lane has had its id from row `begin` to before row `end`. The first lane of each id notes it for all.
static __device__ void enlarge_note(EnlargeExtent* extents, uint32 id, int32 column, int32 begin, int32 end,
                                    int32 height, int32 width)
{
    const uint32 same = __match_any_sync(ENLARGE_WARP, id);
    const int32 lane = threadIdx.x % 32;
    if (id == 0 || lane != __ffs(same) - 1)
        return;
    EnlargeExtent* extent = extents + (id - 1);
    atomicAdd(&extent->area, uint32(__popc(same) * (end - begin)));
    atomicMax(&extent->left, uint32(width - column));
    atomicMax(&extent->top, uint32(height - begin));
    atomicMax(&extent->right, uint32(column - lane + 32 - __clz(same)));
    atomicMax(&extent->bottom, uint32(end));
}

// Grows the extents, which are 0, by the rows of all pixels. ids: (h, w).
extern "C" __global__ void enlarge_measure(const uint16* ids, int32 h, int32 w, int32 height, int32 width,
                                           EnlargeExtent* extents)
{
    const int32 column = blockIdx.x * blockDim.x + threadIdx.x;
    const int32 first = blockIdx.y * height / gridDim.y, last = (blockIdx.y + 1) * height / gridDim.y;
    const EnlargeBetween x = enlarge_between(min(column, width - 1), w, width);
    uint32 id = 0;
    int32 begin = first;
    for (int32 row = first; row < last; row++) {
        const uint32 here = column < width ? enlarge_vote(ids, w, enlarge_between(row, h, height), x) : 0;
        if (__any_sync(ENLARGE_WARP, here != id)) {  // all lanes note at once, so that they note the same rows
            enlarge_note(extents, id, column, begin, row, height, width);
            id = here;
            begin = row;
        }
    }
    enlarge_note(extents, id, column, begin, last, height, width);
}

// Moves the instances with pixels up, in order. One block. labels: (ROWS + 1,), what a pixel of an old id becomes, its
// new id in 16 bits and its class above; it stays as it was for ids of no pixel. kept: (1,), the number of `rows`.
extern "C" __global__ void __launch_bounds__(1024)
enlarge_renumber(const EnlargeExtent* extents, const int32* class_ids, const float* scores, const int32* count,
                 int32 height, int32 width, uint32* labels, EnlargeRow* rows, int32* kept)
{
    __shared__ int32 kept_in_warp[32];
    const int32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int32 all = *count;
    int32 before = 0;
    for (int32 first = 0; first < all; first += blockDim.x) {
        const int32 row = first + threadIdx.x;
        const bool keep = row < all && extents[row].area > 0;
        const uint32 kept_lanes = __ballot_sync(ENLARGE_WARP, keep);
        if (lane == 0)
            kept_in_warp[warp] = __popc(kept_lanes);
        __syncthreads();
        int32 place = before + __popc(kept_lanes & ((1u << lane) - 1));
        for (int32 i = 0; i < int32(blockDim.x / 32); i++) {
            place += i < warp ? kept_in_warp[i] : 0;
            before += kept_in_warp[i];
        }
        __syncthreads();  // before the next rows are counted
        if (keep) {
            const EnlargeExtent e = extents[row];
            labels[row + 1] = uint32(place + 1) | (class_ids[row] & 255u) << 16;
            rows[place] = {class_ids[row], int32(e.area), scores[row],
                           {float(width - e.left), float(height - e.top), float(e.right), float(e.bottom)}};
        }
    }
    if (threadIdx.x == 0) {
        labels[0] = ENLARGE_UNLABELLED;
        *kept = before;
    }
}

// id_map, class_map: (height, width).
extern "C" __global__ void enlarge_write(const uint16* ids, int32 h, int32 w, int32 height, int32 width,
                                         const uint32* labels, uint16* id_map, uint8* class_map)
{
    const int32 column = blockIdx.x * blockDim.x + threadIdx.x;
    const int32 first = blockIdx.y * height / gridDim.y, last = (blockIdx.y + 1) * height / gridDim.y;
    if (column >= width)
        return;
    const EnlargeBetween x = enlarge_between(column, w, width);
    for (int32 row = first; row < last; row++) {
        const uint32 label = labels[enlarge_vote(ids, w, enlarge_between(row, h, height), x)];
        id_map[row * width + column] = uint16(label);
        class_map[row * width + column] = uint8(label >> 16);
    }
}
