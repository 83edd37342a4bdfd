"""Kernels that run other kernels: loops and choices, whose works are records of the same program.

All tiles of those are done in this thread. If one of them refuses its data, so does the whole.
"""

from __future__ import annotations

from pytflite.jit.emit.runner import Modes, call_record, record_at
from pytflite.jit.ir import Function, Module
from pytflite.jit.records import PARAMETERS, TILES
from pytflite.jit.target import Target

_REFUSED = 1


def loop(module: Module, target: Target) -> None:
    """While the records of the condition make `value` true, those of the body.

    Slots: both with their numbers; the value, one byte; `left`, two integers, work and steps,
    from which each call takes its own; and the most iterations. Where anything of that is used up
    the data is refused.
    """
    f = module.kernel(
        "ptr condition", "i64 conditions", "ptr body", "i64 bodies", "ptr value", "ptr left",
        "i64 most", "i64 work", "i64 steps", "i64 body_work", "i64 body_steps",
    )  # fmt: skip
    modes = Modes(f, target)
    with f.loop(0, "%most"):
        _take(f, "%work", "%steps")
        _run(f, modes, "%condition", "%conditions")
        ends = f.compare("eq", f.load("i8", "%value"), 0, "i8")
        with f.when(ends):
            f.do("ret void")
            f.dead()
        _take(f, "%body_work", "%body_steps")
        _run(f, modes, "%body", "%bodies")
    f.store("i64", _REFUSED, "%parameters", 0, 8)


def choice(module: Module, target: Target, boolean: bool) -> None:
    """The records of one of several branches.

    Slots: the index, an i32, of which any that is out of range means the last (or a byte, if
    `boolean`: 1 for what is not 0); what is left of work and steps; how many branches there are; of
    each the records, their number, and what it takes.
    """
    f = module.kernel("ptr index", "ptr left", "i64 branches")
    modes = Modes(f, target)
    if boolean:
        chosen = f.op(f"zext i1 {f.compare('ne', f.load('i8', '%index'), 0, 'i8')} to i64")
    else:
        index = f.op(f"zext i32 {f.load('i32', '%index', 0, 4)} to i64")  # negative: out of range
        chosen = f.min(index, f.sub("%branches", 1))
    branch = f.at(f.at("%parameters", 8 * 4), f.mul(chosen, 32))
    _take(f, *(f.load("i64", branch, offset, 8) for offset in (16, 24)))
    _run(f, modes, f.load("ptr", branch, 0, 8), f.load("i64", branch, 8, 8))


def _take(f: Function, work: str, steps: str) -> None:
    """Takes from what is left; refuses if that is not enough."""
    for offset, amount in ((0, work), (8, steps)):
        left = f.sub(f.load("i64", "%left", offset, 8), amount)
        f.store("i64", left, "%left", offset, 8)
        _refuse_if(f, f.compare("slt", left, 0))


def _run(f: Function, modes: Modes, records: str, count: str) -> None:
    """Runs records in order; refuses if one does."""
    with f.loop(0, count) as each:
        record = record_at(f, records, each.index)
        call_record(f, modes, record, 0, f.load("i64", record, TILES, 8), "%scratch")
        status = f.load("ptr", record, PARAMETERS, 8)
        refused = f.compare("ne", f.load("i64", status, 0, 8), 0)
        with f.when(refused):
            f.store("i64", 0, status, 0, 8)  # the runner knows of ours alone
        _refuse_if(f, refused)


def _refuse_if(f: Function, condition: str) -> None:
    with f.when(condition):
        f.store("i64", _REFUSED, "%parameters", 0, 8)
        f.do("ret void")
        f.dead()
