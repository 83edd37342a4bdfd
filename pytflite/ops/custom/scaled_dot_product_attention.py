"""odml.scaled_dot_product_attention: softmax(scale * q . k + mask) . v, for every head.

    weights[b, n, t, s] = scale * sum over h of q[b, t, n, h] * k[b, s, n // (heads/groups), h]
    output[b, t, n] = sum over s of softmax(weights + mask)[b, n, t, s] * v[b, s, n // ...]

q: [batch, t, heads, size], k: [batch, s, groups, size], v: [batch, s, groups, size_v], mask:
broadcasts to [batch, heads, t, s], output: [batch, t, heads, size_v]; all FLOAT32. The option
`scale` is 1 / sqrt(size) if it is missing or not positive.
Source: LiteRT (experimental/genai/sdpa.cc). Its CPU kernel is right where t is 1 or there is one
group (and a batch of 1): elsewhere it multiplies a transposed query as if it were not. It also
scales the query in place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ShapeError
from pytflite.ops.custom.options import number
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class P(NamedTuple):
    """Constants. weights: shape of those of one group: [heads of it, t, s]."""

    scale: np.float32
    groups: int
    weights: tuple[int, int, int]


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[batch, t, heads, size of v]."""
    q, k, v, mask = inputs
    assert q is not None and k is not None and v is not None and mask is not None
    for n, spec in enumerate((q, k, v, mask)):
        if spec.rank not in (4, None):
            raise node.error(
                ShapeError, "an input has the wrong number of dimensions", tensor=n, expected=4,
                found=list(spec.shape or ()),
            )  # fmt: skip
    if all(s.is_static for s in (q, k, v, mask)):
        _check(node, q, k, v, mask)
    batch, steps, heads, _ = q.shape or (None,) * 4
    size = None if v.shape is None else v.shape[3]
    return (node.output(0, (batch, steps, heads, size)),)


def _check(node: Node, q: Spec, k: Spec, v: Spec, mask: Spec) -> None:
    batch, steps, heads, size = q.static
    _, positions, groups, _ = k.static
    if groups < 1 or heads % groups or k.static != (batch, positions, groups, size):
        raise node.error(
            ShapeError, "keys do not fit the query", tensor=1,
            expected=f"[{batch}, s, a divisor of {heads}, {size}]", found=list(k.static),
        )  # fmt: skip
    if v.static[:3] != k.static[:3]:
        raise node.error(
            ShapeError, "values do not fit the keys", tensor=2,
            expected=[*k.static[:3], "any"], found=list(v.static),
        )  # fmt: skip
    weights = (batch, heads, steps, positions)
    if any(m not in (1, w) for m, w in zip(mask.static, weights, strict=True)):
        raise node.error(
            ShapeError, "the mask does not broadcast", tensor=3, expected=list(weights),
            found=list(mask.static),
        )  # fmt: skip


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Scale and sizes."""
    q, k = inputs[0], inputs[1]
    assert q is not None and k is not None
    _, steps, heads, size = q.static
    scale = number(node, "scale", 0.0)
    if scale <= 0:
        scale = 1 / math.sqrt(size) if size else 0.0
    groups = k.static[2]
    return P(np.float32(scale), groups, (heads // groups, steps, k.static[1]))


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Group by group of each batch element."""
    q, k, v, mask = inputs
    out = outputs[0]
    if not out.size:
        return
    each, steps, positions = p.weights
    weights = run.scratch(p.weights, np.float32)
    for b in range(q.shape[0]):
        added = mask[b if mask.shape[0] > 1 else 0]
        for g in range(p.groups):
            heads = slice(g * each, (g + 1) * each)
            query = (q[b, :, heads] * p.scale).swapaxes(0, 1)  # [each, t, size]
            flat = weights.reshape(each * steps, positions)
            np.matmul(query.reshape(each * steps, -1), k[b, :, g].T, out=flat)
            weights += added[heads] if added.shape[0] > 1 else added
            if positions:
                weights -= weights.max(axis=-1, keepdims=True)
            np.exp(weights, out=weights)
            weights /= weights.sum(axis=-1, keepdims=True)
            found = (flat @ v[b, :, g]).reshape(each, steps, -1)
            out[b, :, heads] = found.swapaxes(0, 1)


def scratch(p: P) -> int:
    """Bytes of the weights of a group."""
    return 4 * math.prod(p.weights)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Two products of matrices for each head."""
    q, k = inputs[0], inputs[1]
    assert q is not None and k is not None
    macs = (q.size + outputs[0].size) * k.static[1]
    return Cost.of(macs, inputs, outputs)


define(
    "odml.scaled_dot_product_attention",
    module=__name__,
    custom=True,
    signature=Signature("FLOAT32, FLOAT32, FLOAT32, FLOAT32 -> FLOAT32"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    scratch=scratch,
    tolerance=16,
    examples=(
        Example(
            [
                [[[[1.0, 0.0]]]],
                [[[[5.0, 1.0]], [[5.0, 2.0]]]],
                [[[[1.0]], [[3.0]]]],
                [[[[0.0, 0.0]]]],
            ],
            [[[[[2.0]]]]],
        ),
    ),
)
