"""Which shapes run() plans for, given the shapes that it was handed.

If the graph can be planned for the given shapes with every output's leading size following the
batch, it is. Otherwise a pure graph runs sample by sample. Otherwise the error names the operator
and tensor that pin the shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import InputError, TFLiteError
from pytflite.model.graph import Array
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Plan
from pytflite.runtime.engine import Engine


class Batches:
    """One call of run(): the arrays, and how they will be run.

    Args:
        engine: runs them.
        arrays: one per input, of the right types.
        shapes: the present shapes of the inputs, a list of tuples.
    """

    def __init__(self, engine: Engine, arrays: Sequence[Array], shapes: list[Shape]) -> None:
        self._engine = engine
        self._arrays = arrays
        self._shapes = shapes

    def run(self) -> list[Array]:
        """The outputs, as new arrays."""
        given = [a.shape for a in self._arrays]
        if given == self._shapes:
            return self._whole(self._engine.plan(0, given, bare=True))
        batch = self._batch(given)
        if batch is None:
            self._check_open(given)
            return self._whole(self._engine.plan(0, given))
        try:
            plan = self._engine.plan(0, given)
        except TFLiteError as error:
            return self._each(batch, error)
        if rows_apart(plan, batch):
            return self._whole(plan)
        return self._each(batch, None)

    def _batch(self, given: Sequence[Shape]) -> int | None:
        """The common leading size, where it is all that differs from the present shapes."""
        sizes = set()
        for shape, present in zip(given, self._shapes, strict=True):
            if not present or present[0] != 1 or shape[1:] != present[1:] or not shape:
                return None
            sizes.add(shape[0])
        return sizes.pop() if len(sizes) == 1 else None

    def _check_open(self, given: Sequence[Shape]) -> None:
        """Refuses sizes other than the file's where the file does not leave them open."""
        main = self._engine.model.main
        for shape, present, index in zip(given, self._shapes, main.inputs, strict=True):
            tensor = main.tensors[index]
            signature = tensor.shape_signature or tensor.shape
            if shape == present or (not signature and not tensor.shape and tensor.has_rank):
                continue
            fits = len(shape) == len(signature) and all(
                s in (-1, d) or d == p for s, d, p in zip(signature, shape, present, strict=False)
            )
            if not fits and signature:
                wanted = ["any" if s < 0 else s for s in signature]
                raise InputError(
                    "the input has the wrong shape",
                    code="input.shape",
                    tensor=tensor.name,
                    expected=wanted if -1 in signature else list(present),
                    found=list(shape),
                    hint="resize_tensor_input() plans for other sizes, if the graph allows them",
                )

    def _whole(self, plan: Plan) -> list[Array]:
        engine = self._engine
        if plan.pure:
            return self._in_context(plan, self._arrays)
        with engine.lock:
            return self._in_context(plan, self._arrays)

    def _in_context(self, plan: Plan, arrays: Sequence[Array]) -> list[Array]:
        engine = self._engine
        context = engine.take(plan)
        try:
            context.set_inputs(arrays)
            engine.execute(context)
            return [np.array(engine.tensor(context, i)) for i in plan.outputs]
        finally:
            engine.give_back(context)

    def _each(self, batch: int, error: TFLiteError | None) -> list[Array]:
        """Sample by sample, if no state connects them."""
        plan = self._engine.plan(0, self._shapes)
        if not plan.pure or batch == 0:
            raise error or InputError(
                "the model cannot run a batch of this size",
                code="input.batch",
                expected="a batch of 1: an operator mixes samples, and the model keeps state",
                found=batch,
            )
        results = [
            self._in_context(plan, [a[i : i + 1] for a in self._arrays]) for i in range(batch)
        ]
        if any(r.ndim == 0 or r.shape[0] != 1 for r in results[0]):
            raise error or InputError(
                "the outputs do not follow the batch",
                code="input.batch",
                expected="a batch of 1",
                found=batch,
            )
        return [np.concatenate(parts) for parts in zip(*results, strict=True)]


def rows_apart(plan: Plan, batch: int) -> bool:
    """Whether row i of every output depends on row i of the inputs alone."""
    for index in plan.outputs:
        shape = plan.specs[index].shape
        if not shape or shape[0] != batch:
            return False
    mixed = set(plan.inputs)  # tensors that carry the batch
    for step in plan.steps:
        if not mixed.intersection(step.inputs):
            continue
        packs = () if callable(step.definition.rows_apart) else step.definition.packs
        if any(step.inputs[n] in mixed for n in packs if n < len(step.inputs)):
            return False  # weights that are computed: they are not those of a row
        if not step.rows_apart:
            return False
        mixed.update(step.outputs)
    return True
