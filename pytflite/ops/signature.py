"""Which tensor types an operator takes, as rows of a table.

A row reads like `"T, INT32|INT64, T? -> T"`: types by name, `|` between alternatives, `*` for
any; a variable (one capital letter) stands for one type throughout the row, out of those listed
for it; `?` marks an input that may be left out, `...` (on the last) any number of further ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytflite.errors import DTypeError, ModelError
from pytflite.model.dtypes import BY_NAME, DType
from pytflite.ops.spec import Node, Spec


class Slot:
    """One position of a row."""

    __slots__ = ("optional", "repeated", "types", "variable")

    def __init__(self, text: str, variables: Mapping[str, frozenset[DType] | None]) -> None:
        text = text.strip()
        self.repeated = text.endswith("...")
        text = text.removesuffix("...")
        self.optional = text.endswith("?") or self.repeated
        text = text.removesuffix("?")
        self.variable = text if text in variables else None
        if self.variable is not None:
            self.types = variables[text]
        else:
            self.types = _types(text)

    def accepts(self, dtype: DType, bound: dict[str, DType]) -> bool:
        """Whether the type fits, given (and extending) what the variables stand for."""
        if self.types is not None and dtype not in self.types:
            return False
        if self.variable is not None:
            return bound.setdefault(self.variable, dtype) is dtype
        return True


def _types(text: str) -> frozenset[DType] | None:
    """The named types; None for any."""
    if text == "*":
        return None
    return frozenset(BY_NAME[name.strip()] for name in text.split("|"))


class Row:
    """One combination of types."""

    __slots__ = ("inputs", "outputs", "text")

    def __init__(self, text: str, variables: Mapping[str, frozenset[DType] | None]) -> None:
        self.text = text
        left, right = text.split("->")
        self.inputs = tuple(Slot(s, variables) for s in left.split(",") if s.strip())
        self.outputs = tuple(Slot(s, variables) for s in right.split(",") if s.strip())

    def matches(self, inputs: Sequence[DType | None], outputs: Sequence[DType | None]) -> bool:
        """Whether an operator with these types is of this row."""
        bound: dict[str, DType] = {}
        return self.takes(inputs, bound) and _match(self.outputs, outputs, bound)

    def takes(self, inputs: Sequence[DType | None], bound: dict[str, DType]) -> bool:
        """Whether inputs are of this row; `bound` learns what the variables then stand for."""
        return _match(self.inputs, inputs, bound)


def _match(slots: Sequence[Slot], found: Sequence[DType | None], bound: dict[str, DType]) -> bool:
    if len(found) > len(slots):
        if not slots or not slots[-1].repeated:
            return False
        slots = [*slots, *[slots[-1]] * (len(found) - len(slots))]
    for slot, dtype in zip(slots, found, strict=False):
        if dtype is None:
            if not slot.optional:
                return False
        elif not slot.accepts(dtype, bound):
            return False
    return all(slot.optional for slot in slots[len(found) :])


class Signature:
    """The table of an operator.

    Args:
        rows: as above.
        where: the types that each variable may stand for ("FLOAT32|INT8", or "*" for any).
    """

    __slots__ = ("rows", "where")

    def __init__(self, *rows: str, **where: str) -> None:
        self.where = where
        variables = {name: _types(types) for name, types in where.items()}
        self.rows = tuple(Row(row, variables) for row in rows)

    def check(self, node: Node, inputs: Sequence[Spec | None]) -> None:
        """Refuses an operator whose inputs and outputs fit no row.

        Raises:
            ModelError: too few or too many inputs or outputs.
            DTypeError: types that no row has.
        """
        found = [None if s is None else s.dtype for s in inputs]
        declared = [None if t is None else t.dtype for t in node.outputs]
        if any(row.matches(found, declared) for row in self.rows):
            return
        counts_fit = any(
            _arity(row.inputs, len(found)) and _arity(row.outputs, len(declared))
            for row in self.rows
        )
        text = f"{_text(found)} -> {_text(declared)}"
        if not counts_fit:
            raise node.error(
                ModelError,
                "wrong number of inputs or outputs",
                code="op.arity",
                expected=self.describe(),
                found=f"{len(found)} inputs, {len(declared)} outputs",
            )
        raise node.error(
            DTypeError, "types do not fit the operator", expected=self.describe(), found=text
        )

    def describe(self) -> str:
        """The table as a line."""
        where = "; ".join(
            f"{name} any" if types == "*" else f"{name} in {types}"
            for name, types in self.where.items()
        )
        return " or ".join(row.text for row in self.rows) + (f" with {where}" if where else "")


def _arity(slots: Sequence[Slot], count: int) -> bool:
    least = sum(not slot.optional for slot in slots)
    return count >= least and (count <= len(slots) or bool(slots and slots[-1].repeated))


def _text(types: Sequence[DType | None]) -> str:
    return ", ".join("-" if t is None else str(t) for t in types)
