"""RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL, MULTINOMIAL: a Philox stream from (seed, seed2).

    RANDOM_UNIFORM(shape):          float32 in [0, 1)
    RANDOM_STANDARD_NORMAL(shape):  float32 of mean 0 and variance 1
    MULTINOMIAL(logits [b, c], n):  INT32 or INT64 [b, n]; class k with probability softmax(logits)

The position in the stream is state: each evaluation goes on where the last one ended (MULTINOMIAL
skips a fixed generous amount, as TensorFlow does). Of the seeds 32 bits count; with both 0 each
interpreter draws seeds of its own. Source: kernels/random_ops.cc.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import DataError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.random.generators import counters, normals, philox, unit_doubles, unit_floats
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

_MASK = 2**64 - 1


class Stream(NamedTuple):
    """Which stream an operator draws from."""

    key: Any  # its name in the state
    seed: int
    seed2: int


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Stream:
    """The seeds, as the int32 that LiteRT keeps of them."""
    seed, seed2 = (
        (s + (1 << 31)) % (1 << 32) - (1 << 31) for s in (node.options.seed, node.options.seed2)
    )
    return Stream(("RANDOM", node.subgraph, node.index), seed, seed2)


def beginning(p: Stream) -> Array:
    """Where a stream stands at first, uint64 [3]: its key, and the number of the next block of four
    words, lower half first. The second seed is the upper half."""
    seeds = p.seed, p.seed2
    if seeds == (0, 0):
        seeds = int.from_bytes(os.urandom(8)), int.from_bytes(os.urandom(8))
    return np.array([seeds[0] & _MASK, 0, seeds[1] & _MASK], np.uint64)


def blocks_of(words: int) -> int:
    """Blocks that have so many words."""
    return -(-words // 4)


def draw(p: Stream, run: Run, words: int, skip_blocks: int | None = None) -> Array:
    """The next words of a stream, uint32 [words]; the position in the state moves on.

    Args:
        skip_blocks: how far to move, if not by what was drawn.
    """
    at = run.state.resources.get(p.key)
    key, low, high = (beginning(p) if at is None else at).tolist()
    start, blocks = high << 64 | low, blocks_of(words)
    after = start + (blocks if skip_blocks is None else skip_blocks)
    run.state.resources[p.key] = np.array([key, after & _MASK, after >> 64 & _MASK], np.uint64)
    numbers = philox((key & 0xFFFFFFFF, key >> 32), counters(start, blocks, 4, 128))
    return numbers.reshape(-1)[:words]


def infer_shaped(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape that the input spells out."""
    shape = inputs[0]
    assert shape is not None
    if shape.rank not in (1, None):
        raise node.error(
            ShapeError, "the shape has to be a vector", tensor=0, found=list(shape.shape or ())
        )
    if shape.value is None:
        rank = shape.shape[0] if shape.shape is not None else None
        return (node.output(0, None if rank is None else [None] * rank),)
    wanted = shape.value.tolist()
    if any(d < 0 for d in wanted):
        raise node.error(ShapeError, "a size is negative", tensor=0, found=wanted)
    return (node.output(0, wanted),)


def _place(inputs: Inputs, outputs: Outputs, run: Run) -> Array:
    """The output array, made now if its shape comes from data."""
    if outputs[0] is not None:
        given: Array = outputs[0]
        return given
    shape: Shape = tuple(inputs[0].tolist())
    if any(d < 0 for d in shape):
        raise run.node.error(DataError, "a size is negative", tensor=0, found=list(shape))
    return run.empty(shape, np.float32)


def eval_uniform(p: Stream, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Uniform numbers in [0, 1)."""
    out = _place(inputs, outputs, run)
    out[...] = unit_floats(draw(p, run, out.size)).reshape(out.shape)
    return [out]


def eval_normal(p: Stream, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Normal numbers, in pairs."""
    out = _place(inputs, outputs, run)
    words = draw(p, run, out.size + out.size % 2)
    out[...] = normals(words)[: out.size].reshape(out.shape)
    return [out]


def infer_multinomial(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[batch, samples]."""
    logits, samples = inputs
    assert logits is not None and samples is not None
    if logits.rank not in (2, None) or (logits.is_static and logits.static[1] == 0):
        raise node.error(
            ShapeError, "logits have to be [batch, classes] with at least one class", tensor=0,
            found=logits.shape,
        )  # fmt: skip
    if samples.is_static and samples.size != 1:
        raise node.error(
            ShapeError, "the number of samples has to be a scalar", tensor=1, found=samples.shape
        )
    batch = logits.shape[0] if logits.shape is not None else None
    count = None if samples.value is None else int(samples.value.reshape(-1)[0])
    if count is not None and count < 0:
        raise node.error(ShapeError, "the number of samples is negative", tensor=1, found=count)
    return (node.output(0, (batch, count)),)


def skipped(batch: int, count: int) -> int:
    """Blocks by which the stream of MULTINOMIAL moves: TensorFlow's bound on what a sampler might
    draw. (Of each sample two words are used.)"""
    return batch * (-(-count // 4) * 4) * 2 * 256


def eval_multinomial(p: Stream, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Inverts the cumulative distribution of each row at uniform numbers."""
    logits = inputs[0]
    count = int(inputs[1].reshape(-1)[0])
    if count < 0 or logits.ndim != 2 or logits.shape[1] == 0:
        raise run.node.error(
            DataError, "logits or the number of samples are illegal",
            expected="[batch, classes], and at least 0 samples",
            found=f"{list(logits.shape)}, {count}",
        )  # fmt: skip
    out = outputs[0]
    if out is None:
        tensor = run.node.outputs[0]
        assert tensor is not None
        out = run.empty((logits.shape[0], count), tensor.dtype.storage)
    words = draw(p, run, 2 * logits.shape[0] * count, skip_blocks=skipped(logits.shape[0], count))
    uniform = unit_doubles(words[0::2], words[1::2]).reshape(out.shape)
    finite = np.isfinite(logits)
    lowest = np.finfo(np.float32).min
    top = np.where(finite, logits, lowest).max(1, keepdims=True).astype(np.float64)
    terms = np.where(finite, np.exp(np.where(finite, logits, 0).astype(np.float64) - top), 0.0)
    cumulative = np.cumsum(terms, 1)
    for row in range(logits.shape[0]):
        wanted = uniform[row] * cumulative[row, -1]
        out[row] = np.searchsorted(cumulative[row], wanted, side="right")
    return [out]


for _name, _eval in (
    ("RANDOM_UNIFORM", eval_uniform),
    ("RANDOM_STANDARD_NORMAL", eval_normal),
):
    define(
        _name,
        module=__name__,
        options="RandomOptions",
        signature=Signature("INT32 -> FLOAT32"),
        infer=infer_shaped,
        prepare=prepare,
        eval=_eval,
        pure=False,
        tolerance=4,
    )
define(
    "MULTINOMIAL",
    module=__name__,
    options="RandomOptions",
    signature=Signature("FLOAT32, INT32 -> INT32|INT64"),
    infer=infer_multinomial,
    prepare=prepare,
    eval=eval_multinomial,
    pure=False,
)
