"""TensorFlow's elementwise operators (ops/custom/tensorflow_unary.py, tensorflow_binary.py) as
expressions of emit/elementwise.py, on float32."""

from __future__ import annotations

from pytflite.ops.custom.options import number
from pytflite.ops.custom.tensorflow import attributes
from pytflite.ops.spec import Node

_SAME = (
    "abs neg square sqrt rsqrt floor ceil sign exp tanh log elu sin cos softplus softsign selu "
    "reciprocal add sub mul squared_difference"
)
# Name without Flex -> an expression of "{0}" and "{1}".
_TABLE = {
    **{
        "".join(part.capitalize() for part in name.split("_")): name for name in _SAME.split()
    },
    "AddV2": "add", "Inv": "reciprocal", "RealDiv": "div", "Div": "div", "Round": "round",
    "Rint": "round", "Sigmoid": "logistic", "Pow": "power", "Atan2": "atan2", "atan2": "atan2",
}  # fmt: skip
_LIMITED = {"Relu": "at_least({0}, {a})", "Relu6": "clamp({0}, {a}, {b})"}
_BINARY = frozenset({
    "Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "SquaredDifference",
    "Pow", "Atan2", "atan2",
})  # fmt: skip


def expression(node: Node) -> tuple[str, tuple[float, ...]] | None:
    """The expression of an operator and its numbers; None if there is none."""
    name = node.name.removeprefix("Flex")
    if name in _LIMITED:
        return _LIMITED[name], (0.0, 6.0)[: 1 + (name == "Relu6")]
    if name == "LeakyRelu":
        alpha = number(node, "alpha", 0.2, options=attributes(node))
        return "leaky_relu({0}, {a})", (float(alpha),)
    function = _TABLE.get(name)
    if function is None:
        return None
    return f"{function}({{0}}, {{1}})" if name in _BINARY else f"{function}({{0}})", ()
