"""The cell of the RNN operators, and its way through a sequence.

    h' = activation(W x + V y + R h + b)

x [batch, depth] is the input, y an auxiliary input that only BIDIRECTIONAL_SEQUENCE_RNN has,
h [batch, units] the state: a variable tensor, kept from run to run. W [units, depth], V and
R [units, units] are FLOAT32, or INT8 (UINT8 tensors hold int8 values, too) with one scale: then x,
y and h are quantised row by row (lstm_matrix.py). All fused activations count, TANH too.

What x and y contribute does not depend on the state: it is computed for a block of steps at once.
Source: RnnBatchStep in kernels/internal/kernel_utils.cc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ModelError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.activation import activate, bounds
from pytflite.ops.operator import Inputs, Run
from pytflite.ops.quantized import symmetric
from pytflite.ops.recurrent.lstm_matrix import Matrix, stack
from pytflite.ops.recurrent.steps import in_order
from pytflite.ops.spec import Key, Node, Spec

_BLOCK = 1 << 16  # numbers that the inputs contribute at a time


class Layout(NamedTuple):
    """Numbers of a cell's inputs; auxiliary: of V, or None."""

    weights: int
    recurrent: int
    bias: int
    state: int
    auxiliary: int | None = None

    @property
    def constants(self) -> tuple[int, ...]:
        """Those that are usually constant."""
        found = (self.weights, self.recurrent, self.bias)
        return found if self.auxiliary is None else (*found, self.auxiliary)


SINGLE = Layout(1, 2, 3, 4)


class Cell(NamedTuple):
    """The weights made ready: W, and V if there is an auxiliary input; R; b."""

    inputs: tuple[Matrix, ...]
    recurrent: Matrix
    bias: Array

    def floats(self, steps: int, batch: int) -> int:
        """Numbers of working memory that a pass needs."""
        rows = steps * batch
        of_inputs = max(matrix.floats(rows) for matrix in self.inputs)
        return 2 * rows * self.bias.size + max(of_inputs, self.recurrent.floats(batch))


class Pass(NamedTuple):
    """One direction of an operator, ready to run.

    Attributes:
        cell: None if its weights are not all constant; it is then made in each run, of them and of
            `constants`, by their numbers. scales: of W, V and R, of integers.
        key: name of the state.
        steps: that are computed at once, as far as the inputs go.
    """

    cell: Cell | None
    constants: dict[int, Array]
    scales: dict[int, float] | None
    layout: Layout
    key: Key
    activation: int
    asymmetric: bool
    backwards: bool
    steps: int
    batch: int

    @property
    def scratch(self) -> int:
        """Bytes of working memory."""
        return 0 if self.cell is None else 4 * self.cell.floats(self.steps, self.batch)

    def run(
        self, inputs: Inputs, xs: Sequence[Array], out: Array, run: Run, *, passes: int = 1
    ) -> None:
        """Takes x, and the auxiliary input if there is one, through the cell.

        Args:
            inputs: as eval has them.
            xs: [time, batch, depth] each.
            out: [time, batch, units], to be filled.
            run: gives memory and keeps the state.
            passes: how often the sequence is run through, with the state of the last time.
        """
        cell = self.cell
        if cell is None:
            numbers = (n for n in self.layout.constants if n < len(inputs))
            computed = {n: inputs[n] for n in numbers if inputs[n] is not None}
            cell = assemble(self.layout, self.constants | computed, self.scales, self.asymmetric)
        h = np.array(inputs[self.layout.state])
        work = run.scratch((cell.floats(self.steps, self.batch),), np.float32)
        for _ in range(passes):
            self._through(cell, xs, h, out, work)
        run.state.variables[self.key] = h

    def _through(self, cell: Cell, xs: Sequence[Array], h: Array, out: Array, work: Array) -> None:
        batch, units = h.shape
        for start in in_order(range(0, len(out), self.steps), self.backwards):
            some = slice(start, min(start + self.steps, len(out)))
            count = (some.stop - start) * batch
            part, term = work[: 2 * count * units].reshape(2, count, units)
            rest = work[2 * count * units :]
            for number, (matrix, x) in enumerate(zip(cell.inputs, xs, strict=True)):
                matrix.times(x[some].reshape(count, x.shape[2]), term if number else part, rest)
                if number:
                    part += term
            part += cell.bias
            recurrent = term[:batch]
            for t in in_order(range(some.stop - start), self.backwards):
                now = part[t * batch : (t + 1) * batch]
                cell.recurrent.times(h, recurrent, rest)
                np.add(now, recurrent, out=h)
                activate(h, self.activation)
                out[start + t] = h


def assemble(
    layout: Layout, values: Mapping[int, Array], scales: Mapping[int, float] | None,
    asymmetric: bool,
) -> Cell:  # fmt: skip
    """The cell with these weights, by their numbers."""

    def matrix(number: int) -> Matrix:
        found = None if scales is None else [scales[number]]
        return stack([values[number]], found, asymmetric=asymmetric)

    numbers = [n for n in (layout.weights, layout.auxiliary) if n in values and n is not None]
    return Cell(tuple(map(matrix, numbers)), matrix(layout.recurrent), values[layout.bias])


def check_cell(
    node: Node,
    inputs: Sequence[Spec | None],
    layout: Layout,
    batch: int | None,
    depths: Sequence[int | None],
) -> int | None:
    """The units of a cell whose tensors fit each other, as far as shapes are known.

    Args:
        node, inputs: as infer has them.
        layout: of the cell.
        batch: rows of x. depths: numbers in a row of x, and of the auxiliary input.

    Raises:
        ShapeError: they do not fit.
        ModelError: the state is no variable tensor.
        OptionError: no such activation.
    """
    bounds(node)
    weights = inputs[layout.weights]
    assert weights is not None
    check_state(node, inputs, layout.state)
    units = weights.shape[0] if weights.shape else None
    wanted: dict[int, tuple[int | None, ...]] = {
        layout.weights: (units, depths[0]),
        layout.recurrent: (units, units),
        layout.bias: (units,),
        layout.state: (batch, units),
    }
    if layout.auxiliary is not None and len(depths) > 1:
        wanted[layout.auxiliary] = (units, depths[1])
    for number, shape in wanted.items():
        check_shape(node, inputs, number, shape)
    return units


def check_state(node: Node, inputs: Sequence[Spec | None], number: int) -> None:
    """Refuses a state that cannot be kept.

    Raises:
        ModelError: it is no variable tensor.
    """
    state = inputs[number]
    assert state is not None
    if not state.variable:
        raise node.error(
            ModelError,
            "the state must be a variable tensor",
            code="op.state",
            tensor=number,
            expected="a variable tensor",
            found="a constant" if state.value is not None else "an ordinary tensor",
        )


def check_shape(
    node: Node, inputs: Sequence[Spec | None], number: int, wanted: Sequence[int | None]
) -> None:
    """Refuses an input of another shape, as far as both are known."""
    spec = inputs[number]
    if spec is None or spec.shape is None:
        return
    if len(spec.shape) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(spec.shape, wanted, strict=True)
    ):
        return
    raise node.error(
        ShapeError,
        "the tensors of the cell do not fit each other",
        tensor=number,
        expected="[" + ", ".join("?" if d is None else str(d) for d in wanted) + "]",
        found=list(spec.shape),
        hint="the state has the model's own batch size; inputs must have it, too"
        if spec.variable
        else None,
    )


def prepare_pass(
    node: Node, inputs: Sequence[Spec | None], layout: Layout, time: int, *, backwards: bool = False
) -> Pass:
    """One direction of an operator whose shapes are checked.

    Raises:
        QuantizationError: integer weights have not one scale each, and zero points 0.
    """
    state = inputs[layout.state]
    assert state is not None
    batch, units = state.static
    given = {n: s for n in layout.constants if n < len(inputs) and (s := inputs[n]) is not None}
    scales = cell_scales(node, inputs, layout)
    asymmetric = bool(node.options.asymmetric_quantize_inputs)
    constants = {n: s.value for n, s in given.items() if s.value is not None}
    cell = None
    if len(constants) == len(given):
        cell, constants = assemble(layout, constants, scales, asymmetric), {}
    key = node.input_keys[layout.state]
    assert key is not None
    return Pass(
        cell, constants, scales, layout, key, int(node.options.fused_activation_function),
        asymmetric, backwards, max(1, min(time, _BLOCK // max(batch * units, 1))), batch,
    )  # fmt: skip


def cell_scales(
    node: Node, inputs: Sequence[Spec | None], layout: Layout
) -> dict[int, float] | None:
    """Scales of integer weights, by their numbers; None of floats.

    Raises:
        QuantizationError: integer weights have not one scale each, and zero points 0.
    """
    numbers = [n for n in layout.constants if n != layout.bias and n < len(inputs)]
    given = {n: s for n in numbers if (s := inputs[n]) is not None}
    if given[layout.weights].dtype.is_float:
        return None
    return {n: symmetric(node, s, n).scale for n, s in given.items()}


def macs(inputs: Sequence[Spec | None], layout: Layout, steps: int) -> int:
    """Multiply-accumulates of so many steps."""
    state, bias = inputs[layout.state], inputs[layout.bias]
    assert state is not None
    given = [s for n in layout.constants if n < len(inputs) and (s := inputs[n]) is not None]
    weights = sum(s.size for s in given if s is not bias)
    return state.static[0] * weights * steps
