"""The loop that runs a program: kernel after kernel, in one call from Python.

A record is 64 bytes: address of the kernel, address of its parameters, number of tiles, and five
words that other runners use. `begin` and `end` say which records run. The first kernel with a
status other than 0 ends the run; the runner's own status is then that record's number, plus 1.
"""

from __future__ import annotations

from pytflite.jit.ir import Module
from pytflite.jit.target import Target

RECORD = 64
KERNEL, PARAMETERS, TILES = 0, 8, 16  # offsets of the words


def single(module: Module, target: Target) -> None:
    """All tiles in this thread. Slot: records."""
    f = module.kernel("ptr records")
    with f.loop("%begin", "%end") as loop:
        record = f.at("%records", f.mul(loop.index, RECORD))
        code = f.load("ptr", record, KERNEL, 8)
        parameters = f.load("ptr", record, PARAMETERS, 8)
        tiles = f.load("i64", record, TILES, 8)
        f.do(f"call void {code}(ptr {parameters}, i64 0, i64 {tiles}, ptr %scratch)")
        status = f.load("i64", parameters, 0, 8)
        with f.when(f.compare("ne", status, 0)):
            f.store("i64", f.add(loop.index, 1), "%parameters", 0, 8)
            f.do("ret void")
            f.dead()
