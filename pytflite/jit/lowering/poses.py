"""PosenetDecoderOp."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.kernels.poses import KEYPOINTS, REACHED
from pytflite.jit.lowering.elements import lines
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import Work
from pytflite.ops.custom.posenet_decoder import NEIGHBOURS, P, least_odds
from pytflite.plan.plan import Step


@lowering("PosenetDecoderOp")
def posenet(step: Step, to: Lowering) -> Lowered:
    """One kernel for all; one thread runs it."""
    p: P = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    specs = [s for s in step.input_specs if s is not None]
    if len(specs) > 3:
        return "compiled without masks"
    if not specs[0].size:
        return "compiled for tensors with elements"
    scales = np.array(p.scales, np.float64).astype(np.float32).reshape(-1)
    first = np.cumsum([0, *map(len, NEIGHBOURS)])
    edges = np.array([edge for edges in NEIGHBOURS for edge in edges], np.int64)
    places = specs[0].size
    most = min(p.most, places)
    numbers = np.array([p.threshold, p.radius**2, p.stride], np.float64)
    shapes = (
        (places,), (places,), (2,), (REACHED, 3), (REACHED,), (REACHED,), (most, KEYPOINTS, 2),
        (most + 1, KEYPOINTS), (most,), (most,),
    )  # fmt: skip
    maps = [n for k, s in enumerate(specs) for n in (to.input(step, k), *s.static[1:])]
    room = step.output_specs[2].size
    slots = (
        *maps, scales, scales.size, float(least_odds(p)), numbers, 3, first, first.size, edges,
        *edges.shape, *(size for shape in shapes for size in shape), to.output(step, 0), room,
        KEYPOINTS, 2, to.output(step, 1), room, KEYPOINTS, to.output(step, 2), room,
        to.output(step, 3), 1,
    )  # fmt: skip
    sizes = [4 * places, *(8 * prod(shape) for shape in shapes[1:])]
    names = dict(zip(("heat", "short", "mid"), (str(s.dtype.storage) for s in specs), strict=True))
    return [Work(kernel("poses.decode", **names), slots, scratch=lines(sizes))]
