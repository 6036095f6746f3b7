// Every memory access of a kernel: g++ -fsanitize=thread puts a call before each; these are the calls, and atomics.
#include "state.h"

#define ON_CPU static inline
typedef long long on_cpu_int64;
typedef unsigned long long on_cpu_uint64;
#include "atomics.h"

extern "C" const char __ehdr_start[], _end[];
static const char *const DOES[] = {"reads", "writes", "atomically changes", "reads through volatile"};
#define PLACE ((uintptr_t)__builtin_return_address(0))

static uint32_t offset(uintptr_t place) { return (uint32_t)(place - (uintptr_t)__ehdr_start - 1); }

static Memory *memory_at(const char *address) {
    static thread_local size_t last;
    auto &arrays = machine.device->arrays;
    if (last < arrays.size() && (size_t)(address - arrays[last].begin) < arrays[last].size) return &arrays[last];
    for (last = 0; last < arrays.size(); last++)
        if ((size_t)(address - arrays[last].begin) < arrays[last].size) return &arrays[last];
    return nullptr;
}

static void outside(const char *address, size_t size, Kind kind, uintptr_t place) {
    Memory *nearest = nullptr;
    long best = 1 << 16;
    for (auto &array : machine.device->arrays) {
        long before = array.begin - address, after = address - (array.begin + array.size);
        long distance = before > 0 ? before : after + 1;
        if (distance < best) best = distance, nearest = &array;
    }
    if (!nearest)
        fail("thread %u of block %u %s %zu bytes at %p, which lies in no live array (pc:%x)", machine.now->index,
             machine.now->block->index, DOES[kind], size, (const void *)address, offset(place));
    fail("thread %u of block %u %s %zu bytes out of bounds: byte %ld of an array %s of %zu bytes (pc:%x)",
         machine.now->index, machine.now->block->index, DOES[kind], size, (long)(address - nearest->begin),
         nearest->label, nearest->size, offset(place));
}

static void report(const Memory &memory, const char *address, size_t size, Kind kind, Conflict conflict, uintptr_t place) {
    Thread &now = *machine.now;
    if (!conflict.touch)
        fail("thread %u of block %u %s shared memory that nothing wrote (pc:%x)", now.index, now.block->index, DOES[kind],
             offset(place));
    const Touch &old = *conflict.touch;
    bool same_warp = old.who == now.block->index * 32 + now.index / 32 + 1;
    uint32_t lanes = same_warp ? old.lanes & ~(1u << now.index % 32) : old.lanes;
    fail("race: thread %u of block %u %s %zu bytes at byte %ld of %s (pc:%x), and thread %u of block %u %s it (pc:%x); "
         "nothing orders the two", now.index, now.block->index, DOES[kind], size, (long)(address - memory.begin), memory.label,
         offset(place), old.warp() * 32 + __builtin_ctz(lanes), old.block(), conflict.did, old.place);
}

static Memory *remembered(const char *address, size_t size, Kind kind, uintptr_t place) {
    Thread &now = *machine.now;
    if ((size_t)(address - now.stack) < STACK) return nullptr;
    Memory &shared = now.block->shared;
    if ((size_t)(address - shared.begin) < shared.size) return &shared;
    if ((size_t)(address - machine.stacks) < machine.stacks_size)
        fail("thread %u of block %u %s another thread's local memory (pc:%x)", now.index, now.block->index, DOES[kind], offset(place));
    if (address >= __ehdr_start && address < _end && kind == READ) return nullptr;  // constants
    Memory *array = memory_at(address);
    if (!array || (size_t)(address - array->begin) + size > array->size) outside(address, size, kind, place);
    return array;
}

static inline void access(const void *pointer, size_t size, Kind kind, uintptr_t place, size_t alignment) {
    if (!machine.now) return;
    if (++machine.steps > machine.limit)
        fail("no end after %lu memory accesses (pc:%x)", (unsigned long)machine.limit, offset(place));
    const char *address = (const char *)pointer;
    if ((uintptr_t)address % alignment) fail("%p is not aligned to %zu bytes (pc:%x)", pointer, alignment, offset(place));
    Memory *memory = remembered(address, size, kind, place);
    if (!memory) return;
    if (--machine.patience == 0) yield();
    Thread &now = *machine.now;
    Block &block = *now.block;
    uint32_t warp = now.index / 32, lane = now.index % 32, run = memory == &block.shared ? block.run : machine.launch;
    Witness witness = {{block.index * 32 + warp + 1, block.time, 1u << lane, offset(place)}, block.barrier,
                       block.warps[warp].known[lane]};
    Conflict conflict = memory->shadow.touch(address - memory->begin, size, run, kind, witness);
    if (conflict.did) report(*memory, address, size, kind, conflict, place);
}

#define API extern "C" __attribute__((visibility("default")))
#define ACCESSES(n) \
    API void __tsan_read##n(void *p) { access(p, n, READ, PLACE, n); } \
    API void __tsan_write##n(void *p) { access(p, n, WRITE, PLACE, n); } \
    API void __tsan_volatile_read##n(void *p) { access(p, n, VOLATILE_READ, PLACE, n); } \
    API void __tsan_volatile_write##n(void *p) { access(p, n, WRITE, PLACE, n); } \
    API void __tsan_unaligned_read##n(void *p) { access(p, n, READ, PLACE, 1); } \
    API void __tsan_unaligned_write##n(void *p) { access(p, n, WRITE, PLACE, 1); }
ACCESSES(1) ACCESSES(2) ACCESSES(4) ACCESSES(8) ACCESSES(16)
API void __tsan_read_range(void *p, size_t size) { access(p, size, READ, PLACE, 1); }
API void __tsan_write_range(void *p, size_t size) { access(p, size, WRITE, PLACE, 1); }
API void __tsan_vptr_update(void **, void *) {}
API void __tsan_vptr_read(void **) {}
API void __tsan_func_entry(void *) {}
API void __tsan_func_exit() {}
API void __tsan_init() {}

template <class T> static T combined(int operation, T old, T value, T compare) {
    switch (operation) {
        case ON_CPU_ADD: return old + value;
        case ON_CPU_MIN: return value < old ? value : old;
        case ON_CPU_MAX: return old < value ? value : old;
        case ON_CPU_CAS: return old == compare ? value : old;
    }
    if constexpr (T(1) / 2 == 0) switch (operation) {
        case ON_CPU_BIT_AND: return old & value;
        case ON_CPU_BIT_OR: return old | value;
        case ON_CPU_BIT_XOR: return old ^ value;
    }
    return value;
}

template <class T> T on_cpu_atomic(int operation, T *address, T value, T compare) {
    access(address, sizeof(T), ATOMIC, PLACE, sizeof(T));
    T old = *address;
    *address = combined(operation, old, value, compare);
    return old;
}
template int on_cpu_atomic(int, int *, int, int);
template unsigned on_cpu_atomic(int, unsigned *, unsigned, unsigned);
template float on_cpu_atomic(int, float *, float, float);
template long long on_cpu_atomic(int, long long *, long long, long long);
template unsigned long long on_cpu_atomic(int, unsigned long long *, unsigned long long, unsigned long long);
