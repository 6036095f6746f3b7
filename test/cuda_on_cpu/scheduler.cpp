// Blocks and threads take turns, in an order drawn from the seed.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "state.h"

#define ON_CPU static inline
#include "barriers.h"

Machine machine;
// So that the section exists in every module.
alignas(16) __attribute__((section("cuda_shared"), used)) static char no_shared_memory[16];
constexpr uint32_t RESIDENT = 3, MOST_THREADS = 1024;

void fail(const char *text, ...) {
    va_list values;
    va_start(values, text);
    vsnprintf(machine.error, sizeof machine.error, text, values);
    va_end(values);
    Thread *from = machine.now;
    machine.now = nullptr;
    on_cpu_switch(&from->fiber, &machine.main);
    abort();
}

static void leave() { on_cpu_switch(&machine.now->fiber, &machine.main); }

void yield() {
    machine.patience = 1 + machine.below(2 * machine.mean);
    machine.now->block->ready.push_back(machine.now->index);
    leave();
}

void lane_returned(Thread &thread);

static void body() {
    machine.kernel(machine.arguments);
    machine.now->wait = DONE;
    machine.now->block->live--;
    lane_returned(*machine.now);
    leave();
    abort();
}

void wake(Thread &thread) {
    thread.wait = READY;
    thread.block->ready.push_back(thread.index);
}

extern "C" int on_cpu_block_barrier(int vote, int predicate, int line) {
    Thread &now = *machine.now;
    Block &block = *now.block;
    if (block.arrived++ == 0) block.vote = vote == ON_CPU_AND;
    if (vote == ON_CPU_COUNT) block.vote += predicate != 0;
    if (vote == ON_CPU_OR) block.vote |= predicate != 0;
    if (vote == ON_CPU_AND) block.vote &= predicate != 0;
    now.wait = AT_BARRIER, now.line = line;
    if (block.arrived == block.size) {
        for (auto &thread : block.threads) {
            if (thread.line != line)
                fail("barrier divergence: of block %u, thread %u waits in line %d and thread %u in line %d", block.index,
                     now.index, line, thread.index, thread.line);
            thread.result = block.vote;
            wake(thread);
        }
        block.arrived = 0;
        block.barrier = ++block.time;
    }
    leave();
    return (int)now.result;
}

// Why no thread of a block can go on.
static bool stuck(Block &block) {
    const char *const does[] = {"runs", "waits at __syncthreads", "waits for its warp", "has returned"};
    const Thread *waits = nullptr, *other = nullptr;
    for (auto &thread : block.threads)
        if (thread.wait != DONE && !waits) waits = &thread;
    for (auto &thread : block.threads)
        if (thread.wait != waits->wait || thread.line != waits->line || thread.mask != waits->mask) other = &thread;
    if (!other) other = waits;
    auto at = [](const Thread &thread) { return thread.wait == DONE ? 0 : thread.line; };
    snprintf(machine.error, sizeof machine.error,
             "barrier divergence: of block %u, thread %u %s (line %d) and thread %u %s (line %d)", block.index, waits->index, does[waits->wait], at(*waits), other->index, does[other->wait], at(*other));
    return false;
}

static Block *loaded;  // whose shared memory is in place

static void begin(Block &block, uint32_t index, uint32_t slot) {
    Triple g = machine.grid;
    block.at = {index % g.x, index / g.x % g.y, index / g.x / g.y};
    block.index = index, block.run = ++machine.runs, block.size = block.live = machine.size;
    block.time = 1, block.barrier = block.arrived = 0;
    block.threads.resize(block.size);
    block.warps.assign((block.size + 31) / 32, Warp{});
    block.ready.clear();
    for (uint32_t i = 0; i < block.size; i++) {
        Thread &thread = block.threads[i];
        thread = Thread{};
        thread.block = &block, thread.index = i;
        thread.stack = machine.stacks + (size_t)(slot * MOST_THREADS + i) * STACK;
        start(thread.fiber, thread.stack, body);
        block.ready.push_back(i);
    }
    memset(block.saved.data(), (int)(machine.random() | 1), block.saved.size());
    if (loaded == &block) loaded = nullptr;
}

static void load(Block &block) {
    if (loaded == &block) return;
    if (loaded) memcpy(loaded->saved.data(), __start_cuda_shared, loaded->saved.size());
    memcpy(__start_cuda_shared, block.saved.data(), block.saved.size());
    loaded = &block;
}

// Let a block go on for a while. False once all its threads have returned, or one has failed.
static bool run(Block &block) {
    load(block);
    for (uint32_t turns = 1 + machine.below(4 * block.size); turns && block.live; turns--) {
        if (block.ready.empty()) return stuck(block);
        uint32_t &pick = block.ready[machine.below(block.ready.size())];
        machine.now = &block.threads[pick];
        pick = block.ready.back();
        block.ready.pop_back();
        on_cpu_switch(&machine.main, &machine.now->fiber);
        if (machine.error[0]) return false;
    }
    return block.live;
}

static std::vector<Block> &resident() {
    static std::vector<Block> *blocks;
    if (!blocks) {
        blocks = new std::vector<Block>;
        size_t size = __stop_cuda_shared - __start_cuda_shared;
        for (uint32_t i = 0; i < RESIDENT; i++)
            blocks->push_back(Block{{}, 0, 0, 0, 0, 0, 0, 0, 0, {}, {}, {}, {__start_cuda_shared, size, "shared memory", Shadow(size, true)},
                                    std::vector<char>(size)});
        machine.stacks = stacks(RESIDENT * MOST_THREADS);
        machine.stacks_size = RESIDENT * MOST_THREADS * STACK;
    }
    return *blocks;
}

static void run_all() {
    auto &blocks = resident();
    loaded = nullptr;
    std::vector<uint32_t> order(machine.grid.x * machine.grid.y * machine.grid.z);
    for (uint32_t i = 0; i < order.size(); i++) order[i] = i;
    for (uint32_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[machine.below(i)]);
    std::vector<uint32_t> busy;
    for (uint32_t slot = 0, many = 1 + machine.below(RESIDENT); slot < many && order.size(); slot++) {
        begin(blocks[slot], order.back(), slot), order.pop_back(), busy.push_back(slot);
    }
    while (!busy.empty()) {
        uint32_t &slot = busy[machine.below(busy.size())];
        if (run(blocks[slot])) continue;
        if (machine.error[0]) return;
        if (order.size()) begin(blocks[slot], order.back(), slot), order.pop_back();
        else slot = busy.back(), busy.pop_back();
    }
}

#define API extern "C" __attribute__((visibility("default")))
API Device *on_cpu_device() { return new Device; }
API void on_cpu_device_free(Device *device) { delete device; }
API void on_cpu_array(Device *device, char *begin, size_t size, const char *label) {
    device->arrays.push_back({begin, size, strdup(label), Shadow(size, false)});
}
API void on_cpu_array_free(Device *device, char *begin) {
    auto &arrays = device->arrays;
    for (size_t i = 0; i < arrays.size(); i++)
        if (arrays[i].begin == begin) {
            arrays[i].shadow.free(), free((void *)arrays[i].label), arrays.erase(arrays.begin() + i);
            return;
        }
}
// Returns what went wrong, or an empty text.
API const char *on_cpu_launch(Device *device, void (*kernel)(void **), void **arguments, const Triple *grid, uint32_t size,
                              uint64 seed, uint64 limit) {
    machine.device = device, machine.kernel = kernel, machine.arguments = arguments, machine.grid = *grid;
    machine.size = size, machine.launch++, machine.seed = seed * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull;
    machine.steps = 0, machine.limit = limit, machine.error[0] = 0, machine.now = nullptr;
    for (int i = 0; i < 8; i++) machine.random();
    const uint32_t means[] = {2, 16, 128};
    machine.mean = means[machine.below(3)];
    machine.patience = 1 + machine.below(2 * machine.mean);
    run_all();
    machine.now = nullptr;
    return machine.error;
}

extern "C" Triple on_cpu_thread_index() { return {machine.now->index, 0, 0}; }
extern "C" Triple on_cpu_block_index() { return machine.now->block->at; }
extern "C" Triple on_cpu_block_size() { return {machine.size, 1, 1}; }
extern "C" Triple on_cpu_grid_size() { return machine.grid; }
extern "C" int on_cpu_lane() { return machine.now->index % 32; }
extern "C" __attribute__((noreturn)) void on_cpu_trap() { fail("__trap() in thread %u of block %u", machine.now->index, machine.now->block->index); }
