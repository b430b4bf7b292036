"""Keeping freed memory, so that every step does not fault the same pages in again.

glibc hands large buffers back to the system when they are freed. A network allocates the same ones
at every step, and on a CPU zeroing their pages anew costs up to a quarter of the time.
"""

from __future__ import annotations

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> None:
    """Let this process keep up to its peak memory. Does nothing elsewhere than on glibc."""
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(_M_TOP_PAD, 64 << 20)
