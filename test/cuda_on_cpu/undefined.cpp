// What C++ and CUDA leave undefined: the calls that g++ -fsanitize=... puts before indices, divisions and conversions.
#include "state.h"

extern "C" const char __ehdr_start[];
#define API extern "C" __attribute__((visibility("default")))
#define PLACE (uint32_t)((uintptr_t)__builtin_return_address(0) - (uintptr_t)__ehdr_start - 1)
#define STOP(what, ...) fail("thread %u of block %u: " what " (pc:%x)", machine.now->index, machine.now->block->index, __VA_ARGS__)

API void __ubsan_handle_out_of_bounds(void *, uintptr_t index) { STOP("index %ld out of bounds of its array", (long)index, PLACE); }
API void __ubsan_handle_divrem_overflow(void *, uintptr_t, uintptr_t by) {
    if (by == 0) STOP("division by 0", PLACE);
    STOP("division that overflows", PLACE);
}
API void __ubsan_handle_float_cast_overflow(void *, uintptr_t) { STOP("a float that does not fit its integer", PLACE); }
API void __ubsan_handle_shift_out_of_bounds(void *, uintptr_t, uintptr_t by) { STOP("shift by %ld bits", (long)by, PLACE); }
