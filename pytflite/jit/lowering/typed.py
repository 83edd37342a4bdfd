"""Elementwise expressions of any types (emit/typed.py): what the lowerings that use them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytflite.jit.emit.typed import TYPES
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.broadcast import TOO_MANY, layout
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import BFLOAT16, DType
from pytflite.ops.fixed_point import scaling
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step


class Operand(NamedTuple):
    """An array: its slot, its shape, and the name of its type."""

    slot: Slot
    shape: Shape
    type: str


Number = int | float


def type_name(dtype: DType) -> str | None:
    """How emit/typed.py calls a type; None if it has no such numbers."""
    name = str(dtype.storage)
    return name if name in TYPES and dtype is not BFLOAT16 and "FLOAT8" not in dtype.name else None


def bits_name(dtype: DType) -> str | None:
    """The same for elements that are only moved."""
    name = f"bits{8 * dtype.storage.itemsize}"
    return name if name in TYPES else None


def unknown(*dtypes: DType) -> str:
    """Says that there is nothing for these types."""
    return f"there is no compiled kernel for {' and '.join(dict.fromkeys(d.name for d in dtypes))}"


def input_operand(step: Step, to: Lowering, position: int) -> Operand | None:
    """An input of the step; None if its type is unknown."""
    spec = step.input_specs[position]
    assert spec is not None
    name = type_name(spec.dtype)
    return None if name is None else Operand(to.input(step, position), spec.static, name)


def typed_pass(
    expression: str, step: Step, to: Lowering, operands: Sequence[Operand], result: str,
    numbers: Sequence[Number] = (),
) -> Lowered:  # fmt: skip
    """The work of an expression of operands, which are broadcast to the output, and numbers.

    Args:
        expression: x0, x1 ... are the operands, followed by the numbers.
        result: name of the output's type.
    """
    sizes = [int(TYPE_BYTES[o.type]) for o in operands]
    found = layout(
        step, to, [(o.slot, o.shape, size) for o, size in zip(operands, sizes, strict=True)]
    )
    if found is None:
        return TOO_MANY
    kinds = "".join("k" if isinstance(n, float) else "n" for n in numbers)
    types = [o.type for o in operands]
    types += ["float32" if isinstance(n, float) else "int64" for n in numbers]
    code = kernel(
        "typed.apply", expression=expression, types=" ".join(types), result=result,
        **found.settings(kinds),
    )  # fmt: skip
    return [*found.before, Work(code, (*found.slots, *numbers), tiles=found.tiles)]


_BITS = {"half": 16, "float": 32}
TYPE_BYTES = {name: (_BITS.get(m) or int(m[1:])) // 8 for name, (m, _) in TYPES.items()}


def scaled_by(m: int, shift: int, left: int = 0) -> tuple[int, int, int, int, int]:
    """Numbers of `rescaled`: fixed_point.shift_and_multiply by 2^left and (m, shift)."""
    exponent = left + shift - 1
    if m == 1 << 30 and exponent >= 0 >= shift:
        return exponent, 1, 0, 0, 0
    found = scaling(m, shift)
    return left + max(shift, 0), m, int(found.nudge), int(found.negative), int(found.right)


def divided_by(power: int) -> tuple[int, int, int, int, int]:
    """Numbers of `rescaled`: fixed_point.divide_by_pot."""
    return (0, 1, 1 << (power - 1), -1, power) if power else (0, 1, 0, 0, 0)
