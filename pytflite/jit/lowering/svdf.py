"""SVDF: of floats, by weights of floats or of 8 bits, and of integers."""

from __future__ import annotations

import numpy as np

from pytflite.jit.emit.matvec import room_bytes
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering.recurrent import (
    CONSTANT,
    Packer,
    activation_name,
    begin_of,
    columns_of,
    numbers_of,
    product_kind,
    refused,
    scratch_places,
    state_of,
)
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import At, Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import scaling
from pytflite.ops.recurrent.svdf_scales import (
    BIAS,
    FEATURES,
    STATE,
    TIME,
    float_scales,
    float_time,
    integer_scales,
)
from pytflite.plan.plan import Step


@lowering("SVDF", stateful=True)
def svdf(step: Step, to: Lowering) -> Lowered:
    """A tile is a row of the batch."""
    x, features, time, *_ = step.input_specs
    assert x is not None and features is not None and time is not None
    if no := refused(step, 0, (FEATURES, TIME, BIAS)):
        return no
    if x.value is not None:
        return CONSTANT
    if not features.static[0]:
        return "it has no units"
    return (_floats if x.dtype.is_float else _integers)(step, to)


class _Layer:
    """Sizes, slots and constants that both forms have.

    Args:
        kind: of matvec.Product. item: bytes of a number of the state.
    """

    def __init__(self, step: Step, to: Lowering, kind: str, item: int) -> None:
        x, time = step.input_specs[0], step.input_specs[TIME]
        assert x is not None and time is not None
        self.step, self.to = step, to
        (self.batch, self.depth), (self.filters, self.memory) = x.static, time.static
        lanes, rank = to.target.lanes, int(step.node.options.rank)
        self.units, self.window = self.filters // rank, rank * self.memory
        self.padded = (self.window // lanes + 1) * lanes
        self.packs = Packer(step, to, kind)
        self.columns = columns_of(to.target, 1, self.filters)
        self.of_units = columns_of(to.target, 1, self.units)
        self.pieces = (
            4 * self.columns.total, 4 * self.of_units.total,
            item * (self.filters * self.memory + lanes), room_bytes(to.target, self.depth),
        )  # fmt: skip

    def work(
        self, code: str, settings: dict[str, Setting], first: Slot, time: Slot, bias: Slot,
        more: tuple[Slot, ...], scales: tuple[float, ...] | None,
    ) -> Work:  # fmt: skip
        """The Work.

        Args:
            first: what the sums of features begin with. more: slots behind those of both.
            scales: that of the features.
        """
        step, to = self.step, self.to
        _, *places, end = scratch_places(self.pieces)
        slots = (
            At(step.inputs[0]), to.output(step), state_of(step, STATE), self.depth, self.units,
            self.filters, self.memory, self.window, self.padded,
            self.columns.panels, self.packs.matrix([FEATURES], self.columns, scales), first, time,
            bias, *places, *more,
        )  # fmt: skip
        code_of = kernel(code, vectors=self.columns.vectors, **settings)
        return Work(code_of, slots, self.batch, end)

    def time(self, values: Array) -> Array:
        """The weights of time, `padded` for each unit."""
        padded = np.zeros((self.units, self.padded), values.dtype)
        padded[:, : self.window] = values.reshape(self.units, self.window)
        return padded


def _floats(step: Step, to: Lowering) -> Lowered:
    """Of floats."""
    scales = float_scales(step.node, step.input_specs)
    asymmetric = bool(step.node.options.asymmetric_quantize_inputs)
    layer = _Layer(step, to, product_kind(scales, asymmetric=asymmetric), 4)
    packs, values = layer.packs, _value(step, TIME)
    assert values is not None

    def time() -> Array:
        with np.errstate(over="ignore"):
            return layer.time(np.asarray(float_time(values, scales), np.float32))

    work = layer.work(
        "svdf.float32", {"product": packs.kind, "activation": activation_name(step.node)},
        packs.rows([], layer.columns),
        to.packed(step, [TIME], ("svdf", layer.padded, scales), time),
        packs.rows([] if _value(step, BIAS) is None else [BIAS], layer.of_units),
        (), scales and scales[:1],
    )  # fmt: skip
    return [work]


def _integers(step: Step, to: Lowering) -> Lowered:
    """Of integers."""
    found = integer_scales(step.node, step.input_specs, step.output_specs[0])
    layer = _Layer(step, to, "int8", 2)
    features, time, bias = (_value(step, n) for n in (FEATURES, TIME, BIAS))
    assert features is not None and time is not None
    sums = features.sum(axis=1, dtype=np.int64)
    work = layer.work(
        "svdf.int8", {},
        begin_of(to.target, -found.input_zero * sums, sums, layer.columns),
        to.packed(step, [TIME], ("svdf", layer.padded), lambda: layer.time(time)),
        layer.of_units.spread([] if bias is None else [bias], np.int32),
        (numbers_of([scaling([m], [shift]) for m, shift in (found.inward, found.outward)]),
         found.zero),
        None,
    )  # fmt: skip
    return [work]


def _value(step: Step, number: int) -> Array | None:
    spec = step.input_specs[number]
    return None if spec is None else spec.value
