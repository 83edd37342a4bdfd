"""STABLEHLO_CUSTOM_CALL: what its target's name says.

    Sharding, SPMDFullToShardShape, SPMDShardToFullShape, LayoutConstraint, MoveToHost,
    MoveToDevice, annotate_device_placement, mark_tensor      output = input: notes for compilers
    mhlo.erf, mhlo.tan, mhlo.asin, mhlo.acos, mhlo.atan, mhlo.sinh, mhlo.cosh, mhlo.asinh,
    mhlo.acosh, mhlo.atanh                                    the function, element by element
    tf.ResizeBilinear                                         TensorFlow's operator
    any other name                                            the custom operator of that name
                                                              which the user registered

Attributes are read from custom_attributes, a FlexBuffer. LiteRT does not run it. Source:
STABLEHLO_CUSTOM_CALL (converter/flatbuffer_export.cc, smuggle_disallowed_ops.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pytflite.errors import FormatError, OptionError, ShapeError, UnsupportedOperatorError
from pytflite.model.graph import Array
from pytflite.ops.catalogue import CUSTOM_MODULES
from pytflite.ops.custom.translation import BuiltinRun
from pytflite.ops.operator import Cost, Definition, Inputs, Outputs, Run, define
from pytflite.ops.registry import find
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_IDENTITIES = frozenset({
    "Sharding", "SPMDFullToShardShape", "SPMDShardToFullShape", "LayoutConstraint", "MoveToHost",
    "MoveToDevice", "annotate_device_placement", "mark_tensor",
})  # fmt: skip
_FUNCTIONS = ("acos", "acosh", "asin", "asinh", "atan", "atanh", "cosh", "erf", "sinh", "tan")
_OPERATORS = {
    **{f"mhlo.{name}": f"Flex{name.capitalize()}" for name in _FUNCTIONS},
    "tf.ResizeBilinear": "FlexResizeBilinear",
}


class P(NamedTuple):
    """The operator that is meant, its P, and the node that it sees."""

    definition: Definition
    inner: Any
    node: Node


class TargetNode(Node):
    """The node as the operator that is meant sees it; in errors it has its own name."""

    __slots__ = ("_label",)

    def __init__(self, node: Node, attributes: dict[str, Any]) -> None:
        super().__init__(
            node.options.call_target_name, node.version, node.inputs, node.outputs,
            custom=attributes, input_keys=node.input_keys, output_keys=node.output_keys,
            index=node.index, subgraph=node.subgraph, graph=node.graph,
        )  # fmt: skip
        self._label = node.label

    @property
    def label(self) -> str:
        """How the call is called."""
        return self._label


def _identity_infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    source, given, made = inputs[0], node.inputs[0], node.outputs[0]
    assert source is not None and given is not None and made is not None
    if given.shape != made.shape:
        raise node.error(
            ShapeError, "a tensor is divided among devices, and here is only one", tensor=0,
            expected=list(made.shape), found=list(given.shape),
        )  # fmt: skip
    return (node.output(0, source.shape),)


def _identity(p: None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    if outputs[0] is None:
        return [inputs[0].copy()]
    outputs[0][...] = inputs[0]
    return None


def _nothing(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> None:
    return None


_IDENTITY = Definition(
    "identity", __name__, "", Signature("T -> T", T="*"), _identity_infer, _nothing, _identity
)


def _meant(node: Node) -> tuple[Definition, TargetNode]:
    """The operator that is called.

    Raises:
        UnsupportedOperatorError: the name says nothing.
    """
    name = node.options.call_target_name or ""
    if name in _IDENTITIES:
        return _IDENTITY, TargetNode(node, {})
    if name in _OPERATORS:
        definition = find(_OPERATORS[name], custom=True)
    else:
        assert node.graph is not None
        definition = node.graph.custom_operator(name)
    # The house's own custom operators are not meant: targets have names of another world.
    if definition is None or definition.module == CUSTOM_MODULES.get(name):
        arguments = ", ".join(f"x{i}" for i in range(len(node.inputs)))
        raise node.error(
            UnsupportedOperatorError, f"the call of {name[:80]!r} is not supported",
            hint=f"register it: @pytflite.operator({name[:80]!r}) on a function "
            f"f({arguments}, **options) of arrays that returns {len(node.outputs)} array(s)",
        )  # fmt: skip
    return definition, TargetNode(node, _attributes(node))


def _attributes(node: Node) -> dict[str, Any]:
    given = node.options.custom_attributes
    if given is None or not len(given):
        return {}
    from pytflite.format.flexbuffer import decode

    try:
        found = decode(bytes(given))
    except FormatError as error:
        raise node.error(
            OptionError, "custom_attributes cannot be read", expected="a FlexBuffer",
            found=error.problem,
        ) from error  # fmt: skip
    return found if isinstance(found, dict) else {}


def infer(node: Node, inputs: Sequence[Spec | None]) -> Sequence[Spec]:
    """As the operator that is meant."""
    definition, inner = _meant(node)
    definition.signature.check(inner, inputs)
    return definition.infer(inner, inputs)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """As the operator that is meant."""
    definition, inner = _meant(node)
    return P(definition, definition.prepare(inner, inputs, outputs), inner)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> Sequence[Array] | None:
    """As the operator that is meant."""
    return p.definition.eval(p.inner, inputs, outputs, BuiltinRun(run, p.node))


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """As the operator that is meant."""
    definition, inner = _meant(node)
    if definition.cost is not None:
        return definition.cost(inner, inputs, outputs)
    return Cost.of(0, inputs, outputs)


def scratch(p: P) -> int:
    """As the operator that is meant."""
    return p.definition.scratch(p.inner) if p.definition.scratch is not None else 0


define(
    "STABLEHLO_CUSTOM_CALL",
    module=__name__,
    options="StablehloCustomCallOptions",
    signature=Signature("*... -> *..."),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    scratch=scratch,
    pure=False,  # a user's operator may have been declared so
    tolerance=8,
)
