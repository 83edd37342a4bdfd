"""SignalFilterBank: the energy of a spectrum in channels that overlap by halves.

    W[c] = sum over j < widths[c] of weights[weight_starts[c] + j] * input[starts[c] + j]
    U[c] = the same with unweights
    output[c - 1] = W[c] + U[c - 1],  c = 1 .. channels

input UINT32 [bins], weights and unweights INT16 [any], starts, weight_starts and widths INT16
[channels + 1]; output UINT64 [channels], where channels is the option num_channels. Sums wrap.
Source: custom operator of TensorFlow Lite Micro (signal/src/filter_bank.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import DataError, LimitError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import integer
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_TABLES = range(1, 6)
_MOST_TERMS = 1 << 22  # small tables can describe far more than any filter bank has


class Bank(NamedTuple):
    """The channels, laid out one after the other.

    Attributes:
        bins: which element of the input each term takes.
        factors: of each term, weights and unweights, UINT64 [2, terms].
        ends: where the terms of each channel end, from 0 on.
    """

    bins: Array
    factors: Array
    ends: Array


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[channels]."""
    channels = integer(node, "num_channels", least=0, most=(1 << 15) - 1)
    lengths = [vector_length(node, inputs, number) for number in range(6)]
    for number, expected in ((2, lengths[1]), *((n, channels + 1) for n in (3, 4, 5))):
        if None not in (lengths[number], expected) and lengths[number] != expected:
            raise node.error(
                ShapeError, "a table of the filter bank has the wrong size", tensor=number,
                expected=expected, found=lengths[number],
            )  # fmt: skip
    return (node.output(0, (channels,)),)


def bank(node: Node, bins: int, tables: Sequence[Array]) -> Bank:
    """The channels that the tables describe.

    Raises:
        DataError: one reaches beyond the input or the weights.
        LimitError: all of them together are too wide.
    """
    starts, at, widths = (table.astype(np.int64) for table in tables[2:])
    widths = np.maximum(widths, 0)
    for number, first, limit in ((3, starts, bins), (4, at, tables[0].size)):
        used = widths > 0
        if ((first < 0) | (first + widths > limit))[used].any():
            raise node.error(
                DataError, "a channel of the filter bank reaches too far", code="data.index",
                tensor=number, expected=f"within {limit}",
            )  # fmt: skip
    ends = np.concatenate([[0], np.cumsum(widths)])
    if ends[-1] > _MOST_TERMS:
        raise node.error(
            LimitError, "the channels of the filter bank are too wide", code="limit.memory",
            expected=f"at most {_MOST_TERMS} terms", found=int(ends[-1]),
        )  # fmt: skip
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], widths)
    places = np.repeat(at, widths) + within
    factors = np.stack([tables[0][places], tables[1][places]]).astype(np.int64)
    return Bank(np.repeat(starts, widths) + within, factors.view(np.uint64), ends)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Bank | None:
    """The channels, if all tables are constant."""
    tables: list[Any] = [inputs[number] for number in _TABLES]
    assert inputs[0] is not None
    if any(table.value is None for table in tables):
        return None
    return bank(node, inputs[0].size, [table.value for table in tables])


def evaluate(p: Bank | None, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Running sums of all terms; their differences are the channels'."""
    if p is None:
        p = bank(run.node, inputs[0].size, [inputs[number] for number in _TABLES])
    sums = np.zeros((2, p.bins.size + 1), np.uint64)
    np.cumsum(inputs[0][p.bins].astype(np.uint64) * p.factors, 1, out=sums[:, 1:])
    weighted, unweighted = np.diff(sums[:, p.ends], axis=1)
    np.add(weighted[1:], unweighted[:-1], out=outputs[0])


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Two products for each weight."""
    source, weights = inputs[0], inputs[1]
    assert source is not None and weights is not None
    return Cost(2 * weights.size, source.nbytes + outputs[0].nbytes)


define(
    "SignalFilterBank",
    module=__name__,
    custom=True,
    signature=Signature("UINT32, INT16, INT16, INT16, INT16, INT16 -> UINT64"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    examples=(
        Example(
            [
                np.array([1, 10, 100, 1000], np.uint32),
                *(np.array(t, np.int16) for t in ([3, 1, 2], [1, 3, 2], [0, 1], [0, 1], [1, 2])),
            ],
            [np.array([1 * 1 + 1 * 10 + 2 * 100], np.uint64)],
            {"num_channels": 1},
        ),
    ),
)
