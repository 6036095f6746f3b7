// A table of the kernels of a module: name, signature, and a call with arguments given by their addresses.
#pragma once
#undef __noinline__  // the standard library has it as an attribute's name
#include <type_traits>
#include <utility>

// One argument in NumPy's words: kind (b, i, u, f; V for a struct or void) and size, of what it points to if a pointer.
struct OnCpuArgument { char kind; int size; int pointer; };
struct OnCpuKernel { const char *name; int count; const OnCpuArgument *arguments; void (*call)(void **); };

template <class T> constexpr OnCpuArgument on_cpu_argument() {
    typedef std::remove_cv_t<std::remove_pointer_t<T>> Value;
    char kind = std::is_same_v<Value, bool> ? 'b' : std::is_floating_point_v<Value> ? 'f'
        : std::is_signed_v<Value> ? 'i' : std::is_unsigned_v<Value> ? 'u' : 'V';
    if constexpr (std::is_void_v<Value>) return {kind, 1, 1};
    else return {kind, (int)sizeof(Value), std::is_pointer_v<T>};
}

#define UNCHECKED __attribute__((no_sanitize("thread")))
template <class F, F *kernel> struct OnCpuCall;
template <class... A, void (*kernel)(A...)> struct OnCpuCall<void(A...), kernel> {
    static constexpr OnCpuArgument arguments[] = {on_cpu_argument<A>()..., {}};
    template <size_t... I> UNCHECKED static void with(void **values, std::index_sequence<I...>) {
        kernel(*(A *)values[I]...);
    }
    UNCHECKED static void call(void **values) { with(values, std::index_sequence_for<A...>()); }
    static constexpr OnCpuKernel row(const char *name) { return {name, sizeof...(A), arguments, call}; }
};
#define ON_CPU_KERNEL(kernel) OnCpuCall<decltype(kernel), kernel>::row(#kernel)
