// Blocks and their threads take turns, in an order drawn from the seed.
#include <stdio.h>
#include <string.h>
#include "state.h"

// So that the section exists in every module. A word of shared memory is a word of its shadow.
alignas(16) __attribute__((section("cuda_shared"), used)) static char no_shared_memory[16];
constexpr uint32_t RESIDENT = 3, MOST_THREADS = 1024;

static Block *loaded;  // whose shared memory is in place

static void begin_thread(Block &block, uint32_t index, char *stack) {
    Thread &thread = block.threads[index] = Thread{};
    thread.block = &block, thread.index = index, thread.stack = stack;
    start(thread.fiber, stack, body);
    wake(thread);
}

static void begin(Block &block, uint32_t index, uint32_t slot) {
    Triple g = machine.grid;
    block.at = {index % g.x, index / g.x % g.y, index / g.x / g.y};
    block.index = index, block.run = ++machine.runs, block.size = block.live = machine.size;
    block.time = 1, block.barrier = block.arrived = 0;
    block.warps.assign((block.size + 31) / 32, Warp{});
    block.threads.resize(block.size);
    block.ready.clear();
    for (uint32_t i = 0; i < block.size; i++)
        begin_thread(block, i, machine.stacks + (size_t)(slot * MOST_THREADS + i) * STACK);
    memset(block.saved.data(), (int)machine.below(256) | 1, block.saved.size());
    if (loaded == &block) loaded = nullptr;
}

static void load(Block &block) {
    if (loaded == &block) return;
    if (loaded) memcpy(loaded->saved.data(), __start_cuda_shared, loaded->saved.size());
    memcpy(__start_cuda_shared, block.saved.data(), block.saved.size());
    loaded = &block;
}

// Why no thread of a block can go on.
static void explain(const Block &block) {
    const char *const does[] = {"runs", "waits at __syncthreads", "waits for its warp", "has returned"};
    const Thread *waits = nullptr, *other = nullptr;
    for (auto &thread : block.threads)
        if (thread.wait != DONE && !waits) waits = &thread;
    for (auto &thread : block.threads)
        if (thread.wait != waits->wait || thread.line != waits->line || thread.mask != waits->mask) other = &thread;
    if (!other) other = waits;
    snprintf(machine.error, sizeof machine.error,
             "thread %u of block %u %s (line %d) and thread %u %s (line %d): barrier divergence", waits->index,
             block.index, does[waits->wait], waits->line, other->index, does[other->wait],
             other->wait == DONE ? 0 : other->line);
}

static Thread &next(Block &block) {
    auto &ready = block.ready;
    uint32_t pick = machine.below(4) < machine.stubborn ? ready.size() - 1 : machine.below(ready.size());
    Thread &thread = block.threads[ready[pick]];
    ready[pick] = ready.back();
    ready.pop_back();
    return thread;
}

// Let a block go on for a while. False once all its threads have returned, or one has failed.
static bool go_on(Block &block) {
    load(block);
    for (uint32_t turns = 1 + machine.below(4 * block.size); turns && block.live; turns--) {
        if (block.ready.empty()) explain(block);
        else machine.now = &next(block), on_cpu_switch(&machine.main, &machine.now->fiber);
        if (machine.error[0]) return false;
    }
    return block.live;
}

static std::vector<Block> made() {
    machine.stacks_size = RESIDENT * MOST_THREADS * STACK;
    machine.stacks = stacks(machine.stacks_size);
    size_t size = __stop_cuda_shared - __start_cuda_shared;
    std::vector<Block> blocks(RESIDENT);
    for (auto &block : blocks) {
        block.shared = {__start_cuda_shared, size, "shared memory", Shadow(size, true)};
        block.saved.resize(size);
    }
    return blocks;
}

static std::vector<uint32_t> shuffled(uint32_t count) {
    std::vector<uint32_t> order(count);
    for (uint32_t i = 0; i < count; i++) order[i] = i;
    for (uint32_t i = count; i > 1; i--) std::swap(order[i - 1], order[machine.below(i)]);
    return order;
}

void run_blocks() {
    static auto &blocks = *new auto(made());
    loaded = nullptr;
    auto order = shuffled(machine.grid.x * machine.grid.y * machine.grid.z);
    auto begin_next = [&](uint32_t slot) { begin(blocks[slot], order.back(), slot), order.pop_back(); };
    std::vector<uint32_t> busy;
    for (uint32_t slot = 0, many = 1 + machine.below(RESIDENT); slot < many && order.size(); slot++)
        begin_next(slot), busy.push_back(slot);
    while (!busy.empty()) {
        uint32_t &slot = busy[machine.below(busy.size())];
        if (go_on(blocks[slot])) continue;
        if (machine.error[0]) return;
        if (order.size()) begin_next(slot);
        else slot = busy.back(), busy.pop_back();
    }
}
