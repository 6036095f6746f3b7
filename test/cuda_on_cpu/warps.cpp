// What the lanes of a warp do together.
#include "state.h"

#define ON_CPU static inline
typedef unsigned long long on_cpu_uint64;
#include "warps.h"

void wake(Thread &thread);

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

static void finish(Thread *lanes[32], uint32_t present) {
    int operation = lanes[__builtin_ctz(present)]->operation;
    uint64 all = 0;
    bool first = true;
    for (uint32_t rest = present; rest; rest &= rest - 1) {
        int lane = __builtin_ctz(rest);
        uint64 value = operation == ON_CPU_BALLOT ? lanes[lane]->value << lane : lanes[lane]->value;
        all = first ? value : reduced(operation, all, value);
        first = false;
    }
    for (uint32_t rest = present; rest; rest &= rest - 1) {
        Thread &lane = *lanes[__builtin_ctz(rest)];
        lane.result = all;
        uint32_t source = lane.source;
        if (operation == ON_CPU_SHUFFLE) lane.result = source < 32 && (present >> source & 1) ? lanes[source]->value : 0xDEADBEEFDEADBEEFull;
        if (operation == ON_CPU_MATCH) {
            lane.result = 0;
            for (uint32_t i = 0; i < 32; i++) lane.result |= uint64(present >> i & 1 && lanes[i]->value == lane.value) << i;
        }
    }
}

// After __syncwarp each lane knows what all of them knew, and all that they did.
static void order(Block &block, Warp &warp, uint32_t present) {
    uint32_t known[32] = {};
    for (uint32_t rest = present; rest; rest &= rest - 1)
        for (int i = 0; i < 32; i++) {
            uint32_t time = warp.known[__builtin_ctz(rest)][i];
            if (known[i] < time) known[i] = time;
        }
    block.time++;
    for (uint32_t rest = present; rest; rest &= rest - 1) known[__builtin_ctz(rest)] = block.time;
    for (uint32_t rest = present; rest; rest &= rest - 1) __builtin_memcpy(warp.known[__builtin_ctz(rest)], known, sizeof known);
}

// If all lanes of a thread's mask wait as it does or have returned, they go on.
static bool complete(Thread &thread) {
    Block &block = *thread.block;
    uint32_t start = thread.index / 32 * 32, present = 0;
    Thread *lanes[32] = {};
    for (uint32_t lane = 0; lane < 32 && start + lane < block.size; lane++) {
        Thread &other = block.threads[start + lane];
        if (!(thread.mask >> lane & 1) || other.wait == DONE) continue;
        if (other.wait != AT_WARP || other.mask != thread.mask || other.operation != thread.operation || other.line != thread.line)
            return false;
        lanes[lane] = &other;
        present |= 1u << lane;
    }
    finish(lanes, present);
    if (thread.operation == ON_CPU_SYNC) order(block, block.warps[start / 32], present);
    for (uint32_t rest = present; rest; rest &= rest - 1) wake(*lanes[__builtin_ctz(rest)]);
    return true;
}

// Others of its warp may have waited for it alone.
void lane_returned(Thread &thread) {
    Block &block = *thread.block;
    uint32_t start = thread.index / 32 * 32;
    for (uint32_t i = start; i < start + 32 && i < block.size; i++)
        if (block.threads[i].wait == AT_WARP) complete(block.threads[i]);
}

extern "C" on_cpu_uint64 on_cpu_warp(int operation, unsigned mask, on_cpu_uint64 value, int source, int line) {
    Thread &now = *machine.now;
    if (!(mask >> now.index % 32 & 1))
        fail("thread %u of block %u is not in its own mask %08x in line %d", now.index, now.block->index, mask, line);
    now.operation = operation, now.mask = mask, now.value = value, now.source = source, now.line = line;
    now.wait = AT_WARP;
    complete(now);
    on_cpu_switch(&now.fiber, &machine.main);
    return now.result;
}
