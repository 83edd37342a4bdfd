"""CTCBeamSearchDecoder, CTCGreedyDecoder: from scores of labels over time to the likely sequences.

At each time there is one of the labels 0 .. classes-2, or (the last class) a blank; a path's
sequence is what is left of it without repetitions and blanks.

    CTCGreedyDecoder       the sequence of the most likely path
    CTCBeamSearchDecoder   the top_paths likeliest sequences, summed over all their paths, among
                           the beam_width likeliest that are kept at each time

scores FLOAT32 or FLOAT64 [times, batch, classes] (softmax is applied by the beam search),
lengths INT32 [batch]. Outputs, each for all paths p:

    indices [n, 2] (batch, place), values [n], shape [2] (batch, most places)     sparse sequences
    log_probability [batch, top_paths]; of the greedy decoder the negative sum of the scores taken

in the order indices ..., values ..., shapes ..., log_probability. Indices, values and shapes are
INT32 in LiteRT's operator and INT64 in TensorFlow's. Attributes: beam_width, top_paths,
merge_repeated (repeated labels of a sequence become one: in the greedy decoder, without a blank in
between; in the beam search, of the finished sequence), blank_index (-1: the last class).
Source: LiteRT (kernels/ctc), TensorFlow (core/kernels/ctc_decoder_ops.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from heapq import heapify, heappush, heapreplace
from itertools import groupby
from typing import NamedTuple

import numpy as np

from pytflite.errors import DataError, LimitError, OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.custom.options import flag, integer
from pytflite.ops.custom.tensorflow import attributes
from pytflite.ops.moving import check_present
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_ZERO = -np.inf  # the logarithm of 0


class P(NamedTuple):
    """Attributes."""

    beam_width: int
    top_paths: int
    merge_repeated: bool
    blank: int


def infer(greedy: bool, node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Sequences are known when they are found."""
    check_present(node, inputs)
    scores, lengths = inputs
    assert scores is not None and lengths is not None
    p = read(greedy, node)
    if len(node.outputs) != 3 * p.top_paths + 1:
        raise node.error(
            ShapeError, "wrong number of outputs", expected=3 * p.top_paths + 1,
            found=len(node.outputs),
        )  # fmt: skip
    shape = scores.shape
    if shape is not None and (len(shape) != 3 or shape[2] == 0):
        raise node.error(
            ShapeError, "the scores have the wrong shape", tensor=0,
            expected="[times, batch, classes]", found=list(shape),
        )  # fmt: skip
    batch = shape[1] if shape is not None else None
    if lengths.is_static and (lengths.rank != 1 or batch not in (None, lengths.size)):
        raise node.error(
            ShapeError, "each element of the batch needs a length", tensor=1, expected=[batch],
            found=list(lengths.static),
        )  # fmt: skip
    if shape is not None and shape[2] is not None:
        _blank(node, p, shape[2])
    kinds = ((None, 2), (None,), (2,))
    sparse = [node.output(n, kinds[n // p.top_paths]) for n in range(3 * p.top_paths)]
    return (*sparse, node.output(3 * p.top_paths, (batch, p.top_paths)))


def read(greedy: bool, node: Node) -> P:
    """The attributes.

    Raises:
        OptionError: they make no sense.
    """
    given = attributes(node)
    merge = flag(node, "merge_repeated", not greedy, options=given)
    blank = integer(node, "blank_index", -1, options=given)
    if greedy:
        return P(1, 1, merge, blank)
    width = integer(node, "beam_width", least=1, most=1 << 16, options=given)
    return P(width, integer(node, "top_paths", least=1, most=width, options=given), merge, blank)


def _blank(node: Node, p: P, classes: int) -> int:
    if not -classes <= p.blank < classes:
        raise node.error(
            OptionError, "there is no such class", expected=f"blank_index below {classes}",
            found=p.blank,
        )  # fmt: skip
    return p.blank % classes


def prepare(greedy: bool, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The attributes."""
    return read(greedy, node)


def evaluate(greedy: bool, p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Each element of the batch by itself."""
    scores, lengths = inputs
    times, batch, classes = scores.shape
    if ((lengths < 0) | (lengths > times)).any():
        raise run.node.error(
            DataError, "a length is out of range", tensor=1, code="data.index",
            expected=f"0 to {times}", found=lengths.tolist()[:8],
        )  # fmt: skip
    if p.beam_width * classes * 8 > run.limits.tensor_bytes:
        raise run.node.error(
            LimitError, "the beam is wider than the limits allow", code="limit.tensor",
            expected=f"at most {run.limits.tensor_bytes} bytes",
            found=f"{p.beam_width} sequences with {classes} classes",
        )  # fmt: skip
    decode = _greedy if greedy else _beam_search
    blank = _blank(run.node, p, classes)
    found = [decode(p, scores[: lengths[b], b], blank) for b in range(batch)]
    missing = next((b for b, (paths, _) in enumerate(found) if len(paths) < p.top_paths), None)
    if missing is not None:
        raise run.node.error(
            DataError, "there are fewer sequences than top_paths", code="data.shape",
            expected=p.top_paths, found=f"{len(found[missing][0])} in element {missing}",
        )  # fmt: skip
    return _sparse(p, found, run)


Found = tuple[list[list[int]], list[float]]  # sequences, and logarithms of their probabilities


def _sparse(p: P, found: Sequence[Found], run: Run) -> list[Array]:
    kinds = [t.dtype.storage for t in run.node.outputs if t is not None]
    sparse: list[list[Array]] = [[], [], []]
    for n in range(p.top_paths):
        sequences = [paths[n] for paths, _ in found]
        places = [(b, t) for b, labels in enumerate(sequences) for t in range(len(labels))]
        longest = max(map(len, sequences), default=0)
        sparse[0].append(np.array(places, kinds[n]).reshape(len(places), 2))
        sparse[1].append(np.array([v for s in sequences for v in s], kinds[n + p.top_paths]))
        sparse[2].append(np.array([len(found), longest], kinds[n + 2 * p.top_paths]))
    scores = np.array([each for _, each in found], kinds[-1]).reshape(len(found), p.top_paths)
    return [*sparse[0], *sparse[1], *sparse[2], scores]


def _greedy(p: P, scores: Array, blank: int) -> Found:
    best = scores.argmax(axis=1).tolist()
    labels = [label for label, _ in groupby(best)] if p.merge_repeated else best
    taken = scores.max(axis=1, initial=_ZERO) if scores.size else scores[:0, 0]
    return [[label for label in labels if label != blank]], [-float(taken.sum())]


class Beam(NamedTuple):
    """The sequences that are kept, the likeliest first, and logarithms of their probabilities.

    nodes: their numbers in `Tree`. total: of all paths; blank, label: of the paths that end with a
    blank, or with the sequence's last label.
    """

    nodes: list[int]
    total: Array
    blank: Array
    label: Array


class Tree:
    """Sequences as numbers: 0 is the empty one, every other has a parent and a last label."""

    def __init__(self) -> None:
        self.parents, self.labels = [-1], [-1]
        self._numbers: dict[tuple[int, int], int] = {}

    def child(self, parent: int, label: int) -> int:
        """The sequence with one more label."""
        number = self._numbers.setdefault((parent, label), len(self.parents))
        if number == len(self.parents):
            self.parents.append(parent)
            self.labels.append(label)
        return number

    def sequence(self, number: int) -> list[int]:
        """Its labels."""
        labels = []
        while number:
            labels.append(self.labels[number])
            number = self.parents[number]
        return labels[::-1]


def _beam_search(p: P, scores: Array, blank: int) -> Found:
    tree = Tree()
    beam = Beam([0], np.zeros(1), np.zeros(1), np.full(1, _ZERO))
    wide = scores.astype(np.float64)
    norms = np.logaddexp.reduce(wide, axis=1, keepdims=True)
    for row in wide - norms:
        beam = _step(p.beam_width, tree, beam, row, blank)
    paths = [tree.sequence(node) for node in beam.nodes[: p.top_paths]]
    if p.merge_repeated:
        paths = [[label for label, _ in groupby(path)] for path in paths]
    return paths, beam.total[: p.top_paths].tolist()


def _step(width: int, tree: Tree, beam: Beam, row: Array, blank: int) -> Beam:
    """One time further: sequences stay, or get one more label; the likeliest are kept."""
    place = {node: i for i, node in enumerate(beam.nodes)}
    last = np.array([tree.labels[node] for node in beam.nodes], np.int64)
    has_last = np.flatnonzero(last >= 0)
    # A label follows the same label only after a blank.
    grown = np.repeat(beam.total[:, None], len(row), axis=1)
    grown[has_last, last[has_last]] = beam.blank[has_last]
    grown += row
    grown[:, blank] = _ZERO
    label = np.where(last >= 0, beam.label + row[last], _ZERO)
    children: list[dict[int, int]] = [{} for _ in beam.nodes]  # those that are kept themselves
    for i, node in enumerate(beam.nodes):
        parent = place.get(tree.parents[node])
        if parent is not None:
            label[i] = np.logaddexp(label[i], grown[parent, last[i]])
            children[parent][int(last[i])] = i
    stayed = beam.total + row[blank]
    total = np.logaddexp(stayed, label)
    kept = _likeliest(width, total.tolist(), beam.total, grown, children)
    kept.sort(key=lambda leaf: -leaf[0])
    nodes, blanks, labels = [], [], []
    for value, _, parent, symbol in kept:
        nodes.append(tree.child(beam.nodes[parent], symbol) if symbol >= 0 else beam.nodes[parent])
        blanks.append(_ZERO if symbol >= 0 else stayed[parent])
        labels.append(value if symbol >= 0 else label[parent])
    return Beam(nodes, np.array([leaf[0] for leaf in kept]), np.array(blanks), np.array(labels))


# A sequence that is kept: (logarithm, order, sequence before, label added or -1).
Leaf = tuple[float, int, int, int]


def _likeliest(
    width: int, totals: list[float], before: Array, grown: Array, children: list[dict[int, int]]
) -> list[Leaf]:
    """The sequences to be kept, of those that stay and those that grow.

    As in TensorFlow, they grow one after the other, and one that was dropped for the children of
    others before its own parent grows has no children of its own.
    """
    leaves: list[Leaf] = [(t, -i, i, -1) for i, t in enumerate(totals) if t > _ZERO]
    heapify(leaves)
    dropped: set[int] = set()
    barren: set[int] = set()
    for i in range(len(totals)):
        least = leaves[0][0] if len(leaves) >= width else _ZERO
        if i in barren or not before[i] > least:
            continue
        wanted = set(np.flatnonzero(grown[i] > least).tolist()) | children[i].keys()
        for symbol in sorted(wanted):
            child = children[i].get(symbol)
            if child is not None:
                if child in dropped:
                    barren.add(child)
                continue
            value = float(grown[i, symbol])
            leaf = (value, -len(totals) - i, i, symbol)
            if len(leaves) < width:
                heappush(leaves, leaf)
            elif value > leaves[0][0]:
                _, _, sequence, added = heapreplace(leaves, leaf)
                if added < 0:
                    dropped.add(sequence)
    return leaves


_INTEGERS = "INT32|INT64"
for _name in ("CTCBeamSearchDecoder", "CTCGreedyDecoder"):
    for _prefix in ("", "Flex"):
        _is_greedy = _name == "CTCGreedyDecoder"
        define(
            _prefix + _name,
            module=__name__,
            custom=True,
            signature=Signature(f"FLOAT32|FLOAT64, INT32 -> {_INTEGERS}|FLOAT32|FLOAT64..."),
            infer=partial(infer, _is_greedy),
            prepare=partial(prepare, _is_greedy),
            eval=partial(evaluate, _is_greedy),
            tolerance=16,
        )
