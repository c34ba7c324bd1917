"""Keeps the memory that tensors free, for those that the next step makes.

By default glibc asks the system for every large block anew and gives it back when it is freed, so
that each step of a training on a CPU waits for the same pages again, zeroed.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's options (malloc.h)."""

LARGE = 2**30
"""Bytes from which on a block is asked of the system: an embedding table's gradient is smaller."""

LARGEST_OF_OLD = 2**25
"""The same where glibc, before 2.35, accepts no more."""


def keep_memory() -> None:
    """Keep freed blocks in this process, where its C library is glibc."""
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or another system
        return
    if not set_option(MMAP_THRESHOLD, LARGE):
        set_option(MMAP_THRESHOLD, LARGEST_OF_OLD)
    set_option(TRIM_THRESHOLD, 2 * LARGE - 1)
