"""An LSTM cell's way through a sequence, forwards or backwards.

What x contributes to the gates does not depend on the state: it is computed for a block of steps
at once, as one product of matrices. Only the rest is done step by step. The rows of a batch do not
depend on each other; where there are many they go through the sequence some at a time, so that
working memory stays small whatever the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.operator import Inputs, Run
from pytflite.ops.recurrent.lstm_assembly import FloatRecipe, recipe
from pytflite.ops.recurrent.lstm_memory import BLOCK
from pytflite.ops.recurrent.lstm_weights import Layout, Sizes
from pytflite.ops.recurrent.steps import check_steps, in_order
from pytflite.ops.spec import Key, Node, Spec


class Cell(Protocol):
    """What a cell can do, in whatever arithmetic."""

    def for_rows(self, rows: slice) -> Cell:
        """The cell for some rows of the batch."""
        ...

    def floats(self, steps: int, batch: int) -> int:
        """Float32 numbers of working memory for so many steps of so many rows at a time."""
        ...

    def work(self, flat: Array, steps: int, batch: int) -> Any:
        """That memory, cut to pieces."""
        ...

    def input_part(self, x: Array, auxiliary: Array | None, work: Any) -> Array:
        """What the inputs contribute to the gates of some steps: [steps, batch, gates, units]."""
        ...

    def step(self, part: Array, h: Array, c: Array, work: Any) -> None:
        """One step: h and c are replaced by their successors, in place."""
        ...


class Pass(NamedTuple):
    """One direction of an LSTM operator, ready to run.

    Attributes:
        cell: the cell; None if its weights are not all constant.
        recipe, constants: what it is then made of in each run.
        layout, sizes: where its tensors are, and how large.
        keys: names of the state and the cell state.
        time: steps of the sequence.
        time_major: whether axis 0 is time and axis 1 the batch, or the other way round.
        backwards: whether time runs from the end.
        rows, steps: of the batch, and of time, that are computed at once.
    """

    cell: Cell | None
    recipe: FloatRecipe | None
    constants: dict[int, Array]
    layout: Layout
    sizes: Sizes
    keys: tuple[Key, Key]
    time: int
    time_major: bool
    backwards: bool
    rows: int
    steps: int

    @property
    def scratch(self) -> int:
        """Bytes of working memory, as far as they are known before the weights are."""
        return 0 if self.cell is None else 4 * self.cell.floats(self.steps, self.rows)

    def run(self, inputs: Inputs, x: Array, auxiliary: Array | None, out: Array, run: Run) -> None:
        """Takes x through the cell, and keeps the new state.

        Args:
            inputs: as eval has them.
            x, auxiliary: the input and the second input, [time, batch, depth] or the axes swapped.
            out: [time, batch, outputs] likewise, to be filled.
            run: gives memory and keeps the state.
        """
        cell = self.cell
        if cell is None:
            assert self.recipe is not None
            computed = {n: inputs[n] for n in self.layout.constants
                        if n < len(inputs) and inputs[n] is not None}  # fmt: skip
            cell = self.recipe.assemble(self.constants | computed)
        check_steps(self.time * -(-self.sizes.batch // self.rows), run)
        state, cell_state = inputs[self.layout.state], inputs[self.layout.cell_state]
        h = np.array(state).reshape(self.sizes.batch, self.sizes.outputs)
        c = np.array(cell_state).reshape(self.sizes.batch, self.sizes.units)
        if not self.time_major:
            x, out = x.swapaxes(0, 1), out.swapaxes(0, 1)
            auxiliary = None if auxiliary is None else auxiliary.swapaxes(0, 1)
        flat = run.scratch((cell.floats(self.steps, self.rows),), np.float32)
        for start in range(0, self.sizes.batch, self.rows):
            rows = slice(start, start + self.rows)
            second = None if auxiliary is None else auxiliary[:, rows]
            self._through(
                cell.for_rows(rows), x[:, rows], second, out[:, rows], h[rows], c[rows], flat
            )
        run.state.variables[self.keys[0]] = h.reshape(state.shape)
        run.state.variables[self.keys[1]] = c.reshape(cell_state.shape)

    def _through(
        self, cell: Cell, x: Array, auxiliary: Array | None, out: Array, h: Array, c: Array,
        flat: Array,
    ) -> None:  # fmt: skip
        """Some rows of the batch, all of time."""
        work = cell.work(flat, self.steps, len(h))
        for block in in_order(range(0, len(x), self.steps), self.backwards):
            steps = slice(block, block + self.steps)
            second = None if auxiliary is None else auxiliary[steps]
            part = cell.input_part(x[steps], second, work)
            for t in in_order(range(len(part)), self.backwards):
                cell.step(part[t], h, c, work)
                out[block + t] = h


def prepare_pass(
    node: Node, inputs: Sequence[Spec | None], layout: Layout, found: Sizes, time: int, *,
    cell: Cell | None = None, time_major: bool = True, backwards: bool = False,
) -> Pass:  # fmt: skip
    """One direction of an operator whose shapes are checked.

    Args:
        node, inputs: as prepare has them.
        layout, found: of this direction's cell.
        time: steps of the sequence.
        cell: an integer cell; without it, a float one is made of the weights.
        time_major, backwards: see `Pass`.
    """
    widest = max(found.rows, found.depth, found.auxiliary)
    rows = max(1, min(found.batch, BLOCK // widest))
    steps = max(1, min(time, BLOCK // (rows * widest)))
    constants: dict[int, Array] = {}
    how = None
    if cell is None:
        how = recipe(node, inputs, layout, found)
        given = {n: s for n in layout.constants if n < len(inputs) and (s := inputs[n]) is not None}
        constants = {n: s.value for n, s in given.items() if s.value is not None}
        if len(constants) == len(given):
            cell, how, constants = how.assemble(constants), None, {}
    state, cell_state = node.input_keys[layout.state], node.input_keys[layout.cell_state]
    assert state is not None and cell_state is not None
    return Pass(
        cell, how, constants, layout, found, (state, cell_state),
        time, time_major, backwards, rows, steps,
    )  # fmt: skip
