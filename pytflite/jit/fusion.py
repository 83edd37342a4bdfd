"""Fusion: several steps that one kernel can do at once become one step.

What is fused is never read by anyone else, and not asked for after the run.

    elementwise chains      y = relu(x * s + b), logistic(x) * x ...: one pass over memory
    PAD and convolution     the convolution's windows begin outside its input
    RELU                    a fused activation of what it follows
    product and ADD         the sum is made of the product in registers
    squares and their sum   sums and means of x * x: no square is written to memory
    functions of one byte   x * logistic(x) of int8 ...: one table
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from pytflite.jit.lowering.activated import activated, takes_activation
from pytflite.jit.lowering.elementwise import expression_of
from pytflite.jit.lowering.padded import takes_padding
from pytflite.jit.lowering.squares import is_square, takes_squares
from pytflite.jit.lowering.sums import PRODUCTS, takes_sum
from pytflite.model.dtypes import FLOAT32, INT8, UINT8
from pytflite.ops.registry import is_ours
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

_MOST_OPERANDS = 8
# Quantised operators of which each element of the result follows from its own of the inputs.
_OF_BYTES = frozenset({
    "ABS", "NEG", "ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "TANH", "RELU", "RELU6",
    "RELU_N1_TO_1", "RELU_0_TO_1", "QUANTIZE", "ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM",
})  # fmt: skip


def fuse(steps: Sequence[Step], outputs: Collection[int]) -> list[Step]:
    """The steps, in order, with fused ones in the place of their last part.

    A step that reads or writes a variable tensor stays where it is: others may do so in between.
    """
    uses = Counter(i for step in steps for i in dict.fromkeys(step.inputs))
    uses.update(outputs)
    steps = _activated(_padded(steps, uses), uses)
    steps = _squares(_of_one_byte(steps, uses), uses)
    return _summed(_chains(steps, uses), uses)


def _padded(steps: Sequence[Step], uses: Counter[int]) -> list[Step]:
    """Convolutions with the PAD of which they alone see the result."""
    pads = {
        s.outputs[0]: s for s in steps
        if s.node.name == "PAD" and is_ours(s.definition) and not _has_state(s)
    }  # fmt: skip
    result, gone = [], set()
    for step in steps:
        pad = pads.get(step.inputs[0]) if step.inputs else None
        known = pad is not None and uses[pad.outputs[0]] == 1 and is_ours(step.definition)
        if pad is not None and known and takes_padding(pad, step):
            gone.add(pad)
            joined = Step(
                step.node,
                step.definition,
                (pad.inputs[0], *step.inputs[1:]),
                step.outputs,
                (pad.input_specs[0], *step.input_specs[1:]),
                step.output_specs,
            )
            joined.parts = pad, step
            joined.rows_apart = pad.rows_apart and step.rows_apart
            step = joined
        result.append(step)
    return [step for step in result if step not in gone]


def _activated(steps: Sequence[Step], uses: Counter[int]) -> list[Step]:
    """Steps of floats with the activation that alone sees their result."""
    made: dict[int, int] = {}  # by output: where it stands
    result: list[Step] = []
    for step in steps:
        place = made.get(step.inputs[0]) if step.inputs else None
        if place is not None and uses[step.inputs[0]] == 1:
            first = result[place]
            if takes_activation(first, step) and not (_has_state(first) or _has_state(step)):
                result[place] = activated(first, step)
                continue
        made |= dict.fromkeys(step.outputs, len(result))
        result.append(step)
    return result


def _squares(steps: Sequence[Step], uses: Counter[int]) -> list[Step]:
    """Sums with the squares of which they alone see the result."""
    squares = {s.outputs[0]: s for s in steps if is_square(s) and not _has_state(s)}
    result, gone = [], set()
    for step in steps:
        square = squares.get(step.inputs[0]) if step.inputs else None
        if square is not None and uses[square.outputs[0]] == 1 and takes_squares(step):
            gone.add(square)
            step = _joined((square, step))
            step.definition = step.definition._replace(in_place=())
        result.append(step)
    return [step for step in result if step not in gone]


def _summed(steps: Sequence[Step], uses: Counter[int]) -> list[Step]:
    """Products with the ADD that alone sees their result; of two products, the later one."""
    made: dict[int, int] = {}  # by output: where a product stands
    result: list[Step | None] = []
    for step in steps:
        places = [made[i] for i in step.inputs if i in made and uses[i] == 1]
        product = result[max(places)] if places else None
        if product is not None and takes_sum(product, step) and not _has_state(product):
            result[max(places)] = None
            step = _joined((product, step))
            added = set(step.inputs) - set(product.inputs)  # may be written over, if it is floats
            floats = step.output_specs[0].dtype is FLOAT32
            in_place = tuple((0, step.inputs.index(i)) for i in added) if floats else ()
            step.definition = step.definition._replace(in_place=in_place)
        elif step.node.name in PRODUCTS:
            made[step.outputs[0]] = len(result)
        result.append(step)
    return [step for step in result if step is not None]


def _of_one_byte(steps: Sequence[Step], uses: Counter[int]) -> list[Step]:
    """Steps whose results follow from one 8-bit tensor, each element from its own."""
    made: dict[int, tuple[int, list[Step]]] = {}  # by output: that tensor, and the steps to it
    place: dict[int, int] = {}  # by output: where in the result they stand
    result: list[Step | None] = []
    for step in steps:
        parts = [step]
        if _is_of_bytes(step):
            before = {i: made[i] for i in step.inputs if i in made and uses[i] == 1}
            roots = {before[i][0] if i in before else i for i in step.inputs}
            if len(roots) == 1:
                for index, (_, chain) in before.items():
                    parts = [*chain, *parts]
                    result[place[index]] = None
                made[step.outputs[0]] = roots.pop(), parts
                place[step.outputs[0]] = len(result)
        result.append(step if len(parts) == 1 else _joined(parts))
    return [step for step in result if step is not None]


def _is_of_bytes(step: Step) -> bool:
    """Whether the result follows element by element from 8-bit tensors of one shape."""
    if step.dynamic or step.node.name not in _OF_BYTES or len(step.outputs) != 1:
        return False
    if not is_ours(step.definition):
        return False
    specs = [s for s in (*step.input_specs, *step.output_specs) if s is not None]
    return len(specs) == len(step.inputs) + 1 and all(
        s.dtype in (INT8, UINT8)
        and s.value is None
        and not s.variable
        and s.shape == step.output_specs[0].shape
        and not (s.quantization is not None and s.quantization.is_per_channel)
        for s in specs
    )


def _chains(steps: Sequence[Step], uses: Counter[int]) -> list[Step]:
    """Elementwise steps, each computing what only the next one reads."""
    made: dict[int, list[Step]] = {}  # by output: the chain that computes it
    place: dict[int, int] = {}  # by output: where in the result that chain stands
    result: list[Step | None] = []
    for step in steps:
        parts = [step]
        if _joins(step):
            for index in dict.fromkeys(step.inputs):
                chain = made.get(index)
                if chain is None or uses[index] != 1 or not _same_shape(step, index):
                    continue
                if len(_inputs([*chain, *parts])) > _MOST_OPERANDS:
                    continue
                parts = [*chain, *parts]
                result[place[index]] = None
                del made[index]
            made[step.outputs[0]] = parts
            place[step.outputs[0]] = len(result)
        result.append(step if len(parts) == 1 else _joined(parts))
    return [step for step in result if step is not None]


def _joins(step: Step) -> bool:
    if step.dynamic or len(step.outputs) != 1 or _has_state(step):
        return False
    return expression_of(step) is not None


def _has_state(step: Step) -> bool:
    return any(
        spec is not None and spec.variable for spec in (*step.input_specs, *step.output_specs)
    )


def _same_shape(step: Step, index: int) -> bool:
    """Whether an input is read element by element."""
    spec = step.input_specs[step.inputs.index(index)]
    return spec is not None and spec.shape == step.output_specs[0].shape


def _inputs(parts: Sequence[Step]) -> dict[int, Spec | None]:
    """Tensors that the parts read and none of them computes."""
    computed = {i for part in parts for i in part.outputs}
    return {
        index: spec
        for part in parts
        for index, spec in zip(part.inputs, part.input_specs, strict=True)
        if index not in computed
    }


def _joined(parts: Sequence[Step]) -> Step:
    last = parts[-1]
    inputs = _inputs(parts)
    in_place = tuple((0, n) for n in range(len(inputs)))
    step = Step(
        last.node,
        last.definition._replace(in_place=in_place, packs=()),
        tuple(inputs),
        last.outputs,
        tuple(inputs.values()),
        last.output_specs,
    )
    step.pure = all(part.pure for part in parts)
    step.rows_apart = all(part.rows_apart for part in parts)
    step.parts = tuple(parts)
    return step
