"""Which outputs of a convolution are looked at: what a stride passes over is not computed.

A convolution of one tap and stride 2 sees a quarter of its input. Where nobody else reads that,
the convolution before it need not compute the rest; and if that has one tap as well, nor need the
one before. ResNets have such pairs at the end of each stage. The tensors keep their sizes: what
is not seen is not written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import gcd

from pytflite.model.dtypes import FLOAT32, INT8, UINT8
from pytflite.ops.registry import is_ours
from pytflite.plan.plan import Step

_ALL = (1, 1)
_TYPES = {FLOAT32, INT8, UINT8}


def mark(steps: Sequence[Step], outputs: Collection[int]) -> None:
    """Sets `seen` of steps, in order; outputs: tensors that are read after the run."""
    needs: dict[int, tuple[int, int]] = dict.fromkeys(outputs, _ALL)
    for step in reversed(steps):
        if _convolution(step) is not None:
            step.seen = needs.get(step.outputs[0], _ALL)
        for index, (rows, columns) in _looks(step):
            others = needs.get(index, (0, 0))
            needs[index] = gcd(rows, others[0]), gcd(columns, others[1])


def _convolution(step: Step) -> Step | None:
    """The convolution of floats or bytes that a step is, or has as its first part."""
    first = step
    while first.parts:
        first = first.parts[0]
    if first.node.name != "CONV_2D" or first.dynamic or not is_ours(first.definition):
        return None
    specs = *first.input_specs[:2], *step.output_specs
    types = {s.dtype for s in specs if s is not None}
    return first if len(types) == 1 and types <= _TYPES else None


def _looks(step: Step) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each input, and which of its rows and columns are looked at: every so many."""
    convolution = _convolution(step)
    for position, index in enumerate(step.inputs):
        if convolution is None:
            yield index, _ALL
        elif position < len(convolution.inputs):
            weights, options = convolution.input_specs[1], convolution.node.options
            assert weights is not None
            point = position == 0 and weights.shape is not None and weights.shape[1:3] == (1, 1)
            strides = options.stride_h, options.stride_w
            yield index, (strides[0] * step.seen[0], strides[1] * step.seen[1]) if point else _ALL
        else:  # what is added
            yield index, step.seen
