// CUDA's short vectors, with its alignment.
#pragma once

#define ON_CPU_VECTORS(name, T) \
    struct alignas(2 * sizeof(T)) name##2 { T x, y; }; \
    struct name##3 { T x, y, z; }; \
    struct alignas(4 * sizeof(T)) name##4 { T x, y, z, w; }; \
    ON_CPU name##2 make_##name##2(T x, T y) { return {x, y}; } \
    ON_CPU name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
    ON_CPU name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
ON_CPU_VECTORS(char, signed char)
ON_CPU_VECTORS(uchar, unsigned char)
ON_CPU_VECTORS(short, short)
ON_CPU_VECTORS(ushort, unsigned short)
ON_CPU_VECTORS(int, int)
ON_CPU_VECTORS(uint, unsigned)
ON_CPU_VECTORS(float, float)
#undef ON_CPU_VECTORS
typedef uint3 dim3;
