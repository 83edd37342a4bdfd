"""Sums of rows in scratch, which weights with a zero point of their own call for (gemm_int8.py)."""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.emit.dot import dot_of
from pytflite.jit.ir import Function
from pytflite.jit.target import Target


def row_summer(target: Target) -> Callable[[Function, str, str], None]:
    """Writes the sums of rows, times a factor, behind them: for gemm.Form.finds."""
    dot = dot_of(target)
    lanes, element = target.lanes, f"i{8 * dot.width}"
    kind = f"<{lanes} x i32>"
    extend = "zext" if dot.unsigned else "sext"
    step = lanes * dot.width

    def write(f: Function, rows: str, count: str) -> None:
        whole = f.op(f"and i64 %sum_terms, -{step}")
        factor = f.op("trunc i64 %sum_factor to i32")
        with f.loop(0, count) as loop:
            row = f.at(rows, f.mul(loop.index, "%x_row"))
            with f.loop(0, whole, step, (kind, "zeroinitializer")) as inner:
                x = f.load(f"<{lanes} x {element}>", f.at(row, inner.index))
                x = f.op(f"{extend} <{lanes} x {element}> {x} to {kind}")
                inner.carry(f.op(f"add {kind} {inner.carried[0]}, {x}"))
            name = f"llvm.vector.reduce.add.v{lanes}i32"
            total = f.call("i32", name, f"{kind} {inner.results[0]}")
            with f.loop(whole, "%sum_terms", dot.width, ("i32", total)) as inner:
                x = f.op(f"{extend} {element} {f.load(element, f.at(row, inner.index))} to i32")
                inner.carry(f.op(f"add i32 {inner.carried[0]}, {x}"))
            f.store("i32", f.op(f"mul i32 {inner.results[0]}, {factor}"), f.at(row, "%sum_place"))

    return write
