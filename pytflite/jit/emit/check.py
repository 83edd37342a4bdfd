"""Refuses a tensor that has an element which its operator must refuse; it computes nothing.

The work that it stands before runs only if every element is as it should be: a status ends the
run, and NumPy's kernel says what is wrong.
"""

from __future__ import annotations

from pytflite.jit.emit.typed import BYTES, TYPES, widened
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

CHECK_BLOCK = 1 << 14
_REFUSED = 1  # status


def elements(module: Module, target: Target, dtype: str, how: str) -> None:
    """Slots: x, size, bound (int64). A tile is CHECK_BLOCK elements.

    Args:
        module, target: as ever.
        dtype: a type of emit/typed.py.
        how: "equal" or "less": than the bound, is refused.
    """
    f = module.kernel("ptr x", "i64 size", "i64 bound")
    memory, element = TYPES[dtype]
    item = BYTES[memory]
    lanes = target.vector // max(item, BYTES[element])
    start = f.mul("%begin", CHECK_BLOCK)
    end = f.min(f.mul("%end", CHECK_BLOCK), "%size")
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{lanes}"))
    for first, last, step in ((start, whole, lanes), (whole, end, 1)):
        bound = Vector(f, f.splat("i64", step, "%bound"), step, "i64").to(element)
        with f.loop(first, last, step, (f"<{step} x i1>", "zeroinitializer")) as loop:
            raw = f.load(f"<{step} x {memory}>", "%x", f.mul(loop.index, item))
            x = widened(Vector(f, raw, step, memory), dtype)
            found = x.equals(bound) if how == "equal" else x < bound
            loop.carry((Vector(f, loop.carried[0], step, "i1") | found).value)
        _refuse(f, loop.results[0], step)


def _refuse(f: Function, found: str, lanes: int) -> None:
    bits = f.op(f"bitcast <{lanes} x i1> {found} to i{lanes}")
    with f.when(f.compare("ne", bits, 0, f"i{lanes}")):
        f.store("i64", _REFUSED, "%parameters", 0, 8)
