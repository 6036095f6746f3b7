#include "fibers.h"

#include <sys/mman.h>

char *stacks(size_t size) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    return (char *)mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
}

#ifdef __x86_64__
// Keeps what a function must keep, then changes stacks: many times as fast as swapcontext, which asks the kernel.
asm(R"(
.text
.hidden on_cpu_switch
.globl on_cpu_switch
.type on_cpu_switch, @function
on_cpu_switch:
    push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15
    mov %rsp, (%rdi)
    mov (%rsi), %rsp
    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp
    ret
.size on_cpu_switch, . - on_cpu_switch
)");

void start(Fiber &fiber, char *stack, void (*entry)()) {
    void **top = (void **)(stack + STACK) - 2;  // as after a call: 8 more than a multiple of 16
    *top = (void *)entry;
    fiber.top = top - 6;
}
#else
extern "C" void on_cpu_switch(Fiber *from, Fiber *to) { swapcontext(&from->context, &to->context); }

void start(Fiber &fiber, char *stack, void (*entry)()) {
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stack;
    fiber.context.uc_stack.ss_size = STACK;
    makecontext(&fiber.context, entry, 0);
}
#endif
