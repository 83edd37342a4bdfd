"""RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL, MULTINOMIAL: where their stream stands is in a cell."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.kernel import kernel
from pytflite.jit.kernels.random import BLOCKS
from pytflite.jit.lowering.elements import lines
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import At, Slot, Work
from pytflite.ops.random.distributions import blocks_of, skipped
from pytflite.plan.plan import Step

_KERNELS = {"RANDOM_UNIFORM": "random.uniform", "RANDOM_STANDARD_NORMAL": "random.normal"}


@lowering("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL")
def shaped(step: Step, to: Lowering) -> Lowered:
    """As many blocks as fill the output."""
    size = step.output_specs[0].size
    at, blocks = _stream(step, to), blocks_of(size)
    code = kernel(_KERNELS[step.node.name])
    work = Work(code, (at, 3, to.output(step), size), tiles=-(-blocks // BLOCKS))
    return _drawn(work, at, blocks)


@lowering("MULTINOMIAL")
def multinomial(step: Step, to: Lowering) -> Lowered:
    """Rows of logits."""
    logits, output = step.input_specs[0], step.output_specs[0]
    assert logits is not None
    (batch, classes), count = logits.static, output.static[1]
    at = _stream(step, to)
    code = kernel("random.multinomial", index=str(output.dtype.storage))
    slots: tuple[Slot, ...] = (
        at, 3, to.input(step, 0), batch, classes, to.output(step), batch, count, classes,
    )  # fmt: skip
    work = Work(code, slots, tiles=batch, scratch=lines([8 * classes]))
    return _drawn(work, at, skipped(batch, count))


def _stream(step: Step, to: Lowering) -> At:
    prepared = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    return to.random(step, prepared)


def _drawn(work: Work, at: At, blocks: int) -> Sequence[Work]:
    """What draws, and what moves the stream."""
    return [work, Work(kernel("random.advance"), (at, 3, blocks))]
