"""How far the values of one model are from another's, and which layer is to blame.

For each layer, with r the values of the reference and t those of the tested model as real numbers:

    SQNR = 10 log10(sum(r^2) / sum((t - r)^2))      decibels; infinite where they are equal
    drop = SQNR of the worst input - SQNR of the output

Both SQNRs of a drop are first held between 0 dB (the error is as great as the signal: it cannot get
more wrong) and the ceiling of the layer: 6.02 dB for each bit of the coarsest type that takes part
in it (weights, too), for no input is better than that type can tell; 20 bits where both models
compute in the same types with the same scales (what a float32 sum of some thousand terms keeps of
its 24). So the first layer of an int8 model, whose input may be exact, is not blamed for what 8
bits cost, and errors that a layer only hands on count for nothing.

Some layers make small errors great though nothing is wrong with them: the difference of two values
that are nearly equal, the mean of values around zero. So a layer with a drop of 20 dB or more is
heard by itself: the reference's layer is run on the tested layer's own inputs (of the last sample)
and the outputs are compared; `own_drop` is how far that SQNR stays below the ceiling. The layer
that goes wrong is the one with the greatest drop of those that lose 20 dB by themselves, too; the
first of several within 1 dB. Integers and masks (indices, shapes, comparisons) are listed but never
blamed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array, Tensor
from pytflite.runtime.feeding import integer_range
from pytflite.tools.comparison.alignment import Flow, Layer
from pytflite.tools.comparison.alone import Alone
from pytflite.tools.comparison.runtimes import real_values

WRONG = 20.0
"""The drop in dB from which on something must be wrong: more than three bits, in one layer."""

_NEAR = 1.0
_DECIBELS_PER_BIT = 20 * math.log10(2)
_BITS = {
    "FLOAT16": 11, "BFLOAT16": 8, "INT16": 16, "UINT16": 16, "INT8": 8, "UINT8": 8, "INT4": 4,
    "UINT4": 4, "INT2": 2,
}  # fmt: skip
_MOST_BITS = 20  # that float32 sums keep


class LayerError(NamedTuple):
    """How far one output of a layer is from the reference: a row of the comparison."""

    position: int  # of the operator in the tested model; -1 for an input of the model
    operator: str
    output: str  # name of the tensor
    reference: str  # name of the reference's tensor
    dtype: str
    shape: tuple[int, ...]
    sqnr: float  # dB
    input_sqnr: float  # dB, of the worst input; infinite if there is none
    drop: float  # dB; 0 for integers and masks
    own_drop: float  # dB, by itself; the same as `drop` where that was not asked
    cosine: float
    max_error: float  # the greatest absolute error
    saturated: float  # share of values at an end of the type where the reference goes beyond it


class Comparison(list[LayerError]):
    """The records, in the order of the tested model: `pandas.DataFrame(compare(a, b))`. In a
    notebook they are a picture.

    `unmatched` are layers of the tested model without a counterpart, `missing` those of the
    reference: (position, operator, name of the output).
    """

    def __init__(
        self, rows: Sequence[LayerError] = (), unmatched: Sequence[tuple[int, str, str]] = (),
        missing: Sequence[tuple[int, str, str]] = (),
    ) -> None:  # fmt: skip
        super().__init__(rows)
        self.unmatched, self.missing = list(unmatched), list(missing)

    def _repr_html_(self) -> str:
        from pytflite.tools.comparison.plot import notebook

        return notebook(self)

    @property
    def greatest_error(self) -> LayerError | None:
        """The layer whose error is greatest beside its signal: the lowest SQNR.

        Of several within 1 dB the first: layers such as RESHAPE hand errors on. None if there are
        no errors.
        """
        layers = [row for row in self if row.position >= 0]
        lowest = min((row.sqnr for row in layers), default=math.inf)
        near = (row for row in layers if row.sqnr <= lowest + _NEAR)
        return None if lowest == math.inf else next(near)

    @property
    def worst_drop(self) -> LayerError | None:
        """The layer that loses most between its inputs and its output."""
        return _worst(self)

    @property
    def first_wrong(self) -> LayerError | None:
        """The same among those that lose so much by themselves that something must be wrong."""
        return _worst([row for row in self if min(row.drop, row.own_drop) >= WRONG])


def _worst(rows: Sequence[LayerError]) -> LayerError | None:
    """The greatest drop, the first of several within 1 dB; None if there is none."""
    worst = max((row.drop for row in rows), default=0.0)
    return next((row for row in rows if 0 < row.drop >= worst - _NEAR), None)


class _Tally:
    """Sums over all samples for one pair of tensors."""

    def __init__(self) -> None:
        self.signal = self.noise = self.tested = self.product = self.greatest = 0.0
        self.saturated = self.count = 0
        self.shape: tuple[int, ...] = ()

    def add(self, r: Array, t: Array, q: Array, tensor: Tensor) -> None:
        """Adds one sample: real values of both sides, and the tested one's as they are."""
        same = (r == t) | (np.isnan(r) & np.isnan(t))
        finite = np.isfinite(r) & np.isfinite(t)
        error = np.full(r.shape, np.inf)
        np.subtract(t, r, out=error, where=finite)
        error[same] = 0.0
        r, t = r[finite], t[finite]
        self.signal += float(r @ r)
        self.tested += float(t @ t)
        self.product += float(r @ t)
        self.noise += float(np.sum(error * error))
        self.greatest = max(self.greatest, float(np.max(np.abs(error), initial=0.0)))
        self.count += q.size
        self.shape = q.shape
        if finite.all():
            self.saturated += _saturated(r.reshape(-1), q.reshape(-1), tensor)

    @property
    def sqnr(self) -> float:
        if self.noise == 0:
            return math.inf
        if self.signal == 0 or math.isinf(self.noise):
            return -math.inf
        return 10 * (math.log10(self.signal) - math.log10(self.noise))

    @property
    def cosine(self) -> float:
        length = math.sqrt(self.signal) * math.sqrt(self.tested)
        if length:
            return min(max(self.product / length, -1.0), 1.0)
        return float(self.signal == self.tested)


def _saturated(r: Array, q: Array, tensor: Tensor) -> int:
    """How many values are at an end of the type, and would be more than half a step beyond it."""
    quantization = tensor.quantization
    if quantization is None or quantization.scale.size != 1 or not tensor.dtype.is_integer:
        return 0
    scale = float(quantization.scale[0])
    zero = int(quantization.zero_point[0]) if quantization.zero_point.size else 0
    low, high = integer_range(tensor.dtype)
    below = (q == low) & (r < scale * (low - zero - 0.5))
    above = (q == high) & (r > scale * (high - zero + 0.5))
    return int(np.count_nonzero(below | above))


class _Row(NamedTuple):
    position: int
    operator: str
    tested: int  # tensor
    reference: int
    inputs: tuple[int, ...]
    ceiling: float


class Judge:
    """Collects the values of both models, sample by sample, and gives the records.

    Args:
        reference, tested: the models as layers.
        pairs: layers that correspond.
        inputs: input tensors that correspond, reference's first.
    """

    def __init__(
        self, reference: Flow, tested: Flow, pairs: Sequence[tuple[Layer, Layer]],
        inputs: Sequence[tuple[int, int]],
    ) -> None:  # fmt: skip
        self._reference, self._tested = reference, tested
        self._partner = partner = {b.position: a for a, b in pairs}
        known = {j: i for i, j in inputs}
        rows = [_Row(-1, "input", j, i, (), self._input_ceiling(i, j)) for i, j in inputs]
        for layer in sorted([*tested.layers, *tested.carriers], key=lambda b: b.position):
            other = partner.get(layer.position)
            if other is not None:
                matches = list(zip(layer.outputs, other.outputs, strict=False))
            else:
                origin = known.get(tested.origin.get(layer.outputs[0], -1))
                matches = [] if origin is None else [(layer.outputs[0], origin)]
            known.update(matches)
            ceiling = _ceiling(_held_in(tested, layer), _held_in(reference, other))
            rows += [
                _Row(layer.position, layer.kind, j, i, layer.inputs, ceiling) for j, i in matches
            ]
        self._rows = rows
        self._tallies = {row.tested: _Tally() for row in rows}

    def _input_ceiling(self, i: int, j: int) -> float:
        tensors = self._tested.model.main.tensors[j], self._reference.model.main.tensors[i]
        return _ceiling(*([t] for t in tensors))

    def wanted(self) -> list[tuple[int, int]]:
        """Pairs of tensors whose values `add` takes: reference's, tested model's."""
        return [(row.reference, row.tested) for row in self._rows if row.tested in self._tallies]

    def add(self, index: int, reference: int, r: Array | None, t: Array | None) -> None:
        """Adds the values that a tensor of the tested model and its counterpart have in a sample.

        A pair that cannot be compared (strings, or sizes that turn out to differ) is left out.
        """
        if index not in self._tallies:
            return
        tensor = self._tested.model.main.tensors[index]
        other = self._reference.model.main.tensors[reference]
        left = None if r is None else real_values(r, other)
        right = None if t is None else real_values(t, tensor)
        if left is None or right is None or t is None or left.shape != right.shape:
            del self._tallies[index]
            return
        self._tallies[index].add(left, right, t, tensor)

    def result(self, alone: Alone) -> Comparison:
        """The records of all that was added; suspects are heard by themselves."""
        level: dict[int, float] = {}
        by_position: dict[int, list[_Row]] = {}
        for row in self._rows:
            by_position.setdefault(row.position, []).append(row)
        found = [self._record(row, math.inf, level) for row in by_position.get(-1, ())]
        layers = sorted([*self._tested.layers, *self._tested.carriers], key=lambda b: b.position)
        for layer in layers:
            worst = min((level[i] for i in layer.inputs if i in level), default=math.inf)
            level.update(dict.fromkeys(layer.outputs, worst))
            for row in by_position.get(layer.position, ()):
                record = self._record(row, worst, level)
                if record is not None and record.drop >= WRONG:
                    record = record._replace(own_drop=self._own_drop(row, layer, record, alone))
                found.append(record)
        records = [row for row in found if row is not None]
        seen = {row.position for row in records}
        paired = {a.position for a in self._partner.values()}
        return Comparison(
            records,
            [_brief(self._tested, b) for b in layers if b.position not in seen],
            [_brief(self._reference, a) for a in self._reference.layers
             if a.position not in paired],
        )  # fmt: skip

    def _record(self, row: _Row, worst: float, level: dict[int, float]) -> LayerError | None:
        tally = self._tallies.get(row.tested)
        if tally is None:
            return None
        tensor = self._tested.model.main.tensors[row.tested]
        level[row.tested] = sqnr = tally.sqnr
        drop = 0.0
        if tensor.dtype.is_float or tensor.is_quantized:
            drop = _held(worst, row.ceiling) - _held(sqnr, row.ceiling)
        return LayerError(
            row.position, row.operator, tensor.name,
            self._reference.model.main.tensors[row.reference].name, tensor.dtype.name,
            tally.shape, sqnr, worst, drop, drop, tally.cosine, tally.greatest,
            tally.saturated / max(tally.count, 1),
        )  # fmt: skip

    def _own_drop(self, row: _Row, layer: Layer, record: LayerError, alone: Alone) -> float:
        place = layer.outputs.index(row.tested)
        values = alone.outputs(layer, self._partner.get(layer.position), place)
        if values is None:
            return record.drop
        tally = _Tally()
        tally.add(*values, values[1], self._tested.model.main.tensors[row.tested])
        return row.ceiling - _held(tally.sqnr, row.ceiling)


def _brief(flow: Flow, layer: Layer) -> tuple[int, str, str]:
    return layer.position, layer.kind, flow.model.main.tensors[layer.outputs[0]].name


def _held(sqnr: float, ceiling: float) -> float:
    return min(max(sqnr, 0.0), ceiling)


def _ceiling(tested: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """The SQNR that the coarser of two layers could reach, given the tensors of each."""
    kinds = [[(t.dtype, t.quantization) for t in tensors] for tensors in (tested, reference)]
    if kinds[0] == kinds[1]:
        return _MOST_BITS * _DECIBELS_PER_BIT
    bits = (_BITS.get(t.dtype.name, _MOST_BITS) for t in (*tested, *reference))
    return min(bits, default=_MOST_BITS) * _DECIBELS_PER_BIT


def _held_in(flow: Flow, layer: Layer | None) -> list[Tensor]:
    """A layer's tensors: weights as they lie in the file."""
    if layer is None:
        return []
    operator = flow.model.operators[layer.position]
    constants = [flow.origin.get(i, i) for i in operator.inputs if i in flow.constants]
    return [flow.model.main.tensors[i] for i in (*constants, *layer.inputs, *layer.outputs)]
