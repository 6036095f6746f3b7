// Fibers: stacks that take turns in one thread of the machine.
#pragma once
#include <stddef.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

constexpr size_t STACK = 64 * 1024;

#ifdef __x86_64__
struct Fiber { void *top; };
#else
struct Fiber { ucontext_t context; };
#endif

// Keep where `from` stands, and go on where `to` stood.
extern "C" void on_cpu_switch(Fiber *from, Fiber *to);
// Let a fiber stand before `entry`, which never returns.
void start(Fiber &fiber, char *stack, void (*entry)());
char *stacks(size_t size);  // made as they are touched
