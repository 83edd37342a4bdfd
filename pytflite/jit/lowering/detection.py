"""TFLite_Detection_PostProcess, NON_MAX_SUPPRESSION_V4, NON_MAX_SUPPRESSION_V5."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.kernels import keys
from pytflite.jit.lowering.elements import lines
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import DType
from pytflite.ops.detection.postprocess import P
from pytflite.ops.quantized import PerTensor
from pytflite.plan.plan import Step

_BETWEEN = 1e-30, 1e30  # scales that keep all bytes apart


@lowering("TFLite_Detection_PostProcess")
def detection(step: Step, to: Lowering) -> Lowered:
    """One kernel for all; one thread runs it."""
    p: P = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    encodings, scores, anchors = (s for s in step.input_specs if s is not None)
    threshold = _least(scores.dtype, p.quantized[1], p.score_threshold)
    if threshold is None:
        return "compiled for thresholds and scales that are neither NaN nor extreme"
    _, count, classes = scores.static
    each = min(p.max_detections, count)
    if p.regular:
        each = min(each, p.detections_per_class)
    numbers = np.array(
        [*p.scales, *(n for q in p.quantized for n in ((q.zero_point, q.scale) if q else (0, 1)))],
        np.float32,
    )
    room = step.output_specs[1].size
    slots: list[Slot] = [
        to.input(step, 0), count, encodings.static[2], to.input(step, 1), count, classes,
        to.input(step, 2), count, 4, numbers, numbers.size, threshold, float(p.iou_threshold),
        p.num_classes, count, 4, count, count, each, to.output(step, 0), room, 4,
        to.output(step, 1), room, to.output(step, 2), room, to.output(step, 3), 1,
    ]  # fmt: skip
    scratch = [16 * count, 4 * count, 4 * count, 4 * each]
    if p.regular:
        most = min(p.max_detections, each * p.num_classes)
        slots += [most]
        scratch += [4 * most]
    else:
        slots += [p.num_classes, p.num_classes, p.max_classes_per_detection]
        scratch += [4 * p.num_classes] * 2
    code = kernel(
        f"detection.{'regular' if p.regular else 'fast'}",
        encoding=_name(encodings.dtype), score=_name(scores.dtype), anchor=_name(anchors.dtype),
        key="keys.number" if scores.dtype.is_float else "keys.plain",
    )  # fmt: skip
    return [Work(code, tuple(slots), scratch=lines(scratch))]


def _name(dtype: DType) -> str:
    return str(dtype.storage)


def _least(dtype: DType, quantized: PerTensor | None, threshold: np.float32) -> int | None:
    """The least key of a score that reaches the threshold; None if keys do not tell."""
    if np.isnan(threshold):
        return None
    if quantized is None:
        return int(keys.float32(threshold.view(np.int32)))
    if not _BETWEEN[0] < quantized.scale < _BETWEEN[1]:
        return None
    info = np.iinfo(dtype.storage)
    values = np.arange(info.min, info.max + 1)
    real = (values.astype(np.float32) - np.float32(quantized.zero_point)) * np.float32(
        quantized.scale
    )
    reached = values[real >= threshold]
    return int(reached[0]) if reached.size else info.max + 1


@lowering("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5")
def suppression(step: Step, to: Lowering) -> Lowered:
    """V4 has neither sigma nor scores."""
    boxes, target = step.input_specs[0], step.output_specs[0]
    assert boxes is not None
    count, most = boxes.static[0], target.size
    soft = len(step.inputs) > 5
    sigma = to.input(step, 5) if soft else np.zeros(1, np.float32)
    kept = (to.output(step, 1), most) if soft else (None, 0)
    slots = (
        to.input(step, 0), count, 4, to.input(step, 1), count, to.input(step, 3), 1,
        to.input(step, 4), 1, sigma, 1, count, 4, count, count, count, to.output(step, 0), most,
        *kept, to.output(step, len(step.outputs) - 1), 1,
    )  # fmt: skip
    scratch = lines([16 * count, 4 * count, 8 * count, 8 * count])
    return [Work(kernel("suppression.suppress"), slots, scratch=scratch)]
