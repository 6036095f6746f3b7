// CUDA on a CPU: what a kernel may use, with CUDA's meaning, for tests. g++ compiles kernels against this header; the
// threads of a block are fibers of one thread of the machine, and a seed decides how they take turns.
//
// The rules, stricter than a GPU, which lets most of these pass until a frame goes wrong:
//   Memory    Every access lies, aligned, in a live array of the device, in `__shared__`, or on the thread's own stack.
//             Arrays begin as garbage. Shared memory is static, does too, and is not read before it is written.
//   Undefined An index beyond its array, a division by 0, a shift by too many bits and a float that does not fit the
//             integer it becomes are errors; __float2int_* stop at the limits, as on a GPU.
//   Races     Two threads touch one byte, one of them writes, and nothing orders them: an error, in whatever order they
//             came, even if both write the same value. What orders: __syncthreads within a block; __syncwarp among the
//             lanes of its mask; the end of a kernel. Nothing else: not __threadfence, not a shuffle or vote, not an
//             atomic operation. Blocks of one launch are never ordered.
//   Atomics   They race with plain reads and writes, not with each other and not with reads through `volatile`, which
//             race with plain writes only. A write through `volatile` is a plain write.
//   Barriers  All threads of the block come to the same line with __syncthreads; one that has returned never will.
//             All lanes of a mask that have not returned come to the same line with the same mask.
//   Shuffles  A value from a lane that takes no part is garbage. __activemask names the calling lane alone, which a
//             GPU may do at any time.
//   Loops     A launch that makes more memory accesses than the device's `limit` is an error; one that makes none hangs.
#pragma once
#include <math.h>
// NVRTC has the functions of math.h, but not its constants.
#undef INFINITY
#undef NAN
#undef HUGE_VAL
#undef HUGE_VALF
#undef M_PI

#define __global__ __attribute__((noinline, used))
#define __device__
#define __host__
#define __constant__
#define __shared__ static __attribute__((section("cuda_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define ON_CPU static inline __attribute__((always_inline, unused))

typedef long long on_cpu_int64;
typedef unsigned long long on_cpu_uint64;

#include "vector_types.h"
#include "math_functions.h"

// Where a thread is. Constant for a fiber, so that the compiler may keep it.
extern "C" {
uint3 on_cpu_thread_index() __attribute__((const));
uint3 on_cpu_block_index() __attribute__((const));
uint3 on_cpu_block_size() __attribute__((const));
uint3 on_cpu_grid_size() __attribute__((const));
}
#define threadIdx on_cpu_thread_index()
#define blockIdx on_cpu_block_index()
#define blockDim on_cpu_block_size()
#define gridDim on_cpu_grid_size()
static const int warpSize = 32;

#include "barriers.h"
#include "atomics.h"
#include "warps.h"

extern "C" __attribute__((noreturn)) void on_cpu_trap();
ON_CPU void __trap() { on_cpu_trap(); }
ON_CPU void __threadfence() {}
ON_CPU void __threadfence_block() {}
ON_CPU void __nanosleep(unsigned) {}
template <class T> ON_CPU T __ldg(const T *address) { return *address; }
