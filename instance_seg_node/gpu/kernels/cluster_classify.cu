// The foreground of a batch: of which group each pixel is and in which bin, a rectangle of embedding space, it lies.
// And whether the heads are finite where methods/spatial_embedding/finite.py asks it. blockIdx.y is the image.
#include "cluster.cuh"

#define CLUSTER_AT_ONCE 4  // loads of seeds on their way: with one the classes' bytes would be waited for one by one

// What a pixel stands for: the group with the highest seed, the lowest on a tie, and in it the class with the highest.
struct ClusterChoice {
    float probability;
    int32 group, member;
    bool finite;        // the seeds of all groups
    bool seeds_finite;  // of all classes: their product may overflow all the same
};

static __device__ bool cluster_finite(float value)
{
    return fabsf(value) < CLUSTER_OUTSIDE;
}

// seed: of this pixel in class 0. class_of: classes in order of group. The seed of a group of look-alikes is the
// probability that the pixel is of any of them; a class on its own keeps its seeds, bit for bit.
static __device__ ClusterChoice cluster_choose(const ClusterShape& shape, const float* seed, const int32* class_of,
                                               const int32* first_of)
{
    ClusterChoice best = {0.0f, -1, 0, true, true};
    int32 group = -1, begin = 0, end = 0, member = 0;
    float none = 1.0f, highest = 0.0f;
    for (int32 next = 0; next < shape.classes; next += CLUSTER_AT_ONCE) {
        float own[CLUSTER_AT_ONCE];
#pragma unroll
        for (int32 i = 0; i < CLUSTER_AT_ONCE; i++)
            own[i] = seed[int64(class_of[min(next + i, shape.classes - 1)]) * shape.pixels];
#pragma unroll
        for (int32 i = 0; i < CLUSTER_AT_ONCE && next + i < shape.classes; i++) {
            const int32 k = next + i;
            if (k == end) {
                begin = end;
                end = first_of[++group + 1];
                none = 1.0f;
            }
            best.seeds_finite &= cluster_finite(own[i]);
            none *= 1.0f - own[i];
            if (k == begin || own[i] > highest) {
                highest = own[i];
                member = k - begin;
            }
            if (k + 1 < end)
                continue;
            const float probability = k == begin ? own[i] : 1.0f - none;
            best.finite &= cluster_finite(probability);
            if (group == 0 || probability > best.probability)
                best = {probability, group, member, best.finite, best.seeds_finite};
        }
    }
    return best;
}

// bin_count: (groups, rows, columns) and one more. bin_of: -1 for the background. place_of: within the bin.
// not_finite: of each image, 0 before.
extern "C" __global__ void cluster_classify(ClusterShape shape, float foreground, const float* embedding,
                                            const float* bandwidth, const float* seed, const int32* class_of,
                                            const int32* first_of, int32* bin_count, int32* bin_of, int32* place_of,
                                            float* score_of, uint8* member_of, int32* not_finite)
{
    const int32 pixel = blockIdx.x * blockDim.x + threadIdx.x, bins = shape.groups * shape.rows * shape.columns;
    const int64 image = blockIdx.y, n = shape.pixels, at = image * n + pixel;
    int32 bin = -1;
    ClusterChoice best = {0.0f, 0, 0, false, true};
    if (pixel < n)
        best = cluster_choose(shape, seed + image * shape.classes * n + pixel, class_of, first_of);
    int32 wrong = best.seeds_finite ? 0 : CLUSTER_SEED;
    if (best.finite && best.probability > foreground) {
        const float x = embedding[2 * image * n + pixel], y = embedding[(2 * image + 1) * n + pixel];
        bool usable = true;
        wrong |= cluster_finite(x) && cluster_finite(y) ? 0 : CLUSTER_EMBEDDING;
        for (int32 d = 0; d < shape.bandwidths; d++) {
            const float s = bandwidth[(image * shape.bandwidths + d) * n + pixel];
            wrong |= cluster_finite(s) ? 0 : CLUSTER_BANDWIDTH;
            usable &= s > 0.0f;
        }
        const int32 row = best.group * shape.rows + cluster_bin_along(y, shape.rows_per_unit, shape.rows);
        const int32 column = cluster_bin_along(x, shape.columns_per_unit, shape.columns);
        bin = usable && !wrong ? row * shape.columns + column : -1;
    }
    if (pixel < n)
        bin_of[at] = bin;
    if (wrong)
        atomicOr(not_finite + image, wrong);
    if (!__any_sync(CLUSTER_WARP, bin >= 0))
        return;
    const int32 place = cluster_count_up(bin_count + image * (bins + 1), bin);
    if (bin >= 0) {
        place_of[at] = place;
        score_of[at] = best.probability;
        member_of[at] = uint8(best.member);
    }
}
