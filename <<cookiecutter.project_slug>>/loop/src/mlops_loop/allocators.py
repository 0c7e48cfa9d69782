"""Memory that a program has freed goes back to the system: a stage needs a table less."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE = 2**20  # bytes of a block that goes back as soon as it is freed


def return_freed() -> None:
    """Set it for this process, and for what it forks; before Arrow is loaded.

    Arrow's own allocator keeps what it frees, so that of the system takes its place. That of glibc
    keeps blocks of up to 32 MiB after the first such block was freed (mallopt(3), "dynamic mmap
    threshold"); a fixed threshold stops this. What the user's environment sets stays; a system
    whose C library knows no such option is left as it is.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if "MALLOC_MMAP_THRESHOLD_" in os.environ or "mmap_threshold" in tunables:
        return
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
