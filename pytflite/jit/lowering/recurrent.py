"""What the lowerings of recurrent cells share: packed weights (emit/matvec.py), and sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.format.schema import ActivationFunctionType
from pytflite.jit.emit.matvec import HEADS, room_bytes, row_dot, rows_of
from pytflite.jit.emit.scaling import NUMBERS
from pytflite.jit.lowering.packing import zeros
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.target import Target
from pytflite.jit.work import At, Packed
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import Scaling, wrap32
from pytflite.ops.spec import Node, Spec
from pytflite.plan.plan import Step

_VECTORS = 8  # of a panel: so many sums hide the time that one takes
CONSTANT = "its input is constant"


class Columns(NamedTuple):
    """Columns of the packed weights of some gates (or of one matrix: one gate).

    Attributes:
        wide: of a gate, a multiple of the lanes.
        vectors: of a panel.
        lanes: of a vector.
    """

    gates: int
    units: int
    wide: int
    panels: int
    vectors: int
    lanes: int

    @property
    def total(self) -> int:
        """Of all panels."""
        return self.panels * self.vectors * self.lanes

    def spread(self, rows: Sequence[Array], dtype: type[np.generic] | np.dtype) -> Array:
        """A number for each unit of some gates [units], each in as many columns."""
        spread = np.zeros(max(self.total, len(rows) * self.wide), dtype)
        places = spread[: len(rows) * self.wide].reshape(len(rows), self.wide)
        for place, row in zip(places, rows, strict=True):
            place[: self.units] = row
        return spread


def columns_of(target: Target, gates: int, units: int, vectors: int = 0) -> Columns:
    """Of so many gates.

    Args:
        vectors: of a panel, if another product of the kernel decides that.
    """
    wide = -(-units // target.lanes) * target.lanes
    total = gates * wide // target.lanes
    panels = -(-total // (vectors or _VECTORS))
    return Columns(gates, units, wide, panels, vectors or -(-total // panels), target.lanes)


def pack(
    target: Target, kind: str, parts: Sequence[Array], columns: Columns,
    scales: Sequence[float] | None = None,
) -> Array:  # fmt: skip
    """Weights of the gates, [units, depth] each, as matvec.py has them: bytes.

    Args:
        kind: of matvec.Product.
        scales: of the gates, of "symmetric" and "asymmetric".
    """
    depth = parts[0].shape[1]
    lanes = columns.vectors * columns.lanes
    matrix = np.zeros((columns.total, depth), parts[0].dtype)
    places = matrix[: columns.gates * columns.wide].reshape(columns.gates, columns.wide, depth)
    for place, part in zip(places, parts, strict=True):
        place[: columns.units] = part
    if kind == "float32":
        packed = zeros((columns.panels, depth, lanes))
        packed[...] = matrix.reshape(columns.panels, lanes, depth).swapaxes(1, 2)
        return packed.reshape(columns.panels, -1).view(np.uint8)
    dot = row_dot(target)
    sums = matrix.sum(axis=1, dtype=np.int32)
    rows = {"bias": -dot.offset(unsigned=False) * sums, "sums": sums}
    if scales is not None:
        each = [np.broadcast_to(np.float32(scale), columns.units) for scale in scales]
        rows["scale"] = columns.spread(each, np.float32).view(np.int32)
    head = [rows[name].reshape(columns.panels, lanes).view(np.uint8) for name in HEADS[kind]]
    start = sum(row.shape[1] for row in head)
    groups = -(-depth // dot.group)
    packed = zeros((columns.panels, start + groups * lanes * dot.word), np.uint8)
    if head:
        np.concatenate(head, axis=1, out=packed[:, :start])
    padded = np.zeros((columns.total, groups * dot.group), f"i{dot.width}")
    padded[:, :depth] = matrix
    words = padded.view(f"u{dot.word}").reshape(columns.panels, lanes, groups)
    for to, panel in zip(packed, words, strict=True):
        to[start:].view(words.dtype).reshape(groups, lanes)[...] = panel.T
    return packed


def begin_of(target: Target, bias: Array, sums: Array, columns: Columns) -> Array:
    """What the sums of "int8" begin with: a bias, less what is added to x times sums of weights.

    Args:
        bias, sums: [gates * units].
    """
    begin = bias - row_dot(target).offset(unsigned=False) * sums
    return columns.spread(list(wrap32(begin).reshape(columns.gates, -1)), np.int32)


def numbers_of(scalings: Sequence[Scaling]) -> Array:
    """Scalings as emit/scaling.py reads them: of gates one by one, int64 [all, NUMBERS]."""
    rows = []
    for s in scalings:
        left = np.zeros_like(s.m) if s.left is None else s.left
        numbers = np.stack([left, s.m, s.nudge, s.negative, s.right], axis=-1)
        rows.append(numbers.reshape(-1, NUMBERS).astype(np.int64))
    return np.concatenate(rows)


class Way(NamedTuple):
    """A sequence [batch, time, ...], or the axes swapped, as kernels go along it.

    Attributes:
        tensor: the first element of the first step.
        step, row: bytes to the next step, and to the next row of the batch.
    """

    tensor: At
    step: int
    row: int


class Sequences(NamedTuple):
    """How sequences lie: `batch` and `time`, and which axis is which; `backwards` from the end."""

    batch: int
    time: int
    time_major: bool
    backwards: bool = False

    def way(self, tensor: At, size: int, whole: int = 0) -> Way:
        """A tensor's, or that of a part of each row, which the tensor's place is the first of.

        Args:
            size: bytes of a step of a row. whole: of those with what lies between parts.
        """
        whole = whole or size
        step, row = (self.batch, 1) if self.time_major else (1, self.time)
        first = whole * step * max(self.time - 1, 0) if self.backwards else 0
        sign = -1 if self.backwards else 1
        return Way(At(tensor.tensor, tensor.offset + first), sign * whole * step, whole * row)


def sequences_of(step: Step, *, backwards: bool = False) -> Sequences:
    """Those of the first input; one of two dimensions is a step."""
    x = step.input_specs[0]
    assert x is not None
    if x.rank == 2:
        return Sequences(x.static[0], 1, time_major=True, backwards=backwards)
    time_major = bool(step.node.options.time_major)
    batch, time = x.static[1::-1] if time_major else x.static[:2]
    return Sequences(batch, time, time_major, backwards)


def two_ways(step: Step, to: Lowering, units: Sequence[int]) -> list[tuple[Sequences, Way]]:
    """Of a cell that goes forward and one that goes back: sequences, and outputs (float32).

    Args:
        units: outputs of either, which are one tensor's, side by side, or two tensors'.
    """
    whole = 4 * sum(units) if step.node.options.merge_outputs else 0
    found = []
    for number, size in enumerate(units):
        along = sequences_of(step, backwards=bool(number))
        out = to.output(step, 0 if whole else number)
        if whole and number:
            out = At(out.tensor, out.offset + 4 * units[0])
        found.append((along, along.way(out, 4 * size, whole)))
    return found


def activation_name(node: Node) -> str:
    """Of the fused activation, as emit/activation.py has it."""
    code = int(node.options.fused_activation_function)
    return ActivationFunctionType.name_of(code).lower()


def refused(step: Step, steps: int, constants: Sequence[int]) -> str:
    """Why no cell can be compiled that takes so many steps in all, or "".

    Args:
        constants: inputs that have to be constant, if they are there.
    """
    given = [s for n in constants if n < len(step.input_specs) and (s := step.input_specs[n])]
    if any(s.value is None for s in given):
        return "its weights are computed at run time"
    variables = [i for i, s in zip(step.inputs, step.input_specs, strict=True) if _varies(s)]
    if len(set(variables)) < len(variables):
        return "one variable tensor is several of its inputs"
    graph = step.node.graph
    if graph is not None and steps > graph.limits.loop_iterations:
        return "it has more steps than the limits allow"  # NumPy's kernel says so
    return ""


def _varies(spec: Spec | None) -> bool:
    return spec is not None and spec.variable


def product_kind(scales: object, *, asymmetric: bool) -> str:
    """A kind of matvec.Product; scales: none for floats."""
    if not scales:
        return "float32"
    return "asymmetric" if asymmetric else "symmetric"


class Packer:
    """Packs constants of a step, for products of a kind."""

    def __init__(self, step: Step, to: Lowering, kind: str) -> None:
        self.step = step
        self.to = to
        self.kind = kind

    def matrix(
        self, numbers: Sequence[int], columns: Columns, scales: tuple[float, ...] | None = None
    ) -> Packed:
        """Matrices of gates, by the numbers of their inputs."""
        values = [v.view(np.int8) if v.itemsize == 1 else v for v in self._values(numbers)]
        kind = "matvec", self.kind, columns, scales
        return self.to.packed(
            self.step, numbers, kind,
            lambda: pack(self.to.target, self.kind, values, columns, scales),
        )  # fmt: skip

    def rows(
        self, numbers: Sequence[int], columns: Columns, scales: tuple[float, ...] | None = None
    ) -> Packed:
        """A float for each unit of each gate; zeros if there are no inputs."""
        values = self._values(numbers)

        def make() -> Array:
            reals = values if scales is None else list(map(_real, values, scales))
            return columns.spread(reals, np.float32)

        return self.to.packed(self.step, numbers, ("rows", columns, scales), make)

    def _values(self, numbers: Sequence[int]) -> list[Array]:
        specs = [self.step.input_specs[n] for n in numbers]
        return [s.value for s in specs if s is not None and s.value is not None]


def _real(value: Array, scale: float) -> Array:
    """Integers as float32, as FloatRecipe makes them."""
    with np.errstate(over="ignore"):
        real: Array = np.float32(scale) * value.view(np.int8).astype(np.float32)
    return real


def state_of(step: Step, position: int) -> At:
    """A state's place."""
    return At(step.inputs[position])


def ahead_pieces(target: Target, columns: Columns, depths: Sequence[int]) -> tuple[int, int, int]:
    """Bytes of scratch for products of inputs and states of such depths.

    Returns:
        Of the sums of some steps, of room for as many rows, and from row to row of that.
    """
    rows = rows_of(target, columns.vectors)
    room = -(-max(room_bytes(target, n) for n in depths) // 64) * 64
    return 4 * columns.total * rows, room * rows, room


def scratch_places(sizes: Sequence[int]) -> list[int]:
    """Where pieces of scratch of so many bytes begin, on cache lines; last, where they all end."""
    places = [0]
    for size in sizes:
        places.append(places[-1] + -(-size // 64) * 64)
    return places
