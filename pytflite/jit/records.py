"""The layout of what the runner reads (emit/runner.py): offsets in bytes of words of 8.

A record is one call of a kernel: the addresses of the kernel and of its parameters, the number of
tiles, whether denormals are zero, and words that are free.

A job is where a run and its helpers meet:

    door        2^32 while helpers may come in, plus the number of those inside
    current     the record whose tiles are to be had; -1 when there are no more
    quit        not 0: helpers go home
    records, claims, scratch, stride, seats   of this run; helper n < seats works in
                scratch + n * stride

Claims are lines of memory: for each record one that counts the tiles which are done, then one for
each part of the tiles, which counts those that are claimed.
"""

from __future__ import annotations

import ctypes

from pytflite.jit.kernel import Kernel, kernel

RECORD = 64
KERNEL, PARAMETERS, TILES, FLUSH = 0, 8, 16, 24

JOB = 256
DOOR, CURRENT, QUIT = 0, 64, 128  # each written on a line of its own
RECORDS, CLAIMS, SCRATCH, STRIDE, SEATS = 192, 200, 208, 216, 224
OPEN = 1 << 32
PARTS, CLAIM = 8, 64
CLAIMED = CLAIM * (1 + PARTS)  # bytes of a record's claims

# The loops: in one thread, for the thread whose run it is, and for those that help.
SINGLE, LEADER, HELPER = (kernel(f"runner.{name}") for name in ("single", "leader", "helper"))
ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
RUNNERS = (SINGLE, LEADER, HELPER)


def runners(threads: int) -> tuple[Kernel, ...]:
    """Those that a program of so many threads needs."""
    return RUNNERS if threads > 1 else (SINGLE,)
