// The block's barrier. The line tells one barrier from another.
#pragma once

enum OnCpuVote { ON_CPU_COUNT, ON_CPU_OR, ON_CPU_AND };
extern "C" int on_cpu_block_barrier(int vote, int predicate, int line);

#define LINE int line = __builtin_LINE()
ON_CPU void __syncthreads(LINE) { on_cpu_block_barrier(ON_CPU_COUNT, 0, line); }
ON_CPU int __syncthreads_count(int p, LINE) { return on_cpu_block_barrier(ON_CPU_COUNT, p, line); }
ON_CPU int __syncthreads_or(int p, LINE) { return on_cpu_block_barrier(ON_CPU_OR, p, line); }
ON_CPU int __syncthreads_and(int p, LINE) { return on_cpu_block_barrier(ON_CPU_AND, p, line); }
#undef LINE
