"""compare(): both models on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.graph import Array, Tensor
from pytflite.model.model import Model
from pytflite.runtime.feeding import fit_shape, integer_range, to_tensor
from pytflite.tools.comparison.alignment import Flow, align, align_inputs
from pytflite.tools.comparison.alone import Alone, carried
from pytflite.tools.comparison.measures import Comparison, Judge
from pytflite.tools.comparison.runtimes import ONE_MODEL, Running
from pytflite.tools.sampling import random_inputs


def compare(
    reference: Any,
    tested: Any = None,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    seed: int = 0,
    samples: int | None = None,
    runtime: str = "numpy",
) -> Comparison:
    """Runs two models on the same inputs and compares them layer by layer (main subgraph).

    Args:
        reference: the model to be held to, as for Interpreter.
        tested: the model to be judged. None: `reference` itself on two runtimes: for 'litert'
            pytflite (NumPy) is held to it, 'jit' is held to NumPy.
        inputs: values by name of the reference's inputs, or in order. Where the leading size is a
            multiple of the model's, they are that many samples.
        seed: random inputs if none are given: floats in the range that the quantised twin's input
            can hold, otherwise from -1 to 1.
        samples: how many random samples (1 unless told), or at most how many of those given.
        runtime: 'numpy' or 'jit' (pytflite's backends) or 'litert' (its reference kernels), for
            both models.

    Returns:
        A list of records, `pandas.DataFrame(records)` makes a table of them; and which layer has
        the greatest error, which goes wrong first, which have no counterpart.

    Raises:
        InputError: inputs that do not fit, or a runtime that is not there.
        TFLiteError: a model is refused.
    """
    if tested is None and runtime == "numpy":
        raise InputError(
            "one model on one runtime leaves nothing to compare", code="compare.runtime",
            hint="give a second model, or compare runtimes: runtime='litert' (--with litert) or "
            "'jit'",
        )  # fmt: skip
    runtimes = ONE_MODEL.get(runtime) if tested is None else None
    left = Model.open(reference)
    right = left if tested is None else Model.open(tested)
    places = align_inputs(left, right)
    first, second = map(Running, (left, right), runtimes or (runtime, runtime))
    flows = Flow(left, first.shapes()), Flow(right, second.shapes())
    if tested is None:
        pairs = [(layer, layer) for layer in (*flows[1].layers, *flows[1].carriers)]
    else:
        pairs = align(flows[0].layers, flows[1].layers)
    judge = Judge(*flows, pairs, places)
    for sample in _samples(left, inputs, seed, samples, _ranges(flows[1], places)):
        values = dict(zip(left.main.inputs, sample, strict=True))
        tensors = [(values[i], left.main.tensors[i], right.main.tensors[j]) for i, j in places]
        first.feed(sample)
        second.feed([carried(*each) for each in tensors])
        for i, j in judge.wanted():
            judge.add(j, i, first.value(i), second.value(j))
    return judge.result(Alone(*flows, second, first.runtime))


def _samples(
    model: Model, inputs: Mapping[str, Any] | Sequence[Any] | None, seed: int,
    samples: int | None, ranges: Mapping[int, tuple[float, float]],
) -> list[list[Array]]:  # fmt: skip
    """For each sample arrays of the inputs' types, in order."""
    if samples is not None and samples < 1:
        raise InputError("samples must be at least 1", code="input.count", found=samples)
    if inputs is None:
        return [random_inputs(model, seed + k, ranges) for k in range(samples or 1)]
    names = [t.name for t in model.inputs]
    values = inputs if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=False))
    if set(values) != set(names) or len(inputs) != len(names):
        raise InputError(
            "the inputs are not those of the model", code="input.count",
            expected=", ".join(names), found=", ".join(map(str, values)) or "none",
        )  # fmt: skip
    arrays = [fit_shape(to_tensor(values[t.name], t)[0], t.shape) for t in model.inputs]
    counts = [_count(a, t) for a, t in zip(arrays, model.inputs, strict=True)]
    count = max(counts, default=1)
    if any(c not in (1, count) for c in counts):
        raise InputError(
            "the inputs hold different numbers of samples", code="input.shape",
            found=", ".join(f"{n}: {c}" for n, c in zip(names, counts, strict=True)),
        )  # fmt: skip
    split = [np.split(a, c) if c > 1 else [a] * count for a, c in zip(arrays, counts, strict=True)]
    return [list(sample) for sample in zip(*split, strict=True)][:samples]


def _count(array: Array, tensor: Tensor) -> int:
    """How many samples an array holds: its leading size in units of the tensor's."""
    if array.ndim != len(tensor.shape) or not array.ndim:
        return 1
    unit = max(tensor.shape[0], 1)
    return array.shape[0] // unit if array.shape[0] and array.shape[0] % unit == 0 else 1


def _ranges(tested: Flow, places: Sequence[tuple[int, int]]) -> dict[int, tuple[float, float]]:
    """What the tested model's quantised inputs can hold, by index of the reference's input."""
    tensors = tested.model.main.tensors
    place = {j: i for i, j in places}
    held = {j: tensors[j] for j in place}
    for carrier in tested.carriers:
        if carrier.inputs[0] in held and carrier.kind == "QUANTIZE":
            held[carrier.inputs[0]] = tensors[carrier.outputs[0]]
    ranges = {}
    for j, tensor in held.items():
        q = tensor.quantization
        if q is not None and q.scale.size == 1 and tensor.dtype.is_integer:
            zero = int(q.zero_point[0]) if q.zero_point.size else 0
            low, high = (float(q.scale[0]) * (end - zero) for end in integer_range(tensor.dtype))
            ranges[place[j]] = (low, high)
    return ranges
