"""Products of float32 with the ADD that follows: the sum is made while the product is at hand."""

from __future__ import annotations

from pytflite.jit.lowering.products import Ending
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.model.dtypes import FLOAT32
from pytflite.ops.activation import bounds
from pytflite.ops.registry import is_ours
from pytflite.plan.plan import Step

PRODUCTS = ("CONV_2D", "FULLY_CONNECTED")


def takes_sum(product: Step, add: Step) -> bool:
    """Whether a product can have an ADD of its result and another tensor done with it."""
    if product.node.name not in PRODUCTS or product.parts or add.parts or add.dynamic:
        return False
    specs = *product.input_specs[:2], *add.input_specs, *product.output_specs, *add.output_specs
    return (
        add.node.name == "ADD"
        and is_ours(product.definition)
        and is_ours(add.definition)
        and len(set(add.inputs)) == 2
        and all(s is not None and s.dtype is FLOAT32 for s in specs)
        and all(s is not None and s.value is None for s in add.input_specs)
        and len({s.shape for s in (*add.input_specs, *add.output_specs) if s is not None}) == 1
    )


def product_and_sum(step: Step, to: Lowering) -> Lowered:
    """The work of a step of two parts."""
    product, add = step.parts
    at = 1 - add.inputs.index(product.outputs[0])
    ending = Ending(bounds(product.node), to.input(add, at), bounds(add.node))
    both = Step(
        product.node,
        product.definition,
        product.inputs,
        add.outputs,
        product.input_specs,
        add.output_specs,
    )
    both.seen = step.seen
    if product.node.name == "CONV_2D":
        from pytflite.jit.lowering.convolution_float32 import conv_2d

        return conv_2d(both, to, ending)
    from pytflite.jit.lowering.dense_float32 import fully_connected

    return fully_connected(both, to, ending)
