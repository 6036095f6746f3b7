// Warps: barrier, shuffles, votes and reductions of the lanes named by a mask.
#pragma once

enum OnCpuWarp {
    ON_CPU_SYNC, ON_CPU_SHUFFLE, ON_CPU_BALLOT, ON_CPU_ANY, ON_CPU_ALL, ON_CPU_MATCH, ON_CPU_SUM, ON_CPU_SMALLEST,
    ON_CPU_LARGEST, ON_CPU_SMALLEST_SIGNED, ON_CPU_LARGEST_SIGNED, ON_CPU_ALL_BITS, ON_CPU_ANY_BITS, ON_CPU_ODD_BITS
};
#define LINE int line = __builtin_LINE()
// source: the lane whose value a shuffle returns.
extern "C" on_cpu_uint64 on_cpu_warp(int operation, unsigned mask, on_cpu_uint64 value, int source, int line);
extern "C" int on_cpu_lane() __attribute__((const));

ON_CPU unsigned __activemask() { return 1u << on_cpu_lane(); }
ON_CPU void __syncwarp(unsigned mask = 0xffffffffu, LINE) { on_cpu_warp(ON_CPU_SYNC, mask, 0, 0, line); }

ON_CPU unsigned __ballot_sync(unsigned mask, int p, LINE) {
    return (unsigned)on_cpu_warp(ON_CPU_BALLOT, mask, p != 0, 0, line);
}
ON_CPU int __any_sync(unsigned mask, int p, LINE) { return (int)on_cpu_warp(ON_CPU_ANY, mask, p != 0, 0, line); }
ON_CPU int __all_sync(unsigned mask, int p, LINE) { return (int)on_cpu_warp(ON_CPU_ALL, mask, p != 0, 0, line); }

template <class T> ON_CPU T on_cpu_shuffle(unsigned mask, T value, int source, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "4 or 8 bytes are shuffled");
    on_cpu_uint64 bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    bits = on_cpu_warp(ON_CPU_SHUFFLE, mask, bits, source, line);
    __builtin_memcpy(&value, &bits, sizeof(T));
    return value;
}
template <class T> ON_CPU T __shfl_sync(unsigned mask, T value, int source, int width = 32, LINE) {
    return on_cpu_shuffle(mask, value, (on_cpu_lane() & ~(width - 1)) | (source & (width - 1)), line);
}
template <class T> ON_CPU T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, LINE) {
    int lane = on_cpu_lane(), place = lane & (width - 1);
    return on_cpu_shuffle(mask, value, place < (int)delta ? lane : lane - (int)delta, line);
}
template <class T> ON_CPU T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, LINE) {
    int lane = on_cpu_lane(), place = lane & (width - 1);
    return on_cpu_shuffle(mask, value, place + (int)delta >= width ? lane : lane + (int)delta, line);
}
template <class T> ON_CPU T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, LINE) {
    int lane = on_cpu_lane(), source = lane ^ bits, end = (lane & ~(width - 1)) + width;
    return on_cpu_shuffle(mask, value, source < end ? source : lane, line);
}
template <class T> ON_CPU unsigned __match_any_sync(unsigned mask, T value, LINE) {
    on_cpu_uint64 bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    return (unsigned)on_cpu_warp(ON_CPU_MATCH, mask, bits, 0, line);
}

#define ON_CPU_REDUCE(name, operation, T) \
    ON_CPU T name(unsigned mask, T value, LINE) { \
        return (T)on_cpu_warp(operation, mask, (unsigned)value, 0, line); \
    }
ON_CPU_REDUCE(__reduce_add_sync, ON_CPU_SUM, unsigned)
ON_CPU_REDUCE(__reduce_add_sync, ON_CPU_SUM, int)
ON_CPU_REDUCE(__reduce_min_sync, ON_CPU_SMALLEST, unsigned)
ON_CPU_REDUCE(__reduce_min_sync, ON_CPU_SMALLEST_SIGNED, int)
ON_CPU_REDUCE(__reduce_max_sync, ON_CPU_LARGEST, unsigned)
ON_CPU_REDUCE(__reduce_max_sync, ON_CPU_LARGEST_SIGNED, int)
ON_CPU_REDUCE(__reduce_and_sync, ON_CPU_ALL_BITS, unsigned)
ON_CPU_REDUCE(__reduce_or_sync, ON_CPU_ANY_BITS, unsigned)
ON_CPU_REDUCE(__reduce_xor_sync, ON_CPU_ODD_BITS, unsigned)
#undef ON_CPU_REDUCE
#undef LINE
