"""Tabulation: the works of a plan as a program's tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from pytflite.jit.kernel import Kernel
from pytflite.jit.program import Tables
from pytflite.jit.records import FLUSH, RECORD
from pytflite.jit.work import At, Packed, Records, Upcoming, Work, once
from pytflite.model.graph import Array
from pytflite.plan.alignment import ALIGNMENT
from pytflite.plan.plan import Plan

# In which denormals are zero.
_PRODUCTS = ("gemm_", "direct_", "depthwise_", "lstm.", "rnn.", "svdf.")


def tabulate(plan: Plan) -> Tables | None:
    """The tables of a plan whose tensors have their places, or None if it has no native steps.

    Its steps are told which records are theirs.
    """
    works: list[Work] = []
    made: set[Hashable] = set()
    for step in plan.steps:
        if step.work is not None and not step.alias:
            own = once(step.work, made)
            step.records = len(works), len(works) + len(own)
            works += own
    if all(step.work is None for step in plan.steps):
        return None
    return _tables(works, {**plan.offsets, **plan.places})


def _tables(works: Sequence[Work], offsets: Mapping[int, int]) -> Tables:
    """The tables of works, in order, of tensors that lie at these offsets of the arena."""
    kernels: dict[Kernel, int] = {}
    rows: list[tuple[int, ...]] = []
    slots: list[int] = []
    relative: list[int] = []
    inner: list[int] = []
    constants: dict[int, Array] = {}
    weights: list[Array] = []  # of works
    upcoming: list[int] = []  # slots that wait for the next of these
    all_works = list(works)  # and behind them those that kernels run themselves
    for work in all_works:
        number = kernels.setdefault(work.kernel, len(kernels))
        flush = work.kernel.emitter.startswith(_PRODUCTS)
        rows.append((number, 8 * len(slots), work.tiles, flush))
        slots.append(0)
        known = len(weights)
        for slot in work.slots:
            value = slot.array if isinstance(slot, Packed) else slot
            if isinstance(value, At):
                relative.append(len(slots))
                slots.append(offsets[value.tensor] + value.offset)
            elif isinstance(value, Records):
                inner.append(len(slots))
                slots += [RECORD * len(all_works), len(value.works)]
                all_works += value.works
            elif isinstance(value, np.ndarray):
                array = constants[len(slots)] = np.require(value, requirements=["C", "A"])
                slots.append(0)
                if isinstance(slot, Packed) and len(weights) == known:  # the first of the work
                    weights.append(array)
                    constants.update(dict.fromkeys(upcoming, array))
                    upcoming.clear()
            elif isinstance(value, Upcoming):
                upcoming.append(len(slots))
                slots.append(0)
            else:
                slots.append(_word(value))
        slots += [0] * (-len(slots) % 8)  # threads write their status to lines of their own
    for first in weights[:1]:  # with which the next run begins
        constants.update(dict.fromkeys(upcoming, first))
    records = np.zeros((len(rows), RECORD // 8), np.int64)
    if rows:
        records[:, [0, 1, 2, FLUSH // 8]] = rows
    scratch = max((work.scratch for work in all_works), default=0)
    return Tables(
        kernels=tuple(kernels),
        works=len(works),
        records=records,
        slots=np.array(slots, np.int64),
        relative=np.array(relative, np.int64),
        inner=np.array(inner, np.int64),
        absolute=np.array(list(constants), np.int64),
        constants=tuple(constants.values()),
        scratch=-(-scratch // ALIGNMENT) * ALIGNMENT,
    )


def _word(slot: int | float | None) -> int:
    """The 8 bytes of a slot that holds a number."""
    if isinstance(slot, float):
        return int(np.float32(slot).view(np.uint32))
    return slot or 0
