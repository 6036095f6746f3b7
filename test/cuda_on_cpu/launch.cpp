// What Python calls.
#include <stdlib.h>
#include <string.h>
#include "state.h"

API Device *on_cpu_device() { return new Device; }
API void on_cpu_device_free(Device *device) { delete device; }

API void on_cpu_array(Device *device, char *begin, size_t size, const char *label) {
    device->arrays.push_back({begin, size, strdup(label), Shadow(size, false)});
}

API void on_cpu_array_free(Device *device, char *begin) {
    auto &arrays = device->arrays;
    size_t i = 0;
    while (arrays[i].begin != begin) i++;
    arrays[i].shadow.free(), free((void *)arrays[i].label);
    arrays.erase(arrays.begin() + i);
}

static void draw_habits(uint64 seed) {
    machine.seed = seed * 0x9E3779B97F4A7C15ull | 1;
    for (int i = 0; i < 8; i++) machine.below(1);
    const uint32_t means[] = {2, 16, 128}, stubborn[] = {0, 0, 3};
    machine.mean = means[machine.below(3)];
    machine.stubborn = stubborn[machine.below(3)];
    machine.patience = 1 + machine.below(2 * machine.mean);
}

// Returns what went wrong, or an empty text.
API const char *on_cpu_launch(Device *device, void (*kernel)(void **), void **arguments, const Triple *grid,
                              uint32_t size, uint64 seed, uint64 limit) {
    machine.device = device, machine.kernel = kernel, machine.arguments = arguments;
    machine.grid = *grid, machine.size = size, machine.launch++;
    machine.accesses = 0, machine.limit = limit, machine.error[0] = 0;
    draw_habits(seed);
    run_blocks();
    return machine.error;
}
