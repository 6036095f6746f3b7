"""What glibc does with large buffers that are freed.

By default it hands them back to the kernel and takes them anew, page by page, for the next image. Kept, a 6 MB message
between two processes is three times faster; rendering streets for training spent half of its time in the kernel.
"""

import ctypes
import os
from collections.abc import Mapping

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
MALLOC_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> str:
    """Have this process keep what it frees, unless the user has set malloc up. Returns a sentence for the log."""
    kept = [name for name in MALLOC_VARIABLES if environment.get(name)]
    if kept:
        return f"malloc left as it is: {kept[0]}={environment[kept[0]]}"
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl, macOS
        return "malloc left as it is: this C library has no mallopt"
    # glibc before 2.35 refuses an mmap threshold above 32 MB.
    done = (mallopt(M_MMAP_THRESHOLD, 1 << 30) or mallopt(M_MMAP_THRESHOLD, 32 << 20)) \
        and mallopt(M_TRIM_THRESHOLD, 1 << 30) and mallopt(M_TOP_PAD, 64 << 20)
    return "malloc keeps image buffers" if done else "malloc left as it is: mallopt refused"
