"""A kernel that adds, to find out whether compiled kernels work on this machine at all."""

from __future__ import annotations

from pytflite.jit.ir import Module
from pytflite.jit.target import Target


def adds(module: Module, target: Target) -> None:
    """Slots: x, y. Adds 1 to 4 at x, one vector of float32, into y."""
    kind = f"<{target.lanes} x float>"
    f = module.kernel("ptr x", "ptr y")
    numbers = ", ".join(f"float {k % 4 + 1}.0" for k in range(target.lanes))
    table = module.constant(kind, f"<{numbers}>")
    total = f.op(f"fadd {kind} {f.load(kind, '%x')}, {f.load(kind, table)}")
    f.store(kind, total, "%y")
