"""Tensors: the tensors of one subgraph, as the calls of tf.lite see them.

They are set, the graph is invoked on them, and they are read. `Interpreter` has one such set for
each subgraph that is used so; `run()` has memory of its own and does not touch them.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import InputError, StateError
from pytflite.model.graph import Array, Tensor
from pytflite.ops.spec import Key, Shape
from pytflite.plan.plan import Plan
from pytflite.runtime.context import Context
from pytflite.runtime.details import declared_shape, reported_type, tensor_details
from pytflite.runtime.engine import Engine
from pytflite.runtime.values import as_given, check_shape, takes_plainly

_UNALLOCATED_READ = "Tensor data is null. Run allocate_tensors() first"
_UNALLOCATED_WRITE = (
    "Cannot set tensor: Tensor is unallocated. Try calling allocate_tensors() first"
)


class Tensors:
    """Shapes of the inputs, and memory once it is allocated. Not locked: the caller does.

    Args:
        engine: runs them.
        subgraph: whose tensors.
        preserve: every tensor keeps its value.
        called: what operators' calls left in the tensors of other subgraphs, for all of them; it is
            kept up to date if every tensor is to keep its value.
    """

    def __init__(
        self,
        engine: Engine,
        subgraph: int,
        *,
        preserve: bool = False,
        called: dict[Key, Array] | None = None,
    ) -> None:
        self.subgraph = subgraph
        self.graph = engine.model.subgraphs[subgraph]
        self.shapes = [declared_shape(self.graph.tensors[i]) for i in self.graph.inputs]
        self._engine = engine
        self._preserve = preserve
        self._called = {} if called is None else called
        self._context: Context | None = None
        self._before: Context | None = None  # what allocate() may take values from
        self.views: list[weakref.ref[Array]] = []  # on what view() gave and somebody may hold
        # Places that set() and get() copy to and from without another look.
        self._plain_inputs: dict[int, tuple[Array, np.dtype[Any], Shape]] = {}
        self._plain_outputs: dict[int, Array] = {}

    def allocate(self) -> None:
        """Plans for the present shapes of the inputs.

        Inputs that keep their shape keep their values. Where another plan was in use before,
        variable tensors begin anew, as in LiteRT.
        """
        plan = self._plan()
        old = self._context or self._before
        if old is not None and old.plan is plan:
            self._use(old)
            return
        context = Context(plan)
        for index in plan.inputs:
            place = context.arrays.get(index)
            kept = None if old is None else old.arrays.get(index)
            if place is None or place.dtype == object:
                if kept is not None:
                    context.arrays[index] = kept
            elif kept is not None and kept.shape == place.shape:
                place[...] = kept
            else:
                place[...] = 0
        if old is not None and plan.variables:
            self._engine.forget_variables(self.subgraph)
        self._use(context)
        self._before = None

    def _plan(self) -> Plan:
        preserve = self._preserve
        return self._engine.plan(self.subgraph, self.shapes, preserve=preserve, bare=not preserve)

    def _use(self, context: Context | None) -> None:
        """Makes a context, or none, the memory of the tensors."""
        self._context = context
        self._plain_inputs, self._plain_outputs = {}, {}
        if context is None:
            return
        plan = context.plan
        for index in {*plan.inputs, *plan.outputs} & plan.offsets.keys():
            tensor, place = self.graph.tensors[index], context.arrays[index]
            if tensor.sparsity is not None or reported_type(tensor, place) != place.dtype:
                continue
            self._plain_outputs[index] = place
            if index in plan.inputs and takes_plainly(tensor):
                self._plain_inputs[index] = place, place.dtype, place.shape

    def resize(self, index: int, shape: Sequence[int], strict: bool = False) -> None:
        """Changes the shape of an input; allocate() makes it take effect."""
        tensor = self.known(index)
        if np.ndim(shape) != 1:
            raise InputError(f"Shape should be 1D instead of {np.ndim(shape)}.", code="input.shape")
        sizes = tuple(int(d) for d in shape)
        if index not in self.graph.inputs or any(d < 0 for d in sizes):
            raise InputError(
                f"Failed to resize tensor {index}",
                code="input.shape",
                tensor=tensor.name,
                expected="an input, and sizes of at least 0",
                found=list(sizes),
            )
        signature = tensor.shape_signature or tensor.shape
        fits = len(signature) == len(sizes) and all(
            s in (-1, d) for s, d in zip(signature, sizes, strict=True)
        )
        if strict and not fits:
            raise InputError(
                "ResizeInputTensorStrict only allows mutating unknown dimensions identified by -1.",
                code="input.strict",
                tensor=tensor.name,
                expected=list(signature),
                found=list(sizes),
            )
        place = self.graph.inputs.index(index)
        if sizes != self.shapes[place]:
            self.shapes[place] = sizes
            self._before = self._context or self._before
            self._use(None)

    def set(self, index: int, value: Any) -> None:
        """Copies a value into an input, an output, a variable, or (if kept) any computed tensor."""
        if index in self._plain_inputs and type(value) is np.ndarray:
            plain, dtype, shape = self._plain_inputs[index]
            if value.dtype == dtype and value.shape == shape:
                plain[...] = value
                return
        tensor = self.known(index)
        array = as_given(value, tensor, index)
        check_shape(array, self.shape(index), index, tensor)
        context = self._allocated(_UNALLOCATED_WRITE)
        plan = context.plan
        if index in plan.variables:
            self._engine.set_variable((self.subgraph, index), array)
            return
        place = context.arrays.get(index)
        settable = self._kept(index) and index not in plan.constants
        if index in plan.inputs and (place is None or place.dtype == object):
            context.arrays[index] = np.array(array)
        elif place is None or not settable:
            raise InputError(
                "Cannot set tensor: it is a constant, or its memory is shared",
                code="input.index",
                tensor=tensor.name,
                expected="an input",
                found=index,
                hint="experimental_preserve_all_tensors=True gives each tensor memory of its own",
            )
        else:
            place[...] = array

    def invoke(self) -> None:
        """Runs the subgraph."""
        context = self._allocated("Invoke called on model that is not ready.")
        if self._engine.outdated(context.plan):
            context = self._renew(context)
        if not self._preserve or len(self._engine.model.subgraphs) == 1:
            self._engine.execute(context)
            return
        from pytflite.runtime.trace import Recorder

        recorder = Recorder(self._engine.model, None)
        self._engine.execute(context, recorder)
        self._called.update(recorder.arrays)

    def _renew(self, old: Context) -> Context:
        """Plans anew for the same shapes, and takes over all values that can be read."""
        plan = self._plan()
        context = Context(plan)
        self._use(context)
        kept = old.arrays if self._preserve else {*plan.inputs, *plan.outputs}
        for index in kept:
            place, value = context.arrays.get(index), old.arrays.get(index)
            if value is None or index in plan.constants:
                continue
            if place is None or place.dtype == object:
                context.arrays[index] = value
            else:
                place[...] = value
        return context

    def get(self, index: int) -> Array:
        """A copy of a tensor's value."""
        plain = self._plain_outputs.get(index)
        if plain is not None:
            return plain.copy()
        tensor = self.known(index)
        array = self._value(index)
        if tensor.sparsity is not None and tensor.dtype.bits >= 8:
            buffers = self._engine.model.buffers  # some models have none at all
            data = buffers[tensor.buffer].data if buffers else None
            # LiteRT gives what is stored.
            if data is not None and data.size % tensor.dtype.itemsize == 0:
                return np.array(data.view(tensor.dtype.storage))
        copy, reported = np.array(array), reported_type(tensor, array)
        # The caller's own, so that resize() works on it: a view would be another's.
        return copy if copy.dtype == reported else copy.view(reported)

    def view(self, index: int) -> Array:
        """A tensor's own memory; while it, or a slice of it, is held nothing can be invoked."""
        tensor = self.known(index)
        array = self._value(index)
        if array.dtype == object:
            return np.array(array)
        if not array.size:
            return np.array(array)
        assert self._context is not None
        raw = array.reshape(-1).view(np.uint8).data
        if not self._kept(index) or index in self._context.plan.variables:
            raw = raw.toreadonly()
        # NumPy follows the bases of views to the first that is no view. That is this one, whose
        # own base is no array: all slices hold on to it.
        window: Array = np.frombuffer(raw, np.uint8)
        self.views = [v for v in self.views if v() is not None]
        self.views.append(weakref.ref(window))
        return window.view(reported_type(tensor, array)).reshape(array.shape)

    @property
    def viewed(self) -> bool:
        """Whether somebody holds a view."""
        return any(view() is not None for view in self.views)

    def _value(self, index: int) -> Array:
        found: Array | None = None
        if self._context is None:  # constants are there before anything is allocated
            found = self._engine.model.constant(self.subgraph, index)
            if found is None:
                found = self._called.get((self.subgraph, index))
            if found is not None:
                return found
        context = self._allocated(_UNALLOCATED_READ)
        plan = context.plan
        stays = self._kept(index) or index in plan.variables or index in context.loose
        if stays or index not in plan.offsets:
            found = self._engine.tensor(context, index)
            if found is None:
                found = self._engine.model.constant(self.subgraph, index)
        if found is None:
            raise StateError(
                "Tensor data is null. It was not kept, or invoke() has not run yet",
                code="state.not-kept",
                tensor=self.graph.tensors[index].name,
                hint="Interpreter(experimental_preserve_all_tensors=True) keeps all tensors, "
                "and trace(inputs) reads any of them",
            )
        return found

    def _kept(self, index: int) -> bool:
        return self._preserve or index in self.graph.inputs or index in self.graph.outputs

    def _allocated(self, problem: str) -> Context:
        if self._context is None:
            raise StateError(
                problem, code="state.not-allocated", hint="call allocate_tensors() first"
            )
        return self._context

    def known(self, index: int) -> Tensor:
        """The description of a tensor.

        Raises:
            InputError: there is none of this number.
        """
        tensors = self.graph.tensors
        if not 0 <= index < len(tensors):
            raise InputError(
                f"Invalid tensor index {index} exceeds max tensor index {len(tensors)}",
                code="input.index",
            )
        return tensors[index]

    def shape(self, index: int) -> Shape:
        """The present shape of a tensor."""
        if index in self.graph.inputs:
            return self.shapes[self.graph.inputs.index(index)]
        if self._context is not None:
            found = self._context.loose.get(index)
            if found is not None:
                return found.shape
            spec = self._context.plan.specs.get(index)
            if spec is not None and spec.is_static:
                return spec.static
        return declared_shape(self.graph.tensors[index])

    def details(self, index: int) -> dict[str, Any]:
        """The dictionary of tf.lite for a tensor."""
        self.known(index)
        spec = None if self._context is None else self._context.plan.specs.get(index)
        return tensor_details(
            self._engine.model, self.subgraph, index, self.shape(index),
            None if spec is None else spec.dtype,
        )  # fmt: skip

    def snapshot(self) -> tuple[list[Shape], dict[int, Array] | None]:
        """Shapes, and the values of inputs and outputs if there is memory: for pickling."""
        if self._context is None:
            return list(self.shapes), None
        both = (*self.graph.inputs, *self.graph.outputs)
        found = {i: self._context.tensor(i) for i in both}
        return list(self.shapes), {i: np.array(a) for i, a in found.items() if a is not None}

    def restore(self, shapes: Sequence[Shape], values: dict[int, Array] | None) -> None:
        """Makes the tensors as a snapshot says."""
        self.shapes = [tuple(s) for s in shapes]
        if values is None:
            return
        self.allocate()
        assert self._context is not None
        for index, value in values.items():
            place = self._context.arrays.get(index)
            if index in self._context.plan.constants:
                continue
            if place is None or place.dtype == object:
                into = self._context.arrays if index in self.graph.inputs else self._context.loose
                into[index] = value
            else:
                place[...] = value
