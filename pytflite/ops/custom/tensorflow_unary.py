"""TensorFlow's operators of one input: each element of the output is a function of one element.

    output[i] = f(input[i])

The input has any shape, the output the same. Floats are FLOAT16 (computed in float32, rounded
once), FLOAT32 and FLOAT64; the table says which other types an operator takes. Softplus is
log(1 + exp(x)), Softsign x / (1 + |x|), Selu has its usual constants, Round and Rint round half
to even, Erf, Erfc, Lgamma and Digamma are computed in double. LeakyRelu has the attribute alpha.
Each is known as Flex*; those that TFLite has no builtin operator for under their own name, too
(but for Sinh, which LiteRT's guides have users register).
Source: TensorFlow (core/ops/math_ops.cc, nn_ops.cc).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.custom.options import number
from pytflite.ops.custom.tensorflow import attributes
from pytflite.ops.elementwise.pointwise import infer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

Function = Callable[[Array], Any]

_BLOCK = 1 << 14  # elements at a time: temporaries stay in the cache
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


class P(NamedTuple):
    """The function, and the type in which it is computed (None: the input's)."""

    function: Function
    kind: Any


def prepare(
    function: Function, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> P:
    """The function, with its attribute."""
    source = inputs[0]
    assert source is not None
    if function is _leaky_relu:
        alpha = number(node, "alpha", 0.2, options=attributes(node))
        function = partial(_leaky_relu, alpha=alpha)
    kind = np.float32 if source.dtype.name == "FLOAT16" else None
    return P(function, kind)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Some elements at a time."""
    source, out = inputs[0], outputs[0]
    if out is None:  # strings
        return [source.copy()]
    flat, into = source.reshape(-1), out.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        if p.kind is not None:
            part = part.astype(p.kind)
        into[start : start + _BLOCK] = p.function(part)
    return None


def in_double(function: Callable[[float], float], x: Array) -> Array:
    """A function of Python floats, one by one."""
    return np.fromiter(map(function, x.tolist()), np.float64, x.size)


def _lgamma(x: float) -> float:
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):  # a pole, or too large
        return math.inf


def _digamma(x: Array) -> Array:
    """Reflected to x > 0, brought above 8 by the recurrence, then the asymptotic series."""
    x = x.astype(np.float64)
    negative = x <= 0
    total = np.where(negative, -np.pi / np.tan(np.pi * x), 0.0)
    total = np.where(negative & (x == np.floor(x)), np.nan, total)
    x = np.where(negative, 1 - x, x)
    for _ in range(8):
        small = x < 8
        total -= np.where(small, 1 / x, 0.0)
        x = np.where(small, x + 1, x)
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (
        1 / 240 - square * (1 / 132 - square * 691 / 32760)))))  # fmt: skip
    return np.asarray(total + np.log(x) - 0.5 / x - series)


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small)).astype(x.dtype)


def _elu(x: Array) -> Any:
    return np.where(x < 0, np.expm1(np.minimum(x, 0)), x)


def _selu(x: Array) -> Any:
    kind = x.dtype.type
    return kind(_SELU_SCALE) * np.where(x < 0, kind(_SELU_ALPHA) * np.expm1(np.minimum(x, 0)), x)


def _leaky_relu(x: Array, alpha: float = 0.2) -> Any:
    return np.where(x > 0, x, x.dtype.type(alpha) * x)


def _relu6(x: Array) -> Any:
    return np.minimum(np.maximum(x, 0), x.dtype.type(6))


def _relu(x: Array) -> Any:
    return np.maximum(x, 0)


def _softplus(x: Array) -> Array:
    return np.asarray(np.logaddexp(x.dtype.type(0), x))


def _softsign(x: Array) -> Any:
    return x / (1 + np.abs(x))


def _rsqrt(x: Array) -> Any:
    return 1 / np.sqrt(x)


def _reciprocal(x: Array) -> Any:
    return 1 / x


def _round(x: Array) -> Any:
    return np.rint(x) if x.dtype.kind == "f" else x


def _same(x: Array) -> Array:
    return x


_F = "FLOAT16|FLOAT32|FLOAT64"
_I = "INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32|UINT64"
_C = "COMPLEX64|COMPLEX128"
_FLOATS, _REALS, _ALL = "T -> T", "R -> R", "A -> A"
_WHERE = {"T": _F, "R": f"{_F}|{_I}", "A": f"{_F}|{_I}|{_C}", "F": f"{_F}|{_C}", "X": "*"}
_TESTS = f"{_F} -> BOOL"

# Name, function, types, and whether it is known under its own name, too.
_TABLE: tuple[tuple[str, Function, str, bool], ...] = (
    ("Abs", np.abs, _REALS, False),
    ("Acos", np.arccos, "F -> F", True),
    ("Acosh", np.arccosh, "F -> F", True),
    ("Asin", np.arcsin, "F -> F", True),
    ("Asinh", np.arcsinh, "F -> F", True),
    ("Atan", np.arctan, "F -> F", True),
    ("Atanh", np.arctanh, "F -> F", True),
    ("Ceil", np.ceil, _FLOATS, False),
    ("Conj", np.conjugate, f"{_C} -> {_C}", True),
    ("Cos", np.cos, "F -> F", False),
    ("Cosh", np.cosh, "F -> F", True),
    ("Digamma", _digamma, _FLOATS, True),
    ("Elu", _elu, _FLOATS, False),
    ("Erf", partial(in_double, math.erf), _FLOATS, True),
    ("Erfc", partial(in_double, math.erfc), _FLOATS, True),
    ("Exp", np.exp, "F -> F", False),
    ("Expm1", np.expm1, "F -> F", True),
    ("Floor", np.floor, _FLOATS, False),
    ("Identity", _same, "X -> X", False),
    ("Inv", _reciprocal, "F -> F", True),
    ("Invert", np.invert, f"{_I} -> {_I}", True),
    ("IsFinite", np.isfinite, _TESTS, True),
    ("IsInf", np.isinf, _TESTS, True),
    ("IsNan", np.isnan, _TESTS, True),
    ("LeakyRelu", _leaky_relu, _FLOATS, False),
    ("Lgamma", partial(in_double, _lgamma), _FLOATS, True),
    ("Log", np.log, "F -> F", False),
    ("Log1p", np.log1p, "F -> F", True),
    ("LogicalNot", np.logical_not, "BOOL -> BOOL", False),
    ("Neg", np.negative, _ALL, False),
    ("OnesLike", np.ones_like, _ALL, True),
    ("PreventGradient", _same, "X -> X", True),
    ("Reciprocal", _reciprocal, "F -> F", True),
    ("Relu", _relu, _REALS, False),
    ("Relu6", _relu6, _REALS, False),
    ("Rint", np.rint, _FLOATS, True),
    ("Round", _round, _REALS, False),
    ("Rsqrt", _rsqrt, "F -> F", False),
    ("Selu", _selu, _FLOATS, True),
    ("Sigmoid", _sigmoid, _FLOATS, False),
    ("Sign", np.sign, _REALS, True),
    ("Sin", np.sin, "F -> F", False),
    ("Sinh", np.sinh, "F -> F", False),
    ("Softplus", _softplus, _FLOATS, True),
    ("Softsign", _softsign, _FLOATS, True),
    ("Sqrt", np.sqrt, "F -> F", False),
    ("Square", np.square, _ALL, False),
    ("StopGradient", _same, "X -> X", True),
    ("Tan", np.tan, "F -> F", True),
    ("Tanh", np.tanh, "F -> F", False),
    ("ZerosLike", np.zeros_like, _ALL, False),
)

_EXAMPLES = {
    "Erf": Example([[0.0, 1.0]], [[0.0, 0.8427007929497149]]),
    "Sign": Example([[-2.0, 0.0, 3.0]], [[-1.0, 0.0, 1.0]]),
    "Softplus": Example([[0.0, 1.0]], [[0.6931471805599453, 1.3132616875182228]]),
}

for _name, _function, _types, _plain in _TABLE:
    for _known_as in (f"Flex{_name}", _name) if _plain else (f"Flex{_name}",):
        define(
            _known_as,
            module=__name__,
            custom=True,
            signature=Signature(_types, **{k: v for k, v in _WHERE.items() if k in _types.split()}),
            infer=infer,
            prepare=partial(prepare, _function),
            eval=evaluate,
            rows_apart=True,
            tolerance=4,
            examples=(_EXAMPLES[_name],) if _name in _EXAMPLES and _known_as == _name else (),
        )
