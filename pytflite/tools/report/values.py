"""What a run gives: times, statistics of tensors, histograms, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.model.dtypes import STRING
from pytflite.model.graph import Array, Tensor
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.narrow_floats import NARROW, widen
from pytflite.ops.spec import Key
from pytflite.runtime.blas import BLAS, Running
from pytflite.runtime.feature_maps import MAPS, picture
from pytflite.runtime.feeding import dequantize, integer_range
from pytflite.runtime.interpreter import Interpreter
from pytflite.runtime.profile import StepTime
from pytflite.tools.report.facts import text

MAX_VALUES = 600  # tensors with statistics
MAX_PICTURES = 160
PICTURE_BYTES = 3_000_000  # of all pictures together, as text
_SAMPLE = 1 << 19  # elements of a tensor that are looked at, beside its least and greatest
_BINS = 40
_MEMORY = 1 << 30  # bytes that keeping all tensors may take
_SECONDS = 2.0  # for timing


def run(model: Model, arrays: Sequence[Array]) -> tuple[dict[Key, dict[str, Any]], float]:
    """Values of tensors, called subgraphs' as their last call left them, by (subgraph, index); and
    the seconds of the run.

    Raises:
        TFLiteError: the model refuses the inputs, or needs more memory than the limits allow.
    """
    interpreter = Interpreter(model, limits=Limits(arena_bytes=_MEMORY))
    start = perf_counter()
    found = interpreter.trace(*arrays).by_key()
    seconds = perf_counter() - start
    return _collect(model, found), seconds


def _collect(model: Model, arrays: Mapping[Key, Array]) -> dict[Key, dict[str, Any]]:
    """Statistics and pictures of tensors: of the main subgraph first, as far as there is room."""
    found: dict[Key, dict[str, Any]] = {}
    spent = 0
    for number, graph in enumerate(model.subgraphs):
        made = [i for o in graph.operators for i in o.outputs if i >= 0]
        read = [i for o in graph.operators for i in o.inputs if i >= 0]
        order = list(dict.fromkeys([*graph.inputs, *graph.outputs, *made, *read]))
        computed = {*graph.inputs, *graph.outputs, *made}
        chosen = _chosen(order, len(computed), MAX_VALUES - len(found))
        maps = [i for i in chosen if i in computed and len(graph.tensors[i].shape) == 4]
        pictured = set(maps[:: -(-len(maps) // MAX_PICTURES) or 1])
        for index in chosen:
            array = arrays.get((number, index))
            if array is None:
                array = model.constant(number, index)
            if array is None:
                continue  # not computed
            facts = statistics(array, graph.tensors[index])
            if index in pictured and spent < PICTURE_BYTES and array.dtype != object:
                few = array[:1, ..., :MAPS]
                shown = picture(real_values(few, graph.tensors[index]), array.shape[-1])
                if shown is not None:
                    spent += len(shown.uri)
                    facts["img"] = list(shown)
            if number == 0 and index in graph.outputs:
                _name_classes(facts, array, graph.tensors[index], model)
            found[number, index] = facts
    return found


def _chosen(order: list[int], made: int, room: int) -> list[int]:
    """At most `room` of the tensors, spread over the graph; the computed ones come first."""
    if len(order) <= room:
        return order
    if made >= room:
        return [order[n * made // room] for n in range(room)]
    return order[:room]


def real_values(array: Array, tensor: Tensor) -> Array:
    """The numbers that a tensor's elements stand for."""
    if tensor.dtype in NARROW:
        return widen(tensor.dtype, array)
    q = tensor.quantization
    if q is None or not tensor.is_quantized or array.dtype.kind not in "iu":
        return np.abs(array) if array.dtype.kind == "c" else array
    if q.is_per_channel:
        axis = q.quantized_dimension
        if not 0 <= axis < array.ndim or q.scale.size != array.shape[axis]:
            return array
    return dequantize(array, tensor)


def statistics(array: Array, tensor: Tensor) -> dict[str, Any]:
    """Least, greatest and mean value, deviation, histogram, and shares of zeros, of values at the
    ends of an integer type's range (saturated), and of those that are no numbers."""
    facts: dict[str, Any] = {"size": int(array.size), "shape": list(array.shape)}
    flat = array.reshape(-1)
    if array.dtype == object:
        if tensor.dtype is STRING:
            facts["first"] = [text(v.decode("utf-8", "backslashreplace")[:40])
                              for v in flat[:8].tolist() if isinstance(v, bytes)]  # fmt: skip
        return facts
    if not flat.size:
        return facts
    picked = _picked(array, tensor)
    if tensor.dtype.is_integer and tensor.is_quantized:
        low, high = integer_range(tensor.dtype)
        facts["sat"] = round(float(np.mean((picked <= low) | (picked >= high))), 4)
        facts["qmin"], facts["qmax"] = int(flat.min()), int(flat.max())
    real = real_values(picked, tensor).reshape(-1).astype(np.float64)
    first = real if picked is array else real_values(flat[:8], tensor)
    facts["first"] = [f"{v:.5g}" for v in first[:8].tolist()]
    finite = real[np.isfinite(real)]
    if finite.size < real.size:
        facts["odd"] = round(1 - finite.size / real.size, 4)
    if not finite.size:
        return facts
    low_value, high_value = float(finite.min()), float(finite.max())
    with np.errstate(over="ignore"):
        mean, deviation = float(finite.mean()), float(finite.std())
    facts |= {
        "min": _number(low_value), "max": _number(high_value), "mean": _number(mean),
        "std": _number(deviation), "zero": round(float(np.mean(finite == 0)), 4),
    }  # fmt: skip
    if high_value > low_value and np.isfinite(high_value - low_value):
        facts["hist"] = _histogram(finite, low_value, high_value)
    return facts


def _picked(array: Array, tensor: Tensor) -> Array:
    """The elements that are looked at: all, or of a large tensor each n-th, and the extremes."""
    scales = tensor.quantization is not None and tensor.quantization.is_per_channel
    if array.size <= _SAMPLE or scales or tensor.dtype in NARROW or array.dtype.kind == "c":
        return array  # the others' elements have to be seen in their place, or be decoded first
    flat = array.reshape(-1)
    few: Array = flat[:: -(-flat.size // _SAMPLE)]
    return np.append(few, [np.fmin.reduce(flat), np.fmax.reduce(flat)])  # these pass over NaN


def _number(value: float) -> float | str:
    """JSON knows neither infinity nor NaN."""
    return float(f"{value:.6g}") if np.isfinite(value) else str(value)


def _histogram(values: Array, low: float, high: float) -> list[int]:
    """How many values lie in each of _BINS equal parts from `low` to `high`."""
    place = (values - low) * (_BINS / (high - low))
    bins = np.clip(np.nan_to_num(place), 0, _BINS - 1).astype(np.int64)
    return [int(n) for n in np.bincount(bins, minlength=_BINS)]


def _name_classes(facts: dict[str, Any], array: Array, tensor: Tensor, model: Model) -> None:
    """The best of the classes, where the model's metadata name them."""
    try:
        labels = model.labels
    except TFLiteError:
        return
    if labels and len(labels) == array.size and array.dtype != object:
        real = real_values(array, tensor).reshape(-1)
        best = np.argsort(-real, kind="stable")[:5].tolist()
        facts["top"] = [[text(labels[i]), f"{float(real[i]):.4g}"] for i in best]


def times(model: Model, arrays: Sequence[Array], once: float) -> list[StepTime]:
    """Median times of all operators, those of called subgraphs too; in about _SECONDS."""
    runs = max(1, min(20, int(_SECONDS / max(once, 1e-4)) - 1))
    return Interpreter(model).profile(*arrays, runs=runs, subgraphs=True)


def machine() -> dict[str, float]:
    """What NumPy reaches here: multiply-accumulates a second in a matrix product of float32, and
    bytes a second in copying: the two roofs."""
    size = 384
    a = np.ones((size, size), np.float32)
    block = np.ones(1 << 22, np.float32)
    other = np.empty_like(block)
    run = Running()
    BLAS.enter(run, 1)  # as the interpreter, whose threads these times are compared with
    try:
        product = min(_timed(lambda: np.matmul(a, a)) for _ in range(4))
        copying = min(_timed(lambda: np.copyto(other, block)) for _ in range(4))
    finally:
        BLAS.leave(run)
    return {"macs": size**3 / product, "bytes": 2 * block.nbytes / copying}


def _timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return max(perf_counter() - start, 1e-9)
