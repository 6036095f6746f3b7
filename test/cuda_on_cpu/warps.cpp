// What the lanes of a warp do together.
#include <string.h>
#include "state.h"

#define ON_CPU static inline
typedef unsigned long long on_cpu_uint64;
#include "warps.h"

static uint64 reduced(int operation, uint64 a, uint64 b) {
    switch (operation) {
        case ON_CPU_BALLOT: case ON_CPU_ANY: case ON_CPU_ANY_BITS: return a | b;
        case ON_CPU_ALL: case ON_CPU_ALL_BITS: return a & b;
        case ON_CPU_SUM: return (uint32_t)(a + b);
        case ON_CPU_SMALLEST: return a < b ? a : b;
        case ON_CPU_LARGEST: return a < b ? b : a;
        case ON_CPU_SMALLEST_SIGNED: return (int32_t)a < (int32_t)b ? a : b;
        case ON_CPU_LARGEST_SIGNED: return (int32_t)a < (int32_t)b ? b : a;
        default: return a ^ b;
    }
}

// The lanes of one operation that take part, by their number in the warp.
struct Lanes {
    Thread *thread[32];
    uint32_t mask;
    template <class F> void each(F f) const {
        for (uint32_t rest = mask; rest; rest &= rest - 1) f(__builtin_ctz(rest), *thread[__builtin_ctz(rest)]);
    }
};

static uint64 all(const Lanes &lanes) {
    uint64 result = 0;
    bool first = true;
    lanes.each([&](int lane, const Thread &thread) {
        uint64 value = thread.operation == ON_CPU_BALLOT ? thread.value << lane : thread.value;
        result = first ? value : reduced(thread.operation, result, value);
        first = false;
    });
    return result;
}

static uint64 shuffled(const Lanes &lanes, uint32_t source) {
    return source < 32 && lanes.mask >> source & 1 ? lanes.thread[source]->value : 0xDEADBEEFDEADBEEFull;
}

static uint64 equal(const Lanes &lanes, uint64 value) {
    uint64 mask = 0;
    lanes.each([&](int lane, const Thread &thread) { mask |= (uint64)(thread.value == value) << lane; });
    return mask;
}

// After __syncwarp each lane knows what any of them knew, and all that they did.
static void order(Block &block, Warp &warp, const Lanes &lanes) {
    uint32_t known[32] = {};
    lanes.each([&](int lane, Thread &) {
        for (int i = 0; i < 32; i++)
            if (known[i] < warp.known[lane][i]) known[i] = warp.known[lane][i];
    });
    block.time++;
    lanes.each([&](int lane, Thread &) { known[lane] = block.time; });
    lanes.each([&](int lane, Thread &) { memcpy(warp.known[lane], known, sizeof known); });
}

static void finish(Block &block, Warp &warp, const Lanes &lanes, int operation) {
    uint64 result = all(lanes);
    lanes.each([&](int, Thread &thread) {
        thread.result = operation == ON_CPU_SHUFFLE ? shuffled(lanes, thread.source)
            : operation == ON_CPU_MATCH ? equal(lanes, thread.value) : result;
        wake(thread);
    });
    if (operation == ON_CPU_SYNC) order(block, warp, lanes);
}

static bool together(const Thread &a, const Thread &b) {
    return b.wait == AT_WARP && b.mask == a.mask && b.operation == a.operation && b.line == a.line;
}

// If all lanes of a thread's mask wait as it does or have returned, they go on.
static void try_finish(Thread &thread) {
    Block &block = *thread.block;
    Lanes lanes = {};
    uint32_t start = thread.index / 32 * 32;
    for (uint32_t lane = 0; lane < 32 && start + lane < block.size; lane++) {
        Thread &other = block.threads[start + lane];
        if (!(thread.mask >> lane & 1) || other.wait == DONE) continue;
        if (!together(thread, other)) return;
        lanes.thread[lane] = &other;
        lanes.mask |= 1u << lane;
    }
    finish(block, block.warps[start / 32], lanes, thread.operation);
}

// Others of its warp may have waited for it alone.
void lane_returned(Thread &thread) {
    Block &block = *thread.block;
    uint32_t start = thread.index / 32 * 32;
    for (uint32_t i = start; i < start + 32 && i < block.size; i++)
        if (block.threads[i].wait == AT_WARP) try_finish(block.threads[i]);
}

extern "C" on_cpu_uint64 on_cpu_warp(int operation, unsigned mask, on_cpu_uint64 value, int source, int line) {
    Thread &now = *machine.now;
    if (!(mask >> now.index % 32 & 1)) fail("is not in its own mask %08x (pc:%x)", mask, PLACE);
    now.operation = operation, now.mask = mask, now.value = value, now.source = source, now.line = line;
    now.wait = AT_WARP;
    try_finish(now);
    leave();
    return now.result;
}
