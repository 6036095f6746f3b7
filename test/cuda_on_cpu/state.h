// The machine while a kernel runs: device memory, blocks, threads.
#pragma once
#include <stdlib.h>
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
    int line;             // where it waits
    // Of the warp operation at which it waits, and the result.
    int operation, source;
    uint32_t mask;
    uint64 value, result;
};

struct Warp { uint32_t known[32][32]; };

struct Block {
    Triple at;
    uint32_t index, run, size, time, barrier, live, arrived;
    int vote;
    std::vector<Thread> threads;
    std::vector<uint32_t> ready;
    std::vector<Warp> warps;
    Memory shared;
    std::vector<char> saved;  // shared memory while another block runs
};

extern char __start_cuda_shared[] __attribute__((visibility("hidden")));
extern char __stop_cuda_shared[] __attribute__((visibility("hidden")));

struct Machine {
    Device *device;
    void (*kernel)(void **);
    void **arguments;
    Triple grid;
    uint32_t size, launch, runs;
    uint64 seed, steps, limit;
    uint32_t patience;      // accesses until the next switch, and their mean
    uint32_t mean;
    Fiber main;
    Thread *now;
    char *stacks;
    size_t stacks_size;
    char error[1024];
    uint64 random() {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        return seed * 0x2545F4914F6CDD1Dull >> 16;
    }
    uint32_t below(uint32_t n) { return (uint32_t)random() * (uint64)n >> 32; }
};
extern Machine machine;

void yield();  // to the block's next thread
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *text, ...);
