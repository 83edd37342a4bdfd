"""MatMul, BatchMatMul (V2, V3), Einsum: TensorFlow's products.

    MatMul(a, b)         a . b of matrices, each transposed on demand (transpose_a, transpose_b)
    BatchMatMul*(x, y)   x . y of the last two axes, each adjoint on demand (adj_x, adj_y):
                         transposed and, if complex, conjugated; leading axes broadcast
    Einsum(x ...)        the sum of products that `equation` writes: "bij,bjk->bik"; "..." stands
                         for leading axes, which broadcast

Floats (FLOAT16 summed in float32), integers, which wrap, and complex numbers, all of one type.
Source: TensorFlow (core/ops/math_ops.cc, linalg_ops.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from string import ascii_letters
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.broadcasting import broadcast_sizes
from pytflite.ops.custom.options import flag
from pytflite.ops.custom.tensorflow import attributes
from pytflite.ops.moving import check_present
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_LABELS = 30  # more than anybody uses; NumPy can loop over 32 axes


class P(NamedTuple):
    """Which operands are turned, and the type of the sums (None: the operands')."""

    turned: tuple[bool, bool]
    kind: Any


def infer(keys: tuple[str, str], node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Rows of the first, columns of the second."""
    shapes = []
    for number, (spec, key) in enumerate(zip(inputs, keys, strict=True)):
        assert spec is not None
        rank = spec.rank
        if rank is not None and (rank != 2 if key.startswith("transpose") else rank < 2):
            raise node.error(
                ShapeError, "the operand is no matrix", tensor=number, expected="two dimensions",
                found=list(spec.shape or ()),
            )  # fmt: skip
        turned = flag(node, key, False, options=attributes(node))
        shape = spec.shape
        if shape is not None and turned:
            shape = (*shape[:-2], shape[-1], shape[-2])
        shapes.append(shape)
    x, y = shapes
    if x is None or y is None:
        return (node.output(0, None),)
    if None not in (x[-1], y[-2]) and x[-1] != y[-2]:
        raise node.error(
            ShapeError, "the matrices do not fit", tensor=1, expected=f"{x[-1]} rows", found=y[-2]
        )
    leading = broadcast_sizes(node, [x[:-2], y[:-2]], [0, 1])
    return (node.output(0, (*(leading or ()), x[-2], y[-1])),)


def prepare(
    keys: tuple[str, str], node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> P:
    """The attributes."""
    given = attributes(node)
    turned = flag(node, keys[0], False, options=given), flag(node, keys[1], False, options=given)
    return P(turned, np.float32 if outputs[0].dtype.name == "FLOAT16" else None)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """NumPy's product."""
    x, y = (
        np.conjugate(a.swapaxes(-1, -2)) if turned else a
        for a, turned in zip(inputs, p.turned, strict=True)
    )
    if p.kind is not None:
        outputs[0][...] = np.matmul(x.astype(p.kind), y.astype(p.kind))
    else:
        np.matmul(x, y, out=outputs[0])


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each row, column, and element between them."""
    x = inputs[0]
    assert x is not None
    rows = max(1, outputs[0].static[-2])
    depth = x.size // max(1, math.prod(x.static[:-2])) // rows
    return Cost.of(outputs[0].size * depth, inputs, outputs)


class Equation(NamedTuple):
    """What an Einsum sums: each operand's labels, the output's, and the size of each label."""

    operands: tuple[str, ...]
    output: str
    sizes: dict[str, int | None]


def parse(node: Node, inputs: Sequence[Spec | None]) -> Equation | None:
    """The equation for operands of these ranks; None if a rank is not known yet.

    Raises:
        OptionError: it is no equation for so many operands. ShapeError: sizes do not fit it.
    """
    check_present(node, inputs)
    text = attributes(node).get("equation")
    text = text.replace(" ", "") if isinstance(text, str) else ""
    left, arrow, output = text.partition("->")
    operands = left.split(",")
    labels = text.replace("...", "").replace("->", "").replace(",", "")
    good = arrow and set(labels) <= set(ascii_letters) and len(operands) == len(inputs)
    if not good or any(term.count("...") > 1 for term in (*operands, output)):
        raise node.error(
            OptionError, "the equation makes no sense", found=text[:80],
            expected=f"letters and ..., for {len(inputs)} operands, and ->",
        )  # fmt: skip
    shapes = [spec.shape for spec in inputs if spec is not None]
    if any(shape is None for shape in shapes):
        return None
    return _sized(node, operands, output, [shape or () for shape in shapes])


def _sized(
    node: Node, operands: list[str], output: str, shapes: Sequence[tuple[int | None, ...]]
) -> Equation:
    named = set("".join(operands))
    free = [c for c in ascii_letters if c not in named]
    widths = [len(s) - len(t.replace("...", "")) for t, s in zip(operands, shapes, strict=True)]
    for number, (term, width) in enumerate(zip(operands, widths, strict=True)):
        if width < 0 or (width and "..." not in term) or width > len(free):
            raise node.error(
                ShapeError, "the equation has another number of dimensions", tensor=number,
                expected=term, found=list(shapes[number]),
            )  # fmt: skip
    # The axes that "..." stands for get names, the same ones counted from their end.
    terms = [
        t.replace("...", "".join(free[:w][::-1])) for t, w in zip(operands, widths, strict=True)
    ]
    widest = max((w for w, t in zip(widths, operands, strict=True) if "..." in t), default=0)
    output = output.replace("...", "".join(free[:widest][::-1]))
    sizes: dict[str, int | None] = {}
    for number, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for label, size in zip(term, shape, strict=True):
            known = sizes.setdefault(label, size)
            if known is None or (known == 1 and label in free):
                sizes[label] = size if size is not None else known
            elif size not in (known, None) and not (size == 1 and label in free):
                raise node.error(
                    ShapeError, "sizes do not fit the equation", tensor=number,
                    expected=f"{label} of size {known}", found=size,
                )  # fmt: skip
    if len(set(output)) != len(output) or not set(output) <= set(sizes) or len(sizes) > _LABELS:
        raise node.error(OptionError, "the equation's output makes no sense", found=output)
    return Equation(tuple(terms), output, sizes)


def infer_einsum(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The sizes of the output's labels."""
    equation = parse(node, inputs)
    if equation is None:
        return (node.output(0, None),)
    return (node.output(0, [equation.sizes[label] for label in equation.output]),)


def prepare_einsum(
    node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> tuple[Equation, Any]:
    """The equation, and the type of sums."""
    equation = parse(node, inputs)
    assert equation is not None
    return equation, np.float32 if outputs[0].dtype.name == "FLOAT16" else None


def evaluate_einsum(p: tuple[Equation, Any], inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """NumPy's einsum, where operands of size 1 along a label lose it."""
    equation, kind = p
    terms, arrays = [], []
    for term, array in zip(equation.operands, inputs, strict=True):
        kept = [d != 1 or equation.sizes[c] == 1 for c, d in zip(term, array.shape, strict=True)]
        terms.append("".join(c for c, keep in zip(term, kept, strict=True) if keep))
        shape = [d for d, keep in zip(array.shape, kept, strict=True) if keep]
        array = array.reshape(shape)
        arrays.append(array if kind is None else array.astype(kind))
    # Intermediate results are no larger than what there is anyway.
    most = max(outputs[0].size, *(array.size for array in arrays))
    text = ",".join(terms) + "->" + equation.output
    result: Array = np.einsum(text, *arrays, optimize=("greedy", most))
    outputs[0][...] = result


def cost_einsum(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for every combination of labels."""
    equation = parse(node, inputs)
    assert equation is not None
    macs = math.prod(size or 0 for size in equation.sizes.values())
    return Cost.of(macs, inputs, outputs)


_TYPES = (
    "FLOAT16|FLOAT32|FLOAT64|INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32|UINT64|COMPLEX64|COMPLEX128"
)
_KEYS = {
    "MatMul": ("transpose_a", "transpose_b"),
    "BatchMatMul": ("adj_x", "adj_y"),
    "BatchMatMulV2": ("adj_x", "adj_y"),
    "BatchMatMulV3": ("adj_x", "adj_y"),
}
for _name, _keys in _KEYS.items():
    define(
        f"Flex{_name}",
        module=__name__,
        custom=True,
        signature=Signature("T, T -> T", T=_TYPES),
        infer=partial(infer, _keys),
        prepare=partial(prepare, _keys),
        eval=evaluate,
        cost=cost,
        tolerance=16,
    )
for _name in ("Einsum", "FlexEinsum"):
    define(
        _name,
        module=__name__,
        custom=True,
        signature=Signature("T, T... -> T", T=_TYPES),
        infer=infer_einsum,
        prepare=prepare_einsum,
        eval=evaluate_einsum,
        cost=cost_einsum,
        tolerance=16,
        examples=(
            Example(
                [[[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]], [[17.0, 39.0]], {"equation": "ij,j->i"}
            ),
        )
        if _name == "Einsum"
        else (),
    )
