// What CUDA leaves undefined: g++ -fsanitize=... puts a call where an index, a divisor or a conversion does not fit.
#include "state.h"

API void __ubsan_handle_out_of_bounds(void *, uintptr_t index) {
    fail("uses index %ld, out of bounds of its array (pc:%x)", (long)index, PLACE);
}
API void __ubsan_handle_divrem_overflow(void *, uintptr_t, uintptr_t) { fail("makes a division by 0 (pc:%x)", PLACE); }
API void __ubsan_handle_float_cast_overflow(void *, uintptr_t) { fail("converts what does not fit (pc:%x)", PLACE); }
API void __ubsan_handle_shift_out_of_bounds(void *, uintptr_t, uintptr_t bits) {
    fail("shifts by %ld bits (pc:%x)", (long)bits, PLACE);
}
