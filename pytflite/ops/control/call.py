"""CALL, CALL_ONCE and STABLEHLO_COMPOSITE: run one subgraph.

    CALL, STABLEHLO_COMPOSITE: outputs = subgraph(*inputs)
    CALL_ONCE: subgraph() at the first run of the interpreter, nothing afterwards

A composite is known by its name; its decomposition subgraph computes the same.
Source: CALL_ONCE (kernels/call_once.cc), STABLEHLO_COMPOSITE (kernels/stablehlo_composite.cc).
"""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.model.graph import Array
from pytflite.ops.control.calling import called_outputs, declared, give
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_FIELDS = {
    "CALL": "subgraph",
    "CALL_ONCE": "init_subgraph_index",
    "STABLEHLO_COMPOSITE": "decomposition_subgraph_index",
}


def subgraphs(node: Node) -> tuple[int, ...]:
    """The one subgraph."""
    return (getattr(node.options, _FIELDS[node.name]),)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """What the subgraph gives."""
    (target,) = subgraphs(node)
    return declared(node, called_outputs(node, target, inputs, "subgraph"), "subgraph")


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> int:
    """The subgraph's index."""
    return subgraphs(node)[0]


def eval_call(p: int, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Runs the subgraph."""
    return give(run.call(p, inputs), outputs)


def eval_once(p: int, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Runs the subgraph unless this interpreter has run it already."""
    if p not in run.state.initialised:
        run.call(p, inputs)
        run.state.initialised |= {p}
    return [] if outputs else None


define(
    "CALL",
    module=__name__,
    options="CallOptions",
    signature=Signature("*... -> *..."),
    infer=infer,
    prepare=prepare,
    eval=eval_call,
    calls=subgraphs,
)
define(
    "STABLEHLO_COMPOSITE",
    module=__name__,
    options="StableHLOCompositeOptions",
    signature=Signature("*... -> *..."),
    infer=infer,
    prepare=prepare,
    eval=eval_call,
    calls=subgraphs,
)
define(
    "CALL_ONCE",
    module=__name__,
    options="CallOnceOptions",
    signature=Signature("->"),
    infer=infer,
    prepare=prepare,
    eval=eval_once,
    pure=False,
    calls=subgraphs,
)
