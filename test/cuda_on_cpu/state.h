// The machine while a kernel runs: device memory, blocks, threads.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <vector>

#include "fibers.h"
#include "races.h"

typedef unsigned long long uint64;
struct Triple { uint32_t x, y, z; };

// Bytes that threads of several warps or blocks see.
struct Memory {
    char *begin;
    size_t size;
    const char *label;
    Shadow shadow;
    bool holds(const char *address) const { return (size_t)(address - begin) < size; }
};

struct Device { std::vector<Memory> arrays; };

enum Wait { READY, AT_BARRIER, AT_WARP, DONE };

struct Block;
struct Thread {
    Fiber fiber;
    char *stack;
    Block *block;
    uint32_t index;
    Wait wait;
    int line;  // where it waits
    // The warp operation at which it waits.
    int operation, source;
    uint32_t mask;
    uint64 value, result;
};

// known[a][b]: the time up to which what lane b did is ordered before lane a.
struct Warp { uint32_t known[32][32]; };

struct Block {
    Memory shared;
    std::vector<char> saved;  // shared memory while another block runs
    Triple at;
    uint32_t index, run, size, live, arrived;
    uint32_t time, barrier;  // counts what orders its threads; the last barrier's time
    int vote;
    std::vector<Thread> threads;
    std::vector<uint32_t> ready;
    std::vector<Warp> warps;
};

struct Machine {
    Device *device;
    void (*kernel)(void **);
    void **arguments;
    Triple grid;
    uint32_t size;          // threads of a block
    uint32_t launch, runs;  // counts of launches and blocks
    uint64 seed, accesses, limit;
    uint32_t patience, mean;  // accesses until the next switch
    uint32_t stubborn;        // in four: how often the last thread goes on
    Fiber main;
    Thread *now;
    char *stacks;
    size_t stacks_size;
    char error[1024];

    uint32_t below(uint32_t n) {  // xorshift64*
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        return (seed * 0x2545F4914F6CDD1Dull >> 32) * n >> 32;
    }
};
extern Machine machine;

extern char __start_cuda_shared[] __attribute__((visibility("hidden")));
extern char __stop_cuda_shared[] __attribute__((visibility("hidden")));
extern "C" const char __ehdr_start[], _end[];

// Where the caller was called: an address in the module, which Python turns into file and line.
#define PLACE ((uint32_t)((const char *)__builtin_return_address(0) - __ehdr_start - 1))
#define API extern "C" __attribute__((visibility("default")))

void body();                // what a thread does
void leave();               // to the scheduler, until another wakes this thread
void yield();               // to the block's next thread
void wake(Thread &thread);
void lane_returned(Thread &thread);
void run_blocks();
// End the launch with an error: `thread .. of block .. <text>`.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *text, ...);
