// One thread of a block: how it begins, waits and ends.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "state.h"

#define ON_CPU static inline
#include "barriers.h"

Machine machine;

void fail(const char *text, ...) {
    Thread &now = *machine.now;
    size_t used = snprintf(machine.error, sizeof machine.error, "thread %u of block %u ", now.index, now.block->index);
    va_list values;
    va_start(values, text);
    vsnprintf(machine.error + used, sizeof machine.error - used, text, values);
    va_end(values);
    leave();
    abort();
}

void leave() {
    Thread *from = machine.now;
    machine.now = nullptr;
    on_cpu_switch(&from->fiber, &machine.main);
}

void yield() {
    machine.patience = 1 + machine.below(2 * machine.mean);
    machine.now->block->ready.push_back(machine.now->index);
    leave();
}

void wake(Thread &thread) {
    thread.wait = READY;
    thread.block->ready.push_back(thread.index);
}

void body() {
    machine.kernel(machine.arguments);
    machine.now->wait = DONE;
    machine.now->block->live--;
    lane_returned(*machine.now);
    leave();
    abort();
}

static void count_vote(Block &block, int vote, bool predicate) {
    if (block.arrived++ == 0) block.vote = vote == ON_CPU_AND;
    if (vote == ON_CPU_COUNT) block.vote += predicate;
    if (vote == ON_CPU_OR) block.vote |= predicate;
    if (vote == ON_CPU_AND) block.vote &= predicate;
}

static void open_barrier(Block &block, int line) {
    for (auto &thread : block.threads) {
        if (thread.line != line)
            fail("waits at __syncthreads in line %d and thread %u in line %d: barrier divergence", line, thread.index,
                 thread.line);
        thread.result = block.vote;
        wake(thread);
    }
    block.arrived = 0;
    block.barrier = ++block.time;
}

extern "C" int on_cpu_block_barrier(int vote, int predicate, int line) {
    Thread &now = *machine.now;
    Block &block = *now.block;
    count_vote(block, vote, predicate != 0);
    now.wait = AT_BARRIER, now.line = line;
    if (block.arrived == block.size) open_barrier(block, line);
    leave();
    return (int)now.result;
}

extern "C" Triple on_cpu_thread_index() { return {machine.now->index, 0, 0}; }
extern "C" Triple on_cpu_block_index() { return machine.now->block->at; }
extern "C" Triple on_cpu_block_size() { return {machine.size, 1, 1}; }
extern "C" Triple on_cpu_grid_size() { return machine.grid; }
extern "C" int on_cpu_lane() { return machine.now->index % 32; }
extern "C" void on_cpu_trap() { fail("came to __trap() (pc:%x)", PLACE); }
