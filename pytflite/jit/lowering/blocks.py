"""Squares of pixels to channels or batch entries, and back."""

from __future__ import annotations

import itertools
from math import prod

import numpy as np

from pytflite.jit.lowering.copying import (
    Copy,
    all_works,
    copy_work,
    source_and_target,
    strides_of,
)
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.work import Slot
from pytflite.ops.arguments import constant_integers
from pytflite.plan.plan import Step

_MOST = 256  # copies


@lowering("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
def blocks(step: Step, to: Lowering) -> Lowered:
    """Squares of pixels to channels, and back."""
    source, target = source_and_target(step)
    size = int(step.node.options.block_size)
    deep = step.node.name == "SPACE_TO_DEPTH"
    batch, rows, columns, channels = target.static if deep else source.static
    if deep:
        channels //= size * size
    else:
        channels = target.static[3]
    # [batch, row, row in square, column, column in square, channel] where pixels are apart ...
    pixels = strides_of((batch, rows, size, columns, size, channels))
    # ... and the same axes where the pixels of a square are channels.
    b, r, c, i, j, k = strides_of((batch, rows, columns, size, size, channels))
    stacked = (b, r, i, c, j, k)
    sizes = (batch, rows, size, columns, size, channels)
    x, y = (pixels, stacked) if deep else (stacked, pixels)
    return copy_work(to.input(step, 0), to.output(step), Copy(sizes, x, y), source.dtype)


@lowering("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def batches(step: Step, to: Lowering) -> Lowered:
    """One copy for each place of a block: deep[place n + i, y] = wide[i, y block + place - before].

    What the wide tensor lacks there, its padding, is written first.
    """
    source, target = source_and_target(step)
    blocks, amounts = (constant_integers(step.node, step.input_specs, n) for n in (1, 2))
    if blocks is None or amounts is None:
        return RUN_TIME
    if prod(blocks) > _MOST:
        return f"compiled for blocks of at most {_MOST} places"
    to_batch = step.node.name == "SPACE_TO_BATCH_ND"
    wide, deep = (source, target) if to_batch else (target, source)
    wide_strides, deep_strides = strides_of(wide.static), strides_of(deep.static)
    m, batch = len(blocks), wide.static[0]
    works = []
    if to_batch and any(amounts):
        p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
        zero: Slot = np.full(1, p.zero, target.dtype.storage)
        fill = Copy((target.size,), (0,), (1,))
        works.append(copy_work(zero, to.output(step), fill, target.dtype))
    for number, place in enumerate(itertools.product(*map(range, blocks))):
        sizes, walk = [batch], [wide_strides[0]]
        wide_at, deep_at = 0, number * batch * deep_strides[0]
        for axis in range(1, m + 1):
            block, shift = blocks[axis - 1], place[axis - 1] - amounts[2 * axis - 2]
            first = max(0, -(shift // block))  # the least y with y block + shift >= 0
            last = min((wide.static[axis] - 1 - shift) // block, deep.static[axis] - 1)
            sizes.append(max(0, last + 1 - first))
            walk.append(wide_strides[axis] * block)
            wide_at += (first * block + shift) * wide_strides[axis]
            deep_at += first * deep_strides[axis]
        sizes += wide.static[m + 1 :]
        walk += wide_strides[m + 1 :]
        on_wide, on_deep = (tuple(walk), wide_at), (deep_strides, deep_at)
        (x, x_at), (y, y_at) = (on_wide, on_deep) if to_batch else (on_deep, on_wide)
        copy = Copy(tuple(sizes), x, y, x_at, y_at)
        works.append(copy_work(to.input(step, 0), to.output(step), copy, target.dtype))
    return all_works(works)
