// Atomic operations, done by the runtime so that they are not taken for plain accesses.
#pragma once

enum OnCpuAtomic {
    ON_CPU_ADD, ON_CPU_MIN, ON_CPU_MAX, ON_CPU_EXCH, ON_CPU_CAS, ON_CPU_BIT_AND, ON_CPU_BIT_OR, ON_CPU_BIT_XOR
};
template <class T> T on_cpu_atomic(int operation, T *address, T value, T compare);

#define ON_CPU_ATOMIC(name, operation, T) \
    ON_CPU T name(T *address, T value) { return on_cpu_atomic<T>(operation, address, value, T()); }
#define ON_CPU_ATOMIC_INTEGERS(name, operation) \
    ON_CPU_ATOMIC(name, operation, int) \
    ON_CPU_ATOMIC(name, operation, unsigned) \
    ON_CPU_ATOMIC(name, operation, on_cpu_uint64)
ON_CPU_ATOMIC_INTEGERS(atomicAdd, ON_CPU_ADD)
ON_CPU_ATOMIC_INTEGERS(atomicMin, ON_CPU_MIN)
ON_CPU_ATOMIC_INTEGERS(atomicMax, ON_CPU_MAX)
ON_CPU_ATOMIC_INTEGERS(atomicExch, ON_CPU_EXCH)
ON_CPU_ATOMIC_INTEGERS(atomicAnd, ON_CPU_BIT_AND)
ON_CPU_ATOMIC_INTEGERS(atomicOr, ON_CPU_BIT_OR)
ON_CPU_ATOMIC_INTEGERS(atomicXor, ON_CPU_BIT_XOR)
ON_CPU_ATOMIC(atomicMin, ON_CPU_MIN, on_cpu_int64)
ON_CPU_ATOMIC(atomicMax, ON_CPU_MAX, on_cpu_int64)
ON_CPU_ATOMIC(atomicAdd, ON_CPU_ADD, float)
ON_CPU_ATOMIC(atomicExch, ON_CPU_EXCH, float)
#undef ON_CPU_ATOMIC
#undef ON_CPU_ATOMIC_INTEGERS
ON_CPU int atomicSub(int *address, int value) { return atomicAdd(address, -value); }
ON_CPU unsigned atomicSub(unsigned *address, unsigned value) { return atomicAdd(address, 0u - value); }

template <class T> ON_CPU T atomicCAS(T *address, decltype(T()) compare, decltype(T()) value) {
    return on_cpu_atomic<T>(ON_CPU_CAS, address, value, compare);
}
