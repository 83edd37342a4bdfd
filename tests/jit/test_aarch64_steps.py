"""All kernels but products on AArch64, under emulation. Targets have the same code for them.

PYTFLITE_EMULATE=neon runs all of the lowerings' own tests there; these are some of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from tests.harness import single_op, tensor
from tests.jit.aarch64 import NEON, Case, hold, needs_emulator, of, scaled
from tests.ops.recurrent.lstm_models import Cell, sequence
from tests.ops.recurrent.test_rnn import sequence as sequence_rnn
from tests.ops.recurrent.test_svdf import svdf

pytestmark = needs_emulator

CASES: dict[str, Callable[[], Case]] = {}


def case(name: str, *arguments: Any, **options: Any) -> None:
    """Adds a row; what its maker takes besides."""
    maker, *rest = arguments
    assert name not in CASES
    CASES[name] = lambda: maker(*rest, **options)


# --- one by one, and in pairs -------------------------------------------------------------------


def elementwise(
    name: str, dtype: str, *shapes: tuple[int, ...], to: str = "", ulps: int = 0, **options: Any
) -> Case:
    """An operator whose inputs are broadcast."""
    scales = scaled(dtype, 0.3, 3 * (dtype == "INT8")) if options.pop("scales", False) else {}
    xs = [of(dtype, *s, seed=n) for n, s in enumerate(shapes)]
    out = np.broadcast_shapes(*shapes)
    if name in ("LOG", "SQRT", "RSQRT"):
        xs = [np.abs(x) + np.float32(0.1) for x in xs]
    outs: dict[str, Any] = {"scale": 0.9, "zero_point": -3 * (dtype == "INT8")} if scales else {}
    if name in ("LOGISTIC", "TANH") and scales:
        outs = {"scale": 2.0**-8 * (1 + (name == "TANH")), "zero_point": -128 * (name != "TANH")}
    model = single_op(name, [tensor(s, dtype, **scales) for s in shapes],
                      [tensor(out, to or dtype, **outs)], **options)  # fmt: skip
    return Case(model, tuple(xs), ulps)


for _name in (
    "ABS",
    "NEG",
    "SQUARE",
    "SQRT",
    "RSQRT",
    "FLOOR",
    "CEIL",
    "ROUND",
    "SIGN",
    "EXP",
    "TANH",
    "LOGISTIC",
    "HARD_SWISH",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "LEAKY_RELU",
    "ELU",
    "LOG",
):
    case(_name, elementwise, _name, "FLOAT32", (3, 37), ulps=2,
         **({"alpha": 0.25} if _name == "LEAKY_RELU" else {}))  # fmt: skip
for _name in ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
    case(_name, elementwise, _name, "FLOAT32", (2, 1, 70), (5, 1))
for _name in ("ADD", "SUB", "MUL", "MAXIMUM"):
    for _dtype in ("INT32", "INT64"):
        case(f"{_name} {_dtype}", elementwise, _name, _dtype, (4, 5, 7), (5, 1))
for _name in ("ADD", "SUB", "MUL"):
    for _dtype in ("INT8", "INT16"):
        case(f"{_name} {_dtype}", elementwise, _name, _dtype, (3, 37), (3, 37), scales=True)
        case(f"{_name} {_dtype} broadcast", elementwise, _name, _dtype, (2, 1, 70), (5, 1),
             scales=True)  # fmt: skip
for _name in ("LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU"):
    case(f"{_name} INT8", elementwise, _name, "INT8", (3, 37), scales=True)
for _dtype in ("FLOAT32", "INT8", "INT64"):
    case(f"LESS {_dtype}", elementwise, "LESS", _dtype, (2, 1, 70), (5, 1), to="BOOL")
case("LOGICAL_AND", elementwise, "LOGICAL_AND", "BOOL", (3, 37), (37,))
for _of, _to in (("FLOAT32", "INT32"), ("FLOAT32", "INT8"), ("INT8", "FLOAT32"), ("INT64", "BOOL"),
                 ("INT32", "FLOAT32"), ("UINT8", "INT16")):  # fmt: skip
    case(f"CAST {_of} {_to}", elementwise, "CAST", _of, (3, 41), to=_to)


def requantised(dtype: str, to: str, ratio: float) -> Case:
    """QUANTIZE and DEQUANTIZE, and from integers to integers."""
    name = "DEQUANTIZE" if to == "FLOAT32" else "QUANTIZE"
    model = single_op(
        name,
        [tensor((30, 41), dtype, **scaled(dtype, ratio, 0))],
        [tensor((30, 41), to, **scaled(to, 1.0 if dtype != "FLOAT32" else 0.05, 0))],
    )
    return Case(model, (of(dtype, 30, 41),))  # fmt: skip


for _of, _to in (("FLOAT32", "INT8"), ("FLOAT32", "UINT8"), ("FLOAT32", "INT16"),
                 ("INT8", "FLOAT32"), ("INT16", "FLOAT32"), ("INT8", "INT8"),
                 ("INT16", "INT8"), ("INT8", "INT16"), ("INT32", "INT8")):  # fmt: skip
    case(f"{_of} to {_to}", requantised, _of, _to, 0.7)


# --- rows, windows, moving ----------------------------------------------------------------------


def pooled(name: str, dtype: str, stride: int, padding: int) -> Case:
    """A pool of 3x2 windows."""
    shape = 2, 7, 9, 19
    sizes = [-(-s // stride) if padding == 0 else (s - f) // stride + 1
             for s, f in zip(shape[1:3], (3, 2), strict=True)]  # fmt: skip
    same = scaled(dtype, 0.1, 3 * (dtype != "INT16"))
    model = single_op(
        name, [tensor(shape, dtype, **same)], [tensor((2, *sizes, 19), dtype, **same)],
        filter_height=3, filter_width=2, stride_h=stride, stride_w=stride, padding=padding,
        fused_activation_function=1,
    )  # fmt: skip
    return Case(model, (of(dtype, *shape),), 4)


for _name in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
    for _dtype in ("FLOAT32", "INT8", "UINT8", "INT16"):
        case(f"{_name} {_dtype}", pooled, _name, _dtype, 2, 0)
        case(f"{_name} {_dtype} valid", pooled, _name, _dtype, 1, 1)


def softmax(dtype: str, columns: int) -> Case:
    """SOFTMAX of some rows."""
    out = scaled(dtype, 1 / 256, -128)
    model = single_op("SOFTMAX", [tensor((5, columns), dtype, **scaled(dtype, 0.1, 3))],
                      [tensor((5, columns), dtype, **out)], beta=0.7)  # fmt: skip
    return Case(model, (of(dtype, 5, columns),), 8)


for _dtype in ("FLOAT32", "INT8"):
    for _columns in (1, 10, 133):
        case(f"SOFTMAX {_dtype} {_columns}", softmax, _dtype, _columns)


def reduced(name: str, dtype: str, axes: list[int]) -> Case:
    """Over some axes."""
    shape = 3, 6, 5, 19
    left = tuple(1 if n in axes else s for n, s in enumerate(shape))
    scales = name in ("SUM", "MEAN") and dtype in ("INT8", "INT16")
    both = [scaled(dtype, s, 0) if scales else {} for s in (0.3, 0.4)]
    inputs = [tensor(shape, dtype, **both[0]), tensor(value=np.array(axes, np.int32))]
    model = single_op(name, inputs, [tensor(left, dtype, **both[1])], keep_dims=True)
    return Case(model, (of(dtype, *shape),), 40 if name in ("SUM", "MEAN") else 0)


for _name in ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN"):
    for _dtype in ("FLOAT32", "INT8", "INT16", "INT32"):
        case(f"{_name} {_dtype}", reduced, _name, _dtype, [1, 2])
        case(f"{_name} {_dtype} last", reduced, _name, _dtype, [3])


def moved(name: str, dtype: str, shape: tuple[int, ...], to: tuple[int, ...], *constants: Any,
          **options: Any) -> Case:  # fmt: skip
    """What only copies."""
    inputs = [tensor(shape, dtype), *(tensor(value=np.asarray(c, np.int32)) for c in constants)]
    return Case(single_op(name, inputs, [tensor(to, dtype)], **options), (of(dtype, *shape),))


_SLICED = {"begin_mask": 0, "end_mask": 2, "shrink_axis_mask": 0}
_MOVED: dict[str, tuple[Any, ...]] = {
    "TRANSPOSE": ((3, 5, 7), (7, 3, 5), [2, 0, 1]),
    "PAD": ((3, 5, 7), (6, 5, 10), [[1, 2], [0, 0], [3, 0]]),
    "SLICE": ((3, 5, 7), (2, 5, 4), [1, 0, 2], [2, 5, 4]),
    "STRIDED_SLICE": ((9, 21), (4, 7), [1, 0], [9, 21], [2, 3], _SLICED),
    "TILE": ((3, 7), (6, 21), [2, 3]),
    "BROADCAST_TO": ((3, 1), (2, 3, 19), [2, 3, 19]),
    "SPACE_TO_DEPTH": ((1, 4, 6, 5), (1, 2, 3, 20), {"block_size": 2}),
    "DEPTH_TO_SPACE": ((1, 2, 3, 20), (1, 4, 6, 5), {"block_size": 2}),
}
for _name, (_shape, _to, *_rest) in _MOVED.items():
    for _dtype in ("FLOAT32", "INT8"):
        case(f"{_name} {_dtype}", moved, _name, _dtype, _shape, _to,
             *(r for r in _rest if isinstance(r, list)),
             **(_rest[-1] if isinstance(_rest[-1], dict) else {}))  # fmt: skip


for _dtype in ("FLOAT32", "INT8", "INT16", "INT64"):
    for _shape in ((3, 70), (70, 3), (21, 37)):
        case(f"turned {_shape} {_dtype}", moved, "TRANSPOSE", _dtype, _shape, _shape[::-1], [1, 0])


def joined(name: str) -> Case:
    """CONCATENATION and PACK."""
    shapes = [(3, 5), (3, 7)] if name == "CONCATENATION" else [(3, 5)] * 2
    out = (3, 12) if name == "CONCATENATION" else (3, 2, 5)
    options: dict[str, Any] = {} if name == "CONCATENATION" else {"values_count": 2}
    model = single_op(name, [tensor(s, "INT8") for s in shapes], [tensor(out, "INT8")], axis=1,
                      **options)  # fmt: skip
    return Case(model, tuple(of("INT8", *s) for s in shapes))


def parted(name: str) -> Case:
    """SPLIT and UNPACK."""
    out = tensor((3, 2, 5) if name == "SPLIT" else (3, 5), "INT8")
    axis = [tensor(value=np.int32(1))] if name == "SPLIT" else []
    options: dict[str, Any] = {"num_splits": 2} if name == "SPLIT" else {"num": 4, "axis": 1}
    outs = [out] * (2 if name == "SPLIT" else 4)
    model = single_op(name, [*axis, tensor((3, 4, 5), "INT8")], outs, **options)
    return Case(model, (of("INT8", 3, 4, 5),))


case("CONCATENATION", joined, "CONCATENATION")
case("PACK", joined, "PACK")
case("SPLIT", parted, "SPLIT")
case("UNPACK", parted, "UNPACK")


def recurrent(weights: str, **kind: Any) -> Case:
    """An LSTM cell in a sequence of five steps."""
    model, x = sequence(Cell(weights, 2, 11, 21, **kind), 0, time=5, proj_clip=0.5)
    return Case(model, (x,), 0 if weights == "INTEGER" else 64)


for _weights in ("FLOAT32", "INT8", "INTEGER"):
    case(f"LSTM {_weights}", recurrent, _weights, outputs=21, coupled=True)
    case(f"LSTM {_weights} projected", recurrent, _weights, outputs=6, projection=True)


def filtered(kind: str) -> Case:
    """SVDF."""
    dtype = "INT8" if kind == "INTEGER" else "FLOAT32"
    model = svdf(np.random.default_rng(0), kind, (3, 11, 7, 2, 19))
    return Case(model, (of(dtype, 3, 11),), 0 if kind == "INTEGER" else 16)


for _kind in ("FLOAT32", "INT8", "INTEGER"):
    case(f"SVDF {_kind}", filtered, _kind)


def cyclic(kind: str) -> Case:
    """UNIDIRECTIONAL_SEQUENCE_RNN."""
    model, x = sequence_rnn(np.random.default_rng(0), kind, (2, 5, 7, 21))
    return Case(model, (x,), 64)


case("RNN FLOAT32", cyclic, "FLOAT32")


@pytest.mark.parametrize("name", CASES)
def test_step(name: str) -> None:
    hold(CASES[name](), NEON)
