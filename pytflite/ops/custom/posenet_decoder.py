"""PosenetDecoderOp: the poses of people, from maps of where their parts are.

There are 17 keypoints, joined by 16 edges to a tree. With everything in units of `stride` pixels:

    heatmaps[y, x, k]                logarithm of the odds that keypoint k is here
    shorts[y, x, k], [.., 17 + k]    from here to the keypoint k nearby (y, x)
    mids[y, x, ..]                   for each edge: from the keypoint at its one end to that at the
                                     other; y of all edges forward, x forward, y back, x back

A pose begins with the likeliest point that is a maximum among its neighbours, above the threshold,
and not within nms_radius of the same keypoint of an earlier pose. From there it follows the edges,
the likeliest keypoint first: along the mid offset, then five times along the short offset. A
pose's score is the mean probability of its keypoints; those that lie on an earlier, better pose's
count as nothing. Poses below score_threshold are left out, the others sorted.

Inputs FLOAT32 or UINT8, in pixels: heatmaps [1, h, w, 17], shorts [1, h, w, 34], mids
[1, h, w, 64]; perhaps longs [1, h, w, 34], from every pixel to the keypoints of whoever is there.
Outputs FLOAT32: keypoints [1, n, 17, 2] (y, x in pixels), their scores [1, n, 17], scores of poses
[1, n], their number [1]; with longs also masks [1, n, h, w] of which person each pixel is. What is
beyond the number is 0. Options: max_detections (n), score_threshold, stride, nms_radius.
Source: Coral's libcoral (coral/posenet/posenet_decoder.cc), after PersonLab (Papandreou et al.,
2018). There one of the backward edges, left eye to nose, is followed by another one's offsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import DataError, OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.custom.options import integer, number
from pytflite.ops.detection.heaps import Heap
from pytflite.ops.moving import check_present
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_KEYPOINTS, _EDGES = 17, 16
# nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left and right of each.
_TREE = (
    (0, 1), (1, 3), (0, 2), (2, 4), (0, 5), (5, 7), (7, 9), (5, 11), (11, 13), (13, 15), (0, 6),
    (6, 8), (8, 10), (6, 12), (12, 14), (14, 16),
)  # fmt: skip
_SHORT_STEPS, _LONG_STEPS = 5, 3
_CHANNELS = (_KEYPOINTS, 2 * _KEYPOINTS, 4 * _EDGES, 2 * _KEYPOINTS)

Point = tuple[float, float]


def _neighbours() -> tuple[tuple[tuple[int, int, int], ...], ...]:
    """For each keypoint those that edges lead to: keypoint, and the channels of y and x."""
    found: list[list[tuple[int, int, int]]] = [[] for _ in range(_KEYPOINTS)]
    for edge, (parent, child) in enumerate(_TREE):
        found[parent].append((child, edge, _EDGES + edge))
    for edge, (parent, child) in enumerate(_TREE):
        found[child].append((parent, 2 * _EDGES + edge, 3 * _EDGES + edge))
    return tuple(map(tuple, found))


NEIGHBOURS = _neighbours()


class P(NamedTuple):
    """Options; scales: (factor, zero point) of each input."""

    most: int
    threshold: float
    stride: int
    radius: float
    scales: tuple[tuple[float, int], ...]


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Room for max_detections poses."""
    check_present(node, inputs)
    sizes: tuple[int | None, ...] = (None, None)
    for n, spec in enumerate(inputs):
        assert spec is not None
        shape = (1, None, None, _CHANNELS[n]) if spec.shape is None else spec.shape
        fits = len(shape) == 4 and shape[0] in (1, None) and shape[3] in (_CHANNELS[n], None)
        if not fits or any(
            None not in (a, b) and a != b for a, b in zip(shape[1:3], sizes, strict=True)
        ):
            raise node.error(
                ShapeError, "a map has the wrong shape", tensor=n, found=list(shape),
                expected=["1", *(sizes[0] or "h", sizes[1] or "w"), _CHANNELS[n]],
            )  # fmt: skip
        sizes = tuple(a if a is not None else b for a, b in zip(sizes, shape[1:3], strict=True))
    if len(node.outputs) != len(inputs) + 1:
        raise node.error(
            ShapeError, "wrong number of outputs", expected=len(inputs) + 1,
            found=len(node.outputs),
        )  # fmt: skip
    most = _read(node, inputs).most
    shapes = [
        (1, most, _KEYPOINTS, 2), (1, most, _KEYPOINTS), (1, most), (1,), (1, most, *sizes)
    ]  # fmt: skip
    return tuple(node.output(n, shapes[n]) for n in range(len(node.outputs)))


def _read(node: Node, inputs: Sequence[Spec | None]) -> P:
    stride = integer(node, "stride", least=1)
    scales = []
    for n, spec in enumerate(inputs):
        assert spec is not None
        scale, zero = (spec.scale, spec.zero_point) if spec.dtype.is_integer else (1.0, 0)
        scales.append((scale / (stride if n else 1), zero))
    radius = number(node, "nms_radius") / stride
    if radius < 0:
        raise node.error(OptionError, "nms_radius is negative", expected="0 or more", found=radius)
    return P(
        integer(node, "max_detections", least=0, most=1 << 16), number(node, "score_threshold"),
        stride, radius, tuple(scales),
    )  # fmt: skip


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The options."""
    return _read(node, inputs)


class Map:
    """An image with channels, read between its pixels."""

    def __init__(self, values: Array) -> None:
        self.height, self.width, self._channels = values.shape
        # Of a list, single elements are read much faster.
        self._values: list[float] = values.reshape(-1).tolist()

    def clamp(self, y: float, x: float) -> Point:
        """The nearest point inside."""
        return min(max(y, 0.0), self.height - 1.0), min(max(x, 0.0), self.width - 1.0)

    def read(self, y: float, x: float, *channels: int) -> list[float]:
        """Bilinear, for a point inside."""
        top, left = int(y), int(x)
        below, right = y - top, x - left
        step = self._channels
        row = top * self.width
        lower = row + self.width if below else row
        beside = left + 1 if right else left
        a, b = (row + left) * step, (row + beside) * step
        c, d = (lower + left) * step, (lower + beside) * step
        v = self._values
        return [
            (1 - below) * ((1 - right) * v[a + k] + right * v[b + k])
            + below * ((1 - right) * v[c + k] + right * v[d + k])
            for k in channels
        ]

    def follow(self, y: float, x: float, down: int, across: int, times: int = 1) -> Point:
        """The point to which the offsets in two channels lead."""
        for _ in range(times):
            dy, dx = self.read(y, x, down, across)
            y, x = self.clamp(y + dy, x + dx)
        return y, x


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Finds the poses, sorts them, and says whose each pixel is."""
    maps = [
        (x[0].astype(np.float32) - np.float32(zero)) * np.float32(scale)
        for x, (scale, zero) in zip(inputs, p.scales, strict=True)
    ]
    for out in outputs:
        out.fill(0)
    if not maps[0].size:
        return
    if not all(np.isfinite(m).all() for m in maps):
        raise run.node.error(
            DataError, "a map is not finite", expected="numbers", found="inf or NaN"
        )
    keypoints, scores = _poses(p, maps[0], Map(maps[1]), Map(maps[2]))
    totals = _suppressed(p, keypoints, scores)
    order = [i for i in np.argsort(-totals, kind="stable").tolist() if totals[i] >= p.threshold]
    count = len(order)
    outputs[0][0, :count] = keypoints[order] * p.stride
    outputs[1][0, :count] = scores[order]
    outputs[2][0, :count] = totals[order]
    outputs[3][0] = count
    if len(inputs) > 3 and count:
        _masks(maps[3], keypoints[order], outputs[4][0])


def _poses(p: P, heatmaps: Array, shorts: Map, mids: Map) -> tuple[Array, Array]:
    """Keypoints [n, 17, 2] and probabilities [n, 17] of poses above the threshold, as found."""
    values, places = _candidates(p, heatmaps)
    heap = Heap(values)
    scores = Map(heatmaps)
    found, probabilities = np.zeros((p.most, _KEYPOINTS, 2)), np.zeros((p.most, _KEYPOINTS))
    count = 0
    while count < p.most and len(heap):
        y, x, k = places[heap.pop()]
        root = shorts.follow(y, x, k, _KEYPOINTS + k)
        distances = ((found[:count, k] - root) ** 2).sum(axis=1)
        if (distances <= p.radius**2).any():
            continue
        points, odds = _trace(root, k, scores, shorts, mids)
        likely = 1 / (1 + np.exp(-np.array(odds)))
        if likely.mean() >= p.threshold:
            found[count], probabilities[count] = points, likely
            count += 1
    return found[:count], probabilities[:count]


def least_odds(p: P) -> np.float32:
    """The logarithm of the odds that a pose can begin with."""
    with np.errstate(all="ignore"):
        return np.float32(-np.log(1 / (np.float64(p.threshold) + 1e-6) - 1))


def _candidates(p: P, heatmaps: Array) -> tuple[list[float], list[list[int]]]:
    """Scores and places (y, x, keypoint) of maxima above the threshold."""
    padded = np.pad(heatmaps, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    height, width, _ = heatmaps.shape
    highest = heatmaps
    for y in range(3):
        for x in range(3):
            highest = np.maximum(highest, padded[y : y + height, x : x + width])
    places = np.argwhere((heatmaps == highest) & (heatmaps >= least_odds(p)))
    return heatmaps[tuple(places.T)].tolist(), places.tolist()


def _trace(
    root: Point, keypoint: int, scores: Map, shorts: Map, mids: Map
) -> tuple[list[Point], list[float]]:
    """All keypoints of a pose, from one of them, and their scores."""
    points: list[Point | None] = [None] * _KEYPOINTS
    odds = [0.0] * _KEYPOINTS
    keys, reached = scores.read(*root, keypoint), [(keypoint, root)]
    heap = Heap(keys)
    while len(heap):
        item = heap.pop()
        k, point = reached[item]
        if points[k] is not None:
            continue
        points[k], odds[k] = point, keys[item]
        for child, down, across in NEIGHBOURS[k]:
            if points[child] is not None:
                continue
            there = mids.follow(*point, down, across)
            there = shorts.follow(*there, child, _KEYPOINTS + child, _SHORT_STEPS)
            keys.append(scores.read(*there, child)[0])
            reached.append((child, there))
            heap.append(len(keys) - 1)
    return [point for point in points if point is not None], odds


def _suppressed(p: P, keypoints: Array, scores: Array) -> Array:
    """Mean scores without keypoints that lie on those of better poses."""
    totals = scores.mean(axis=1)
    order = np.argsort(-totals, kind="stable")
    for i, pose in enumerate(order):
        apart = keypoints[order[:i]] - keypoints[pose]
        hidden = ((apart**2).sum(axis=2) <= p.radius**2).any(axis=0)
        totals[pose] = np.where(hidden, 0, scores[pose]).mean()
    return np.asarray(totals)


def _masks(longs: Array, keypoints: Array, out: Array) -> None:
    """Each pixel belongs to the pose nearest to where its long offsets lead."""
    offsets = Map(longs)
    for y in range(offsets.height):
        for x in range(offsets.width):
            ends = np.array([
                offsets.follow(float(y), float(x), k, _KEYPOINTS + k, _LONG_STEPS)
                for k in range(_KEYPOINTS)
            ])  # fmt: skip
            nearest = ((keypoints - ends) ** 2).sum(axis=(1, 2)).argmin()
            out[nearest, y, x] = 1


define(
    "PosenetDecoderOp",
    module=__name__,
    custom=True,
    signature=Signature(
        "FLOAT32|UINT8, FLOAT32|UINT8, FLOAT32|UINT8, FLOAT32|UINT8? -> "
        "FLOAT32, FLOAT32, FLOAT32, FLOAT32, FLOAT32?"
    ),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    tolerance=16,
)
