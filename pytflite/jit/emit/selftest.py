"""Kernels that add and multiply, to find out whether a target works on this machine (trial.py)."""

from __future__ import annotations

from pytflite.jit.emit.dot import load_weights, multiply_add
from pytflite.jit.emit.gemm_amx import configuration, load_tile
from pytflite.jit.ir import Module
from pytflite.jit.target import Target

TILE = 1024  # bytes


def adds(module: Module, target: Target) -> None:
    """Slots: x, y. Adds 1 to 4 at x, one vector of float32, into y."""
    kind = f"<{target.lanes} x float>"
    f = module.kernel("ptr x", "ptr y")
    numbers = ", ".join(f"float {k % 4 + 1}.0" for k in range(target.lanes))
    table = module.constant(kind, f"<{numbers}>")
    total = f.op(f"fadd {kind} {f.load(kind, '%x')}, {f.load(kind, table)}")
    f.store(kind, total, "%y")


def multiplies(module: Module, target: Target) -> None:
    """Slots: x, weights, sums. Adds products of integers, a register of each (dot.py)."""
    f = module.kernel("ptr x", "ptr weights", "ptr sums")
    kind = f"<{target.lanes} x i32>"
    x, w = (load_weights(f, target, pointer, 0) for pointer in ("%x", "%weights"))
    f.store(kind, multiply_add(f, target, f.load(kind, "%sums"), x, w), "%sums")


def tiles(module: Module, target: Target) -> None:
    """Slots: x, weights, sums. Adds products in AMX's tiles: of integers, then of bfloat16."""
    f = module.kernel("ptr x", "ptr weights", "ptr sums")
    f.call("void", "llvm.x86.ldtilecfg", f"ptr {configuration(module)}")
    for number, name in enumerate(("tdpbusd", "tdpbf16ps")):
        at = number * TILE
        for tile, pointer in enumerate(("%sums", "%x", "%weights")):
            load_tile(f, tile, f.at(pointer, at), 64)
        f.call("void", f"llvm.x86.{name}", "i8 0", "i8 1", "i8 2")
        f.call("void", "llvm.x86.tilestored64", "i8 0", f"ptr {f.at('%sums', at)}", "i64 64")
    f.call("void", "llvm.x86.tilerelease")
