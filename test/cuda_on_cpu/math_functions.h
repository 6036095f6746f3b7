// CUDA's arithmetic that C++ has under another name or not at all.
#pragma once

// Mixed operands convert as in CUDA: to the wider type, and to unsigned if one is.
template <class A, class B, class T = decltype(A() + B())> ON_CPU T min(A a, B b) { return (T)b < (T)a ? (T)b : (T)a; }
template <class A, class B, class T = decltype(A() + B())> ON_CPU T max(A a, B b) { return (T)a < (T)b ? (T)b : (T)a; }
ON_CPU float min(float a, float b) { return fminf(a, b); }
ON_CPU float max(float a, float b) { return fmaxf(a, b); }

ON_CPU float __fadd_rn(float a, float b) { return a + b; }
ON_CPU float __fsub_rn(float a, float b) { return a - b; }
ON_CPU float __fmul_rn(float a, float b) { return a * b; }
ON_CPU float __fdiv_rn(float a, float b) { return a / b; }
ON_CPU float __fsqrt_rn(float a) { return sqrtf(a); }
ON_CPU float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }

template <class To, class From> ON_CPU To on_cpu_bits(From value) {
    static_assert(sizeof(To) == sizeof(From), "the same number of bits");
    To bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}
ON_CPU int __float_as_int(float a) { return on_cpu_bits<int>(a); }
ON_CPU unsigned __float_as_uint(float a) { return on_cpu_bits<unsigned>(a); }
ON_CPU float __int_as_float(int a) { return on_cpu_bits<float>(a); }
ON_CPU float __uint_as_float(unsigned a) { return on_cpu_bits<float>(a); }

// Conversions stop at the limits of int, and NaN gives 0.
ON_CPU int on_cpu_to_int(float a) {
    const int most = 0x7fffffff;
    return a != a ? 0 : a >= 0x1p31f ? most : a < -0x1p31f ? -most - 1 : (int)a;
}
ON_CPU int __float2int_rn(float a) { return on_cpu_to_int(rintf(a)); }
ON_CPU int __float2int_rd(float a) { return on_cpu_to_int(floorf(a)); }
ON_CPU int __float2int_ru(float a) { return on_cpu_to_int(ceilf(a)); }
ON_CPU int __float2int_rz(float a) { return on_cpu_to_int(truncf(a)); }
ON_CPU float __int2float_rn(int a) { return (float)a; }
ON_CPU float __uint2float_rn(unsigned a) { return (float)a; }

ON_CPU int __popc(unsigned a) { return __builtin_popcount(a); }
ON_CPU int __popcll(on_cpu_uint64 a) { return __builtin_popcountll(a); }
ON_CPU int __ffs(int a) { return __builtin_ffs(a); }
ON_CPU int __ffsll(on_cpu_int64 a) { return __builtin_ffsll(a); }
ON_CPU int __clz(int a) { return a ? __builtin_clz(a) : 32; }
ON_CPU int __clzll(on_cpu_int64 a) { return a ? __builtin_clzll(a) : 64; }
ON_CPU unsigned __brev(unsigned a) {
    unsigned reversed = 0;
    for (int bit = 0; bit < 32; bit++) reversed |= (a >> bit & 1u) << (31 - bit);
    return reversed;
}
ON_CPU int __mul24(int a, int b) { return ((a << 8) >> 8) * ((b << 8) >> 8); }
ON_CPU unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((on_cpu_uint64)a * b >> 32); }
ON_CPU on_cpu_uint64 __umul64hi(on_cpu_uint64 a, on_cpu_uint64 b) {
    return (on_cpu_uint64)((unsigned __int128)a * b >> 64);
}
