"""Kernels that do nothing but multiply and add in registers: what this CPU can do at most.

Slots: where the sums go, so that none is left out as useless; and how many rounds. `_INSTRUCTIONS`
independent sums a round are more than any CPU has under way at once.
"""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.emit.dot import dot_of, multiply_add, operand
from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

_INSTRUCTIONS = 12


def float32(module: Module, target: Target) -> None:
    """Multiplications and additions of float32."""
    kind = f"<{target.lanes} x float>"

    def step(f: Function, total: str, x: str, y: str) -> str:
        return Floats(f, target).multiply_add(x, y, total)

    _rounds(module, target, kind, step)


def int8(module: Module, target: Target) -> None:
    """Products of 8-bit integers, as emit/dot.py has them."""
    kind = f"<{target.lanes} x i32>"

    def step(f: Function, total: str, x: str, y: str) -> str:
        return multiply_add(f, target, total, x, y)

    _rounds(module, target, kind, step, operand(target))


def products(target: Target, kind: str) -> int:
    """Multiply-accumulates of one round."""
    group = dot_of(target).group if kind == "int8" else 1
    return _INSTRUCTIONS * target.lanes * group


def _rounds(
    module: Module, target: Target, kind: str,
    step: Callable[[Function, str, str, str], str], operand: str = "",
) -> None:  # fmt: skip
    f = module.kernel("ptr sums", "i64 rounds")
    x = f.load(operand or kind, "%sums", 0)
    y = f.load(operand or kind, "%sums", target.vector)
    first = [(kind, f.load(kind, "%sums", target.vector * (2 + n))) for n in range(_INSTRUCTIONS)]
    with f.loop(0, "%rounds", 1, *first) as loop:
        loop.carry(*(step(f, total, x, y) for total in loop.carried))
    for n, total in enumerate(loop.carried):
        f.store(kind, total, "%sums", target.vector * (2 + n))
