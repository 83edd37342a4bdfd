"""Elementwise operators: in float32 one by one or as chains that are computed in one pass; in
integers by tables.

An operator is an expression of its inputs (emit/elementwise.py has the names); a chain is the
expressions of its operators one after the other. Each rounds as it would alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.broadcast import TOO_MANY, layout
from pytflite.jit.lowering.registry import MODULES, Lowered, Lowering, lowering
from pytflite.jit.lowering.sums import PRODUCTS, product_and_sum
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import FLOAT32
from pytflite.ops.activation import bounds
from pytflite.ops.catalogue import CUSTOM_MODULES
from pytflite.ops.elementwise.power import is_whole
from pytflite.ops.registry import is_ours
from pytflite.ops.spec import Node, Shape
from pytflite.plan.plan import Step

_INFINITY = float("inf")
_MOST = 32  # inputs

_UNARY = {
    "ABS": "abs", "NEG": "neg", "SQUARE": "square", "SQRT": "sqrt", "RSQRT": "rsqrt",
    "FLOOR": "floor", "CEIL": "ceil", "ROUND": "round", "SIGN": "sign", "EXP": "exp",
    "TANH": "tanh", "LOGISTIC": "logistic", "HARD_SWISH": "hard_swish", "ELU": "elu", "LOG": "log",
    "SIN": "sin", "COS": "cos",
    **dict.fromkeys(("Bsign", "LceBsign", "LqceBsign"), "bsign"),
}  # fmt: skip
_CLAMPED = {
    "RELU": (0.0, _INFINITY),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}
_BINARY = {
    "ADD": "add", "SUB": "sub", "MUL": "mul", "DIV": "div", "MAXIMUM": "maximum",
    "MINIMUM": "minimum", "SQUARED_DIFFERENCE": "squared_difference", "PRELU": "prelu",
    "ATAN2": "atan2", "FLOOR_MOD": "floor_mod",
}  # fmt: skip
_REFUSING = ("DIV", "FLOOR_DIV", "FLOOR_MOD", "POW")  # some numbers
_POWERS = {0.5: "root({0})", -0.5: "reciprocal(root({0}))", -1.0: "reciprocal({0})"}
_FUSED = frozenset({"ADD", "SUB", "MUL", "DIV"})  # those with a fused activation


class Expression(NamedTuple):
    """What an operator computes: "{0}", "{1}" are its inputs, "{a}" and "{b}" its numbers."""

    text: str
    numbers: tuple[float, ...] = ()


def expression_of(step: Step) -> Expression | None:
    """The expression of an elementwise operator on float32, or None if it is none."""
    specs = [s for s in (*step.input_specs, *step.output_specs) if s is not None]
    make = _EXPRESSIONS.get(step.node.name)
    if any(s.dtype is not FLOAT32 for s in specs) or not is_ours(step.definition):
        return None
    if step.node.name == "POW":
        return _power(step)
    if make is None and step.definition.name in CUSTOM_MODULES:
        from pytflite.jit.lowering.tensorflow import expression

        found = expression(step.node)
        return None if found is None else Expression(*found)
    return None if make is None else make(step.node)


def _power(step: Step) -> Expression | None:
    """A whole power is a product; NumPy looks at single exponents, constant or not."""
    base, exponent = step.input_specs
    assert base is not None and exponent is not None
    if exponent.size != 1 or base.shape == exponent.shape:
        return Expression("power({0}, {1})")
    if exponent.value is None:
        return None
    number = float(exponent.value.reshape(-1)[0])
    if is_whole(exponent.value):
        return Expression(f"whole_power({{0}}, {int(number)})")
    return Expression(_POWERS.get(number, "power({0}, {1})"))


def _clamped(text: str, low: float | None, high: float | None) -> Expression:
    """min(max(text, low), high)."""
    if low is None:
        return Expression(text)
    if high is None or high == _INFINITY:
        return Expression(f"at_least({text}, {{a}})", (float(low),))
    return Expression(f"clamp({text}, {{a}}, {{b}})", (float(low), float(high)))


def _binary(node: Node) -> Expression:
    text = f"{_BINARY[node.name]}({{0}}, {{1}})"
    return _clamped(text, *bounds(node)) if node.name in _FUSED else Expression(text)


def sum_of(terms: Sequence[str]) -> str:
    """The terms added from left to right."""
    return reduce(lambda total, term: f"add({total}, {term})", terms)


_EXPRESSIONS: dict[str, Callable[[Node], Expression]] = {
    **dict.fromkeys(_UNARY, lambda node: Expression(f"{_UNARY[node.name]}({{0}})")),
    **dict.fromkeys(_CLAMPED, lambda node: _clamped("{0}", *_CLAMPED[node.name])),
    **dict.fromkeys(_BINARY, _binary),
    "ADD_N": lambda node: Expression(sum_of([f"{{{n}}}" for n in range(len(node.inputs))])),
    "GELU": lambda node: Expression(
        f"gelu{'_approximate' * bool(node.options.approximate)}({{0}})"
    ),
    "LEAKY_RELU": lambda node: Expression(
        "leaky_relu({0}, {a})", (float(node.options.alpha),)
    ),
}  # fmt: skip


@lowering(*MODULES["elementwise"].split())
def elementwise(step: Step, to: Lowering) -> Lowered:
    """One pass over the output, for a step or for the parts of a fused one."""
    if len(step.inputs) > _MOST:
        return f"compiled for at most {_MOST} inputs"
    if step.parts and step.parts[0].node.name in PRODUCTS:
        return product_and_sum(step, to)
    if expression_of(step) is None:
        if step.node.name in CUSTOM_MODULES and step.node.name not in _EXPRESSIONS:
            return "compiled for FLOAT32 alone"
        # Models of floats start without these.
        from pytflite.jit.lowering.integers import arithmetic
        from pytflite.jit.lowering.tables import by_pairs, by_table

        if step.parts:
            return by_table(step, to)
        if step.node.name in _REFUSING:
            from pytflite.jit.lowering.division import division

            return division(step, to)
        if (found := arithmetic(step, to)) is not None:
            return found
        return by_pairs(step, to) if step.node.name in _BINARY else by_table(step, to)
    operands: list[tuple[Slot, Shape]] = []
    numbers: list[float] = []
    names: dict[int, str] = {}  # of tensors that are read, or computed on the way
    lines: list[str] = []
    for part in step.parts or (step,):
        expression = expression_of(part)
        if expression is None:
            return "compiled for FLOAT32 alone"
        for position, index in enumerate(part.inputs):
            spec = part.input_specs[position]
            assert spec is not None
            if index not in names:
                names[index] = f"x{len(operands)}"
                operands.append((to.input(part, position), spec.static))
        letters = {
            letter: f"k{len(numbers) + n}"
            for n, (letter, _) in enumerate(zip("ab", expression.numbers, strict=False))
        }
        numbers += expression.numbers
        text = expression.text.format(*(names[i] for i in part.inputs), **letters)
        names[part.outputs[0]] = f"t{len(lines)}"
        lines.append(f"{names[part.outputs[0]]} = {text}")
    lines[-1] = text
    whole = re.sub(r"\bk(\d+)", lambda m: f"x{len(operands) + int(m[1])}", "; ".join(lines))
    return one_pass(whole, step, to, operands, numbers)


def one_pass(
    text: str, step: Step, to: Lowering, operands: Sequence[tuple[Slot, Shape]],
    numbers: Sequence[float],
) -> Lowered:  # fmt: skip
    """The work of an expression of operands, which are broadcast to the output, and numbers."""
    found = layout(step, to, [(slot, shape, 4) for slot, shape in operands])
    if found is None:
        return TOO_MANY
    code = kernel("elementwise.float32", expression=text, **found.settings("k" * len(numbers)))
    return [*found.before, Work(code, (*found.slots, *numbers), tiles=found.tiles)]
