"""Looking inside a run: traces, and hooks before and after operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array, Tensor
from pytflite.model.model import Model
from pytflite.ops.spec import Key
from pytflite.plan.plan import Plan, Step
from pytflite.runtime.context import Context
from pytflite.runtime.engine import Engine
from pytflite.runtime.execution import Read
from pytflite.runtime.feeding import dequantize
from pytflite.runtime.state import State


class Moment:
    """An operator before or after it is evaluated: what a hook is given.

    Attributes:
        operator: "CONV_2D".
        label: the operator with its number and output, as errors name it.
        index, subgraph: where it stands.
        inputs, outputs: arrays by tensor name, read-only and valid during the call alone;
            before the operator there are no outputs, and after it no inputs, for it may have
            written over them.
        seconds: how long it took (after it).
    """

    def __init__(self, step: Step, read: Read, seconds: float | None, model: Model) -> None:
        node = step.node
        self.operator = node.name
        self.label = node.label
        self.index, self.subgraph = node.index, node.subgraph
        self.seconds = seconds
        before = seconds is None
        self.inputs = _arrays(step.inputs, node.subgraph, read, model) if before else {}
        self.outputs = {} if before else _arrays(step.outputs, node.subgraph, read, model)

    def __repr__(self) -> str:
        return f"<Moment {'before' if self.seconds is None else 'after'} {self.label}>"


def _arrays(indices: Sequence[int], subgraph: int, read: Read, model: Model) -> dict[str, Array]:
    found = {}
    for index in indices:
        array = read(index) if index >= 0 else None
        if array is None and index >= 0:
            array = model.constant(subgraph, index)  # packed: the step has it in another form
        if array is not None:
            view = array.view()
            view.flags.writeable = False
            found[model.subgraphs[subgraph].tensors[index].name] = view
    return found


Hook = Callable[[Moment], Any]


class Hooked:
    """A hook that has been added to an interpreter; `remove()` takes it away.

    As a context manager it is there until the block ends.
    """

    inside = True

    def __init__(
        self, engine: Engine, pattern: str, before: Hook | None, after: Hook | None
    ) -> None:
        self._engine = engine
        self._pattern = pattern.casefold()
        self._before, self._after = before, after
        with engine.lock:
            engine.observers = (*engine.observers, self)

    def remove(self) -> None:
        """Takes the hook away; runs that have begun still see it."""
        with self._engine.lock:
            others = [o for o in self._engine.observers if o is not self]
            self._engine.observers = tuple(others)

    def before(self, step: Step, read: Read) -> None:
        """Calls the hook that wants to see the inputs."""
        if self._before is not None and matches(step, self._pattern):
            self._before(Moment(step, read, None, self._engine.model))

    def after(self, step: Step, read: Read, seconds: float) -> None:
        """Calls the hook that wants to see the outputs."""
        if self._after is not None and matches(step, self._pattern):
            self._after(Moment(step, read, seconds, self._engine.model))

    def __enter__(self) -> Hooked:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def matches(step: Step, pattern: str) -> bool:
    """Whether an operator's name, or that of one of its outputs, is like a (folded) pattern."""
    names = [step.node.name, *(t.name for t in step.node.outputs if t is not None)]
    return any(fnmatchcase(name.casefold(), pattern) for name in names)


class TensorSummary(NamedTuple):
    """A row of a trace: `pandas.DataFrame(trace.summary())`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    min: float
    max: float
    mean: float
    nans: int


class Trace(Mapping[str, Array]):
    """The tensors of one run, by name, in the order of the graph.

    Those of subgraphs that operators call are "1/name", as their last call left them. Where two
    tensors share a name, the later is "name#index". Arrays are copied when they are asked
    for, and are the reader's own; FLOAT8 and BFLOAT16 are bit patterns.
    """

    def __init__(self, model: Model, arrays: Mapping[Key, Array]) -> None:
        self._model = model
        self._arrays = dict(arrays)
        self._keys: dict[str, Key] = {}
        for key in sorted(self._arrays):
            name = model.subgraphs[key[0]].tensors[key[1]].name
            name = f"{key[0]}/{name}" if key[0] else name
            self._keys[f"{name}#{key[1]}" if name in self._keys else name] = key

    def __getitem__(self, name: str) -> Array:
        return np.array(self._arrays[self._key(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def real(self, name: str) -> Array:
        """A tensor as real numbers: integers with a scale are dequantised."""
        tensor = self.tensor(name)
        array = self[name]
        integer = tensor.dtype.is_integer and tensor.is_quantized
        return dequantize(array, tensor) if integer else array

    def summary(self) -> list[TensorSummary]:
        """A row for each tensor of numbers that is not empty: real values, as `real` gives them."""
        found = (self.row(name, self.real(name)) for name in self)
        return [row for row in found if row is not None]

    def row(self, name: str, array: Array) -> TensorSummary | None:
        """The row of one tensor whose real values these are; None if they are no numbers."""
        dtype = self.tensor(name).dtype
        if dtype.is_handle or not array.size or array.dtype.kind not in "fiub":
            return None
        wide = array.astype(np.float64)
        nans = int(np.isnan(wide).sum())
        known = wide[~np.isnan(wide)] if nans else wide
        low, high, mean = (known.min(), known.max(), known.mean()) if known.size else (np.nan,) * 3
        return TensorSummary(
            name, dtype.name, array.shape, float(low), float(high), float(mean), nans
        )

    def tensor(self, name: str) -> Tensor:
        """What the model says of a tensor: its type, its quantisation."""
        subgraph, index = self._key(name)
        return self._model.subgraphs[subgraph].tensors[index]

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape in this run."""
        return self._arrays[self._key(name)].shape

    def is_constant(self, name: str) -> bool:
        """Whether the file has its value: a weight, a shape."""
        return self._model.constant(*self._key(name)) is not None

    def by_key(self) -> dict[Key, Array]:
        """The arrays by (subgraph, index), not copied."""
        return dict(self._arrays)

    def _key(self, name: str) -> Key:
        if name not in self._keys:
            raise KeyError(f"{name!r} is not in this trace; list(trace) names its tensors")
        return self._keys[name]

    def __repr__(self) -> str:
        return f"<Trace of {len(self)} tensors>"

    def _repr_html_(self) -> str:
        from pytflite.runtime.html import trace_html

        return trace_html(self)


class Recorder:
    """Copies what operators of a pattern gave; None: what those of called subgraphs were given
    from outside and gave."""

    inside = True

    def __init__(self, model: Model, pattern: str | None) -> None:
        self._model = model
        self._pattern = None if pattern is None else pattern.casefold()
        self.arrays: dict[Key, Array] = {}

    def before(self, step: Step, read: Read) -> None:
        subgraph = step.node.subgraph
        if self._pattern is not None or subgraph == 0:
            return
        given = self._model.subgraphs[subgraph].inputs
        for index in step.inputs:
            array = read(index) if index in given else None
            if array is not None:
                self.arrays[subgraph, index] = np.array(array)

    def after(self, step: Step, read: Read, seconds: float) -> None:
        subgraph = step.node.subgraph
        wanted = subgraph > 0 if self._pattern is None else matches(step, self._pattern)
        if not wanted:
            return
        for index in step.outputs:
            array = read(index) if index >= 0 else None
            if array is not None:
                self.arrays[subgraph, index] = np.array(array)


def trace(engine: Engine, arrays: Sequence[Array], watch: str | None) -> Trace:
    """Runs the main subgraph once, and keeps its tensors.

    Args:
        engine: runs it; state goes on as it does in any run.
        arrays: inputs of the right types.
        watch: keep the outputs of operators of this name alone.
    """
    plan = engine.plan(0, [a.shape for a in arrays], preserve=watch is None)
    recorder = Recorder(engine.model, watch)
    context = Context(plan)
    context.set_inputs(arrays)
    with engine.lock:  # the state that is read afterwards is that of this run
        engine.execute(context, recorder)
        state = engine.state
    found = dict(recorder.arrays)
    if watch is None:
        for index in plan.specs:
            array = _value(engine, plan, context, state, index)
            if array is not None:
                found[0, index] = array
    return Trace(engine.model, found)


def _value(engine: Engine, plan: Plan, context: Context, state: State, index: int) -> Array | None:
    if plan.specs[index].variable:
        return state.variables.get((0, index))
    found = context.tensor(index)
    if found is not None:
        return found
    return engine.model.constant(0, index)  # packed: the plan has it in another form
