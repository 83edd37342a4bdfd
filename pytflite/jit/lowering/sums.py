"""Products with the ADD that follows: the sum is made while the product is at hand."""

from __future__ import annotations

from pytflite.jit.lowering.activated import is_single
from pytflite.jit.lowering.products import Ending
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.model.dtypes import FLOAT32, INT8, UINT8
from pytflite.ops.activation import bounds
from pytflite.ops.registry import is_ours
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

PRODUCTS = ("CONV_2D", "FULLY_CONNECTED")


def takes_sum(product: Step, add: Step) -> bool:
    """Whether a product can have an ADD of its result and another tensor done with it."""
    if product.node.name not in PRODUCTS or add.node.name != "ADD" or add.dynamic:
        return False
    if not (is_single(product) and is_single(add)):
        return False
    specs = *product.input_specs[:2], *add.input_specs, *product.output_specs, *add.output_specs
    return (
        is_ours(product.definition)
        and is_ours(add.definition)
        and len(set(add.inputs)) == 2
        and len({s.dtype for s in specs if s is not None}) == 1
        and all(s is not None and _is_known(s) for s in specs)
        and all(s is not None and _is_plain(s) for s in (*add.input_specs, *add.output_specs))
        and all(s is not None and s.value is None for s in add.input_specs)
        and len({s.shape for s in (*add.input_specs, *add.output_specs) if s is not None}) == 1
    )


def _is_known(spec: Spec) -> bool:
    return spec.dtype is FLOAT32 or (spec.dtype in (INT8, UINT8) and spec.quantization is not None)


def _is_plain(spec: Spec) -> bool:
    return spec.quantization is None or not spec.quantization.is_per_channel


def product_and_sum(step: Step, to: Lowering) -> Lowered:
    """The work of a step of two parts."""
    product, add = step.parts
    floats = add.output_specs[0].dtype is FLOAT32
    both = Step(
        product.node,
        product.definition,
        product.inputs,
        add.outputs,
        product.input_specs,
        add.output_specs if floats else product.output_specs,
    )
    both.seen = step.seen
    if not floats:
        return _of_bytes(both, product, add, to)
    at = 1 - add.inputs.index(product.outputs[0])
    ending = Ending(bounds(product.node), to.input(add, at), bounds(add.node))
    if product.node.name == "CONV_2D":
        from pytflite.jit.lowering.convolution_float32 import conv_2d

        return conv_2d(both, to, ending)
    from pytflite.jit.lowering.dense_float32 import fully_connected

    return fully_connected(both, to, ending)


def _of_bytes(both: Step, product: Step, add: Step, to: Lowering) -> Lowered:
    from pytflite.jit.lowering.sums_int8 import sum_of

    total = sum_of(product, add, to)
    if product.node.name == "CONV_2D":
        from pytflite.jit.lowering.convolution_int8 import conv_2d

        return conv_2d(both, to, total)
    from pytflite.jit.lowering.dense_int8 import fully_connected

    return fully_connected(both, to, total)
