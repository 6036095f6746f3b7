// Every memory access of a kernel: g++ -fsanitize=thread puts a call before each; these are the calls, and atomics.
#include "state.h"

#define ON_CPU static inline
typedef long long on_cpu_int64;
typedef unsigned long long on_cpu_uint64;
#include "atomics.h"

static const char *const DOES[] = {"reads", "writes", "atomically changes", "reads through volatile"};

struct Access {
    const char *address;
    size_t size, alignment;
    Kind kind;
    uint32_t place;
};

static Memory *array_at(const char *address) {
    static size_t last;
    auto &arrays = machine.device->arrays;
    if (last < arrays.size() && arrays[last].holds(address)) return &arrays[last];
    for (last = 0; last < arrays.size(); last++)
        if (arrays[last].holds(address)) return &arrays[last];
    return nullptr;
}

static void fail_outside(const Access &a) {
    const Memory *nearest = nullptr;
    long least = 1 << 16;
    for (auto &array : machine.device->arrays) {
        long before = array.begin - a.address, after = a.address - array.begin - (long)array.size + 1;
        long distance = before > 0 ? before : after;
        if (distance < least) least = distance, nearest = &array;
    }
    if (!nearest) fail("%s %zu bytes where no live array is (pc:%x)", DOES[a.kind], a.size, a.place);
    fail("%s %zu bytes out of bounds: byte %ld of an array %s of %zu bytes (pc:%x)", DOES[a.kind], a.size,
         (long)(a.address - nearest->begin), nearest->label, nearest->size, a.place);
}

static void fail_conflict(const Memory &memory, const Access &a, Conflict conflict) {
    if (!conflict.touch) fail("%s shared memory that nothing wrote (pc:%x)", DOES[a.kind], a.place);
    const Touch &old = *conflict.touch;
    Thread &now = *machine.now;
    bool same_warp = old.block() == now.block->index && old.warp() == now.index / 32;
    uint32_t lanes = same_warp ? old.lanes & ~(1u << now.index % 32) : old.lanes;
    fail("%s %zu bytes at byte %ld of %s (pc:%x): a race, as thread %u of block %u %s them (pc:%x) and nothing orders "
         "the two", DOES[a.kind], a.size, (long)(a.address - memory.begin), memory.label, a.place,
         old.warp() * 32 + __builtin_ctz(lanes), old.block(), conflict.did, old.place);
}

// The memory whose accesses are remembered; none for the thread's own and for constants.
static Memory *memory_of(const Access &a) {
    Thread &now = *machine.now;
    if ((size_t)(a.address - now.stack) < STACK) return nullptr;
    if (now.block->shared.holds(a.address)) return &now.block->shared;
    Memory *array = array_at(a.address);
    if (array && a.address - array->begin + a.size <= array->size) return array;
    if ((size_t)(a.address - machine.stacks) < machine.stacks_size)
        fail("%s another thread's local memory (pc:%x)", DOES[a.kind], a.place);
    if (a.address < __ehdr_start || a.address >= _end || a.kind != READ) fail_outside(a);
    return nullptr;
}

static inline void access(Access a) {
    if (++machine.accesses > machine.limit)
        fail("has found no end after %llu memory accesses (pc:%x)", machine.limit, a.place);
    if ((uintptr_t)a.address % a.alignment)
        fail("%s %p, which is not aligned to %zu bytes (pc:%x)", DOES[a.kind], a.address, a.alignment, a.place);
    Memory *memory = memory_of(a);
    if (!memory) return;
    if (--machine.patience == 0) yield();
    const Thread &now = *machine.now;
    const Block &block = *now.block;
    uint32_t warp = now.index / 32, lane = now.index % 32, run = memory == &block.shared ? block.run : machine.launch;
    Witness witness = {{block.index * 32 + warp + 1, block.time, 1u << lane, a.place}, block.barrier,
                       block.warps[warp].known[lane]};
    Conflict conflict = memory->shadow.touch(a.address - memory->begin, a.size, run, a.kind, witness);
    if (conflict.did) fail_conflict(*memory, a, conflict);
}

#define ACCESSES(n) \
    API void __tsan_read##n(void *p) { access({(char *)p, n, n, READ, PLACE}); } \
    API void __tsan_write##n(void *p) { access({(char *)p, n, n, WRITE, PLACE}); } \
    API void __tsan_volatile_read##n(void *p) { access({(char *)p, n, n, VOLATILE_READ, PLACE}); } \
    API void __tsan_volatile_write##n(void *p) { access({(char *)p, n, n, WRITE, PLACE}); } \
    API void __tsan_unaligned_read##n(void *p) { access({(char *)p, n, 1, READ, PLACE}); } \
    API void __tsan_unaligned_write##n(void *p) { access({(char *)p, n, 1, WRITE, PLACE}); }
ACCESSES(1) ACCESSES(2) ACCESSES(4) ACCESSES(8) ACCESSES(16)
API void __tsan_read_range(void *p, size_t size) { access({(char *)p, size, 1, READ, PLACE}); }
API void __tsan_write_range(void *p, size_t size) { access({(char *)p, size, 1, WRITE, PLACE}); }
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
    access({(char *)address, sizeof(T), sizeof(T), ATOMIC, PLACE});
    T old = *address;
    *address = combined(operation, old, value, compare);
    return old;
}
template int on_cpu_atomic(int, int *, int, int);
template unsigned on_cpu_atomic(int, unsigned *, unsigned, unsigned);
template float on_cpu_atomic(int, float *, float, float);
template long long on_cpu_atomic(int, long long *, long long, long long);
template unsigned long long on_cpu_atomic(int, unsigned long long *, unsigned long long, unsigned long long);
