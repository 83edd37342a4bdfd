"""Custom operators that are a builtin operator under another name, with other options.

    as_builtin("FlexSoftplus", "...", translate)

`translate(node, inputs)` gives the options of the builtin operator, and its inputs: numbers of the
custom operator's, arrays for what its options say (a Spec while shapes that they follow from are
unknown), or None for what is left out. Everything else is the builtin operator's; its module is
loaded when a model needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from pytflite.errors import ModelError
from pytflite.model.dtypes import from_numpy
from pytflite.model.graph import Array
from pytflite.model.options import Options
from pytflite.ops.operator import Cost, Definition, Inputs, Outputs, Run, define
from pytflite.ops.registry import find
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

Source = int | Array | Spec | None
Order = Sequence[Source]
Translate = Callable[[Node, Sequence[Spec | None]], tuple[dict[str, Any], Order]]


class Builtin(NamedTuple):
    """The name of the builtin operator, and how to come by its options and inputs."""

    name: str
    translate: Translate


class P(NamedTuple):
    """The builtin operator's: itself, its P, its inputs, and the node that it sees."""

    definition: Definition
    inner: Any
    order: tuple[Source, ...]
    node: Node


class BuiltinNode(Node):
    """The node as the builtin operator sees it; in errors it has its own name."""

    __slots__ = ("_label",)

    def __init__(self, node: Node, name: str, version: int, options: Options | None,
                 order: Order) -> None:  # fmt: skip
        super().__init__(
            name, version,
            [node.inputs[i] if isinstance(i, int) else None for i in order], node.outputs,
            options,
            input_keys=[node.input_keys[i] if isinstance(i, int) else None for i in order]
            if node.input_keys else (),
            output_keys=node.output_keys, index=node.index, subgraph=node.subgraph,
            graph=node.graph,
        )  # fmt: skip
        self._label = node.label

    @property
    def label(self) -> str:
        """How the custom operator is called."""
        return self._label


class BuiltinRun:
    """The run as the builtin operator sees it: it is told its own node."""

    __slots__ = ("_run", "call", "empty", "node", "scratch")

    def __init__(self, run: Run, node: Node) -> None:
        self._run = run
        self.node = node
        self.call, self.empty, self.scratch = run.call, run.empty, run.scratch

    @property
    def state(self) -> Any:
        """The run's."""
        return self._run.state

    @property
    def limits(self) -> Any:
        """The run's."""
        return self._run.limits


Translated = tuple[Definition, BuiltinNode, list[Spec | None], Order]


def as_builtin(name: str, builtin: str, translate: Translate, **declared: Any) -> Definition:
    """Registers a custom operator that is a builtin one.

    Args:
        name, builtin: of the two operators.
        translate: see above. It raises what makes no sense for the custom operator.
        declared: the fields of `Definition`, module among them; packs are its own inputs' numbers.
    """
    what = Builtin(builtin, translate)
    declared.setdefault("signature", Signature("*... -> *..."))
    declared.setdefault("rows_apart", partial(_rows_apart, what))
    return define(
        name,
        custom=True,
        infer=partial(_infer, what),
        prepare=partial(_prepare, what),
        eval=_evaluate,
        cost=partial(_cost, what),
        scratch=_scratch,
        **declared,
    )


def builtin_of(
    definition: Definition, node: Node, inputs: Sequence[Spec | None]
) -> Translated | None:
    """The builtin operator that a custom one is, as it sees node and inputs, and which inputs of
    the custom operator these are; None if it is no other operator."""
    infer = definition.infer
    if isinstance(infer, partial) and infer.func is _infer:
        return _translated(infer.args[0], node, inputs)
    return None


def _translated(what: Builtin, node: Node, inputs: Sequence[Spec | None]) -> Translated:
    definition = find(what.name)
    assert definition is not None
    fields, order = what.translate(node, inputs)
    least = 1 + max((i for i in order if isinstance(i, int)), default=-1)
    if len(inputs) < least:
        raise node.error(
            ModelError, "inputs are missing", code="op.arity", expected=f"at least {least}",
            found=len(inputs),
        )  # fmt: skip
    options = Options(definition.options, **fields) if definition.options is not None else None
    specs = [_spec(inputs, i) for i in order]
    inner = BuiltinNode(node, what.name, definition.versions[1], options, order)
    return definition, inner, specs, order


def _spec(inputs: Sequence[Spec | None], which: Source) -> Spec | None:
    if isinstance(which, int):
        return inputs[which]
    if which is None or isinstance(which, Spec):
        return which
    return Spec(which.shape, from_numpy(which.dtype), value=which)


def _infer(what: Builtin, node: Node, inputs: Sequence[Spec | None]) -> Sequence[Spec]:
    definition, inner, specs, _ = _translated(what, node, inputs)
    definition.signature.check(inner, specs)
    return definition.infer(inner, specs)


def _prepare(
    what: Builtin, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> P:
    definition, inner, specs, order = _translated(what, node, inputs)
    return P(definition, definition.prepare(inner, specs, outputs), tuple(order), inner)


def _evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> Sequence[Array] | None:
    arranged = [inputs[i] if isinstance(i, int) else i for i in p.order]
    return p.definition.eval(p.inner, arranged, outputs, BuiltinRun(run, p.node))


def _cost(
    what: Builtin, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> Cost:
    definition, inner, specs, _ = _translated(what, node, inputs)
    if definition.cost is not None:
        return definition.cost(inner, specs, outputs)
    return Cost.of(0, inputs, outputs)


def _scratch(p: P) -> int:
    return p.definition.scratch(p.inner) if p.definition.scratch is not None else 0


def _rows_apart(what: Builtin, node: Node, inputs: Sequence[Spec | None]) -> bool:
    definition, inner, specs, _ = _translated(what, node, inputs)
    apart = definition.rows_apart
    return apart(inner, specs) if callable(apart) else apart
