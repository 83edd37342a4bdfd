"""NON_MAX_SUPPRESSION_V4, NON_MAX_SUPPRESSION_V5: the best boxes that do not overlap much.

    candidates: boxes with score > score_threshold, the best first
    a candidate is dropped if its overlap with a selected box is >= iou_threshold
    with sigma > 0, its score is multiplied by exp(-overlap^2 / (2*sigma)) for each selected box;
    if that changed it, it goes back among the candidates (while > score_threshold)
    otherwise it is selected

Inputs: boxes FLOAT32 [n, 4] (two opposite corners: y, x, y, x), scores FLOAT32 [n], then scalars:
max_output_size INT32, iou_threshold, score_threshold, and for V5 sigma, FLOAT32. Outputs: indices
INT32 [max_output_size], for V5 their scores, and how many they are; the rest is 0.

Equal scores come in the order in which the reference's heap yields them (heaps.py). As in the
reference, a selected box is compared once more, with itself: one without area does not overlap
even itself, and is selected again and again.
Source: NON_MAX_SUPPRESSION_V4, NON_MAX_SUPPRESSION_V5 (kernels/non_max_suppression.cc,
internal/reference/non_max_suppression.h).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import DataError, ShapeError, TFLiteError
from pytflite.model.graph import Array
from pytflite.ops.arguments import constant_integers
from pytflite.ops.detection import heaps
from pytflite.ops.detection.boxes import Boxes, boxes_of, choose, overlaps
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_BLOCK = 128  # boxes that are compared with those selected at once


class Thresholds(NamedTuple):
    """What a run is given beside boxes and scores."""

    iou: float
    score: float
    sigma: float  # 0: overlapping boxes are dropped, none is only weakened


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[max_output_size], but for the count."""
    boxes, scores = inputs[0], inputs[1]
    assert boxes is not None and scores is not None
    for number, scalar in enumerate(inputs[2:], 2):
        assert scalar is not None
        if scalar.shape:
            raise node.error(
                ShapeError,
                "an argument is no scalar",
                tensor=number,
                expected="rank 0",
                found=f"shape {list(scalar.shape)}",
            )
    _check_shapes(node, boxes.shape, scores.shape)
    most = constant_integers(node, inputs, 2, count=1)
    size = None if most is None else _checked(node, most[0], ShapeError)
    last = len(node.outputs) - 1
    return (*(node.output(n, [size]) for n in range(last)), node.output(last, ()))


def _check_shapes(
    node: Node,
    boxes: Sequence[int | None] | None,
    scores: Sequence[int | None] | None,
) -> None:
    if boxes is not None and (len(boxes) != 2 or boxes[1] not in (4, None)):
        raise node.error(
            ShapeError, "these are no boxes", tensor=0, expected="[boxes, 4]", found=list(boxes)
        )
    wanted = boxes[0] if boxes is not None else None
    if scores is not None and (
        len(scores) != 1 or (None not in (scores[0], wanted) and scores[0] != wanted)
    ):
        raise node.error(
            ShapeError,
            "there is not one score for each box",
            tensor=1,
            expected=f"[{'boxes' if wanted is None else wanted}]",
            found=list(scores),
        )


def _checked(node: Node, most: int, kind: type[TFLiteError]) -> int:
    if most < 0:
        raise node.error(
            kind, "max_output_size is negative", tensor=2, expected="0 or more", found=most
        )
    return most


def evaluate(p: None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """V4 and V5; V4 has neither sigma nor scores."""
    boxes, scores = inputs[0], inputs[1]
    scalars = [scalar.reshape(-1)[0].item() for scalar in inputs[2:]]
    most = _checked(run.node, scalars[0], DataError)
    limits = Thresholds(scalars[1], scalars[2], scalars[3] if len(scalars) > 3 else 0.0)
    if limits.sigma < 0:
        raise run.node.error(
            DataError, "sigma is negative", tensor=5, expected="0 or more", found=limits.sigma
        )
    selected, kept = select(boxes, scores, most, limits)
    count = len(selected)
    filled = []
    values: tuple[Any, ...] = (selected, kept, count) if len(inputs) > 5 else (selected, count)
    for place, value, dtype in zip(outputs, values, _types(len(values)), strict=True):
        target = run.empty((most,), dtype) if place is None else place
        if target.ndim:
            target[:count], target[count:] = value, 0
        else:
            target[...] = value
        filled.append(target)
    return None if all(place is not None for place in outputs) else filled


def _types(count: int) -> tuple[type, ...]:
    return (np.int32, np.float32, np.int32) if count == 3 else (np.int32, np.int32)


def select(
    corners: Array, scores: Array, most: int, limits: Thresholds
) -> tuple[list[int], list[float]]:
    """The selected boxes, and their scores at last."""
    candidates = np.flatnonzero(scores > np.float32(limits.score))
    most = min(most, candidates.size)
    if not most:
        return [], []
    y, x = corners[candidates, 0::2], corners[candidates, 1::2]
    low, high = (np.stack([f(y, axis=1), f(x, axis=1)], 1) for f in (np.min, np.max))
    boxes = boxes_of(np.concatenate([low, high], 1))
    values: list[float] = scores[candidates].tolist()
    if limits.sigma > 0:
        chosen, kept = _weaken(boxes, values, most, limits)
    else:
        chosen = _drop(boxes, values, most, limits)
        kept = [values[i] for i in chosen]
    return candidates[chosen].tolist(), kept


def _drop(boxes: Boxes, scores: list[float], most: int, limits: Thresholds) -> list[int]:
    """Overlapping boxes are dropped."""
    threshold = np.float32(limits.iou)
    if len(set(scores)) < len(scores):
        return _drop_by_heap(boxes, scores, most, threshold)
    order = np.argsort(scores)[::-1]
    chosen: list[int] = order[choose(boxes.part(order), most, np.greater_equal, threshold)].tolist()
    area = boxes.area[chosen]
    itself = np.where(area > 0, area / (area + area - area), np.float32(0))
    again = np.flatnonzero(~(itself >= threshold))  # also where it is no number
    if again.size:
        first = int(again[0])
        chosen[first + 1 :] = [chosen[first]] * (most - first - 1)
    return chosen


def _drop_by_heap(boxes: Boxes, scores: list[float], most: int, threshold: np.float32) -> list[int]:
    """The same where scores are equal: what has been selected goes back and changes the order.

    The heap decides among equal scores only, so boxes are compared in blocks by their score.
    """
    keys = np.asarray(scores)
    order = np.argsort(-keys, kind="stable")
    ranked, rank = boxes.part(order), np.argsort(order)
    first = np.searchsorted(-keys[order], -keys)  # rank of the first box with this box's score
    dropped = np.zeros(len(scores), np.bool_)  # by rank
    opened = 0  # so many have been compared with all that are chosen
    queue = heaps.Heap(scores)
    chosen: list[int] = []
    while queue and len(chosen) < most:
        box = queue.pop()
        if rank[box] >= opened:
            block = slice(opened, int(rank[box]) + _BLOCK)
            for at in range(0, len(chosen), _BLOCK):
                over = overlaps(boxes.part(chosen[at : at + _BLOCK]), ranked.part(block))
                dropped[block] |= (over >= threshold).any(axis=0)
            opened = block.stop
        if not dropped[rank[box]]:
            chosen.append(box)
            block = slice(int(first[box]), opened)
            dropped[block] |= overlaps(boxes.part([box]), ranked.part(block))[0] >= threshold
            queue.append(box)
    return chosen


def _weaken(
    boxes: Boxes, scores: list[float], most: int, limits: Thresholds
) -> tuple[list[int], list[float]]:
    """Overlapping boxes lose score; `scores` are changed."""
    scale = np.float32(-0.5 / limits.sigma)
    compared = [0] * len(scores)  # with so many of the chosen ones
    queue = heaps.Heap(scores)
    chosen: list[int] = []
    kept: list[float] = []
    while queue and len(chosen) < most:
        box = queue.pop()
        score = scores[box]
        for overlap, factor in _with(boxes, box, chosen[compared[box] :][::-1], scale):
            if overlap >= limits.iou:
                score = -math.inf  # dropped
                break
            if factor == 1.0:
                continue
            score = float(np.float32(score * factor))
            if score <= limits.score:
                break
        compared[box] = len(chosen)
        if score == scores[box]:
            chosen.append(box)
            kept.append(score)
        if score > limits.score:
            scores[box] = score
            queue.append(box)
    return chosen, kept


def _with(
    boxes: Boxes, box: int, others: list[int], scale: np.float32
) -> Iterable[tuple[float, float]]:
    """Overlaps of a box with others, and what they multiply its score with, in float32."""
    if not others:
        return ()
    found = overlaps(boxes.part([box]), boxes.part(others))[0]
    factors = np.exp((scale * found * found).astype(np.float64)).astype(np.float32)
    return zip(found.tolist(), factors.tolist(), strict=True)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Every box is compared with every one that is selected."""
    boxes = inputs[0]
    assert boxes is not None
    count = boxes.static[0]
    return Cost(16 * count * min(count, outputs[0].size), boxes.nbytes)


_BOXES = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.9], [5.0, 5.0, 6.0, 6.0]]
_V4 = [_BOXES, [0.9, 0.8, 0.7], np.array(3, np.int32), 0.5, 0.0]

define(
    "NON_MAX_SUPPRESSION_V4",
    module=__name__,
    options="NonMaxSuppressionV4Options",
    signature=Signature("FLOAT32, FLOAT32, INT32, FLOAT32, FLOAT32 -> INT32, INT32"),
    infer=infer,
    eval=evaluate,
    cost=cost,
    examples=(Example(_V4, [np.array([0, 2, 0], np.int32), np.array(2, np.int32)]),),
)
define(
    "NON_MAX_SUPPRESSION_V5",
    module=__name__,
    options="NonMaxSuppressionV5Options",
    signature=Signature(
        "FLOAT32, FLOAT32, INT32, FLOAT32, FLOAT32, FLOAT32 -> INT32, FLOAT32, INT32"
    ),
    infer=infer,
    eval=evaluate,
    cost=cost,
    tolerance=4,
    examples=(
        Example(
            [*_V4, 0.0],
            [np.array([0, 2, 0], np.int32), [0.9, 0.7, 0.0], np.array(2, np.int32)],
        ),
    ),
)
