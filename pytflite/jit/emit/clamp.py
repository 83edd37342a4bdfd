"""y = min(max(x, low), high) of float32: RELU and its kin.

A tile is a block of 4096 elements.
"""

from __future__ import annotations

from pytflite.jit.ir import Module
from pytflite.jit.target import Target

BLOCK = 4096


def float32(module: Module, target: Target) -> None:
    """Slots: x, y, size, low, high. NaN passes."""
    lanes = target.lanes
    vector = f"<{lanes} x float>"
    f = module.kernel("ptr x", "ptr y", "i64 size", "float low", "float high")
    low, high = f.splat("float", lanes, "%low"), f.splat("float", lanes, "%high")

    def clamp(kind: str, x: str, low: str, high: str, bits: str) -> str:
        x = f.op(f"select {bits} {f.op(f'fcmp olt {kind} {x}, {low}')}, {kind} {low}, {kind} {x}")
        return f.op(
            f"select {bits} {f.op(f'fcmp ogt {kind} {x}, {high}')}, {kind} {high}, {kind} {x}"
        )

    start = f.mul("%begin", BLOCK)
    end = f.min(f.mul("%end", BLOCK), "%size")
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{lanes}"))
    with f.loop(start, whole, lanes) as loop:
        at = f.mul(loop.index, 4)
        y = clamp(vector, f.load(vector, "%x", at), low, high, f"<{lanes} x i1>")
        f.store(vector, y, "%y", at)
    with f.loop(whole, end) as loop:
        at = f.mul(loop.index, 4)
        f.store("float", clamp("float", f.load("float", "%x", at), "%low", "%high", "i1"), "%y", at)
