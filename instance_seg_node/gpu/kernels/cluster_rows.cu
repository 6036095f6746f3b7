// Numbers the instances of all groups of an image by score and writes them. Id k is row k - 1.
#include "cluster.cuh"

// How many of `keys`, which descend, are above a key.
static __device__ int32 cluster_above(const uint64* keys, int32 count, uint64 key)
{
    int32 first = 0;
    while (first < count) {
        const int32 middle = first + (count - first) / 2;
        if (keys[middle] > key)
            first = middle + 1;
        else
            count = middle;
    }
    return first;
}

// One block for each group, blockIdx.x, and image, blockIdx.y. id_of: of each record, first the place in its group.
// class_ids, scores: (max_rows,). count: (1,). votes: (max_rows, most), most: classes in the largest group.
extern "C" __global__ void cluster_number(ClusterShape shape, const int32* class_of, const int32* first_of, int32 most,
                                          const ClusterGroup* groups, const uint64* record_key, int32* id_of,
                                          int32* class_ids, float* scores, int32* count, int32* votes)
{
    const int64 image = blockIdx.y, records = shape.slots / 2;
    groups += image * shape.groups;
    record_key += image * records;
    const ClusterGroup own = groups[blockIdx.x];
    for (int32 k = threadIdx.x; k < own.found; k += blockDim.x) {
        int32* id = id_of + image * records + own.first / 2 + k;
        if (*id == 0)
            continue;
        const uint64 key = record_key[own.first / 2 + *id - 1];
        int64 row = 0;
        for (int32 g = 0; g < shape.groups; g++)
            row += cluster_above(record_key + groups[g].first / 2, groups[g].kept, key);
        *id = row < shape.max_rows ? row + 1 : 0;
        if (row >= shape.max_rows)
            continue;
        row += image * shape.max_rows;
        class_ids[row] = class_of[first_of[blockIdx.x]];
        scores[row] = cluster_score(key);
        for (int32 m = 0; m < most && most > 1; m++)
            votes[row * most + m] = 0;
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        int32 kept = 0;
        for (int32 g = 0; g < shape.groups; g++)
            kept += groups[g].kept;
        count[image] = min(kept, shape.max_rows);
    }
}

// id_map: (pixels,). blockIdx.y is the image.
extern "C" __global__ void cluster_write(ClusterShape shape, int32 most, const int32* slot_of, const int32* label_of,
                                         const int32* id_of, const uint8* member_of, uint16* id_map, int32* votes)
{
    const int32 pixel = blockIdx.x * blockDim.x + threadIdx.x;
    const int64 image = blockIdx.y, at = image * shape.pixels + pixel;
    const int32 slot = pixel < shape.pixels ? slot_of[at] : -1;
    const int32 label = slot < 0 ? CLUSTER_TAKEN : label_of[image * shape.slots + slot];
    const int32 id = label > 0 ? id_of[image * (shape.slots / 2) + label - 1] : 0;
    if (pixel < shape.pixels)
        id_map[at] = uint16(id);
    if (most > 1 && __any_sync(CLUSTER_WARP, id > 0))
        cluster_count_up(votes + image * shape.max_rows * most, id > 0 ? (id - 1) * most + member_of[at] : -1);
}

// Of look-alikes an instance has the class of most of its pixels, the lowest on a tie. class_ids: first the lowest of
// its group. group_of: of each class. blockIdx.y is the image.
extern "C" __global__ void cluster_decide(ClusterShape shape, int32 most, const int32* class_of, const int32* first_of,
                                          const int32* group_of, const int32* count, const int32* votes,
                                          int32* class_ids)
{
    const int64 image = blockIdx.y;
    for (int32 k = blockIdx.x * blockDim.x + threadIdx.x; k < count[image]; k += gridDim.x * blockDim.x) {
        const int64 row = image * shape.max_rows + k;
        const int32 group = group_of[class_ids[row]], first = first_of[group], members = first_of[group + 1] - first;
        int32 best = 0;
        for (int32 m = 1; m < members; m++)
            best = votes[row * most + m] > votes[row * most + best] ? m : best;
        class_ids[row] = class_of[first + best];
    }
}
