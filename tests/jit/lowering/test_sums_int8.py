"""Products of bytes with the quantised ADD after them: NumPy's bits, on all targets.

Kernels run between forbidden pages; numbers that all pairs of bytes prove, and the table that
stands in for them, must give the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.jit.lowering import sums_int8
from pytflite.jit.target import BY_NAME, Target
from pytflite.model.model import Model
from tests.fuzz.guarded_steps import check_steps
from tests.graphs import Graph, build
from tests.jit.amx import emulate
from tests.jit.guarded import run_guarded
from tests.jit.here import Library, compiled_here
from tests.jit.native import NATIVE, RUNNABLE
from tests.jit.targets import compiled

cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
types = pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
RELU = 1


def some(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Any bytes."""
    low = -128 if dtype == "INT8" else 0
    return rng.integers(low, low + 256, shape).astype(dtype.lower())


def quantised(rng: np.random.Generator, dtype: str, scale: float) -> dict[str, Any]:
    """About this scale, and any zero point."""
    low = -128 if dtype == "INT8" else 0
    near = float(np.float32(scale * rng.uniform(0.7, 1.4)))
    return {"scale": near, "zero_point": int(rng.integers(low + 60, low + 200))}


def product(
    g: Graph, rng: np.random.Generator, x: int, dtype: str, shape: tuple[int, ...], filters: int,
    taps: int = 1, stride: int = 1, activation: int = 0,
) -> tuple[int, tuple[int, ...]]:  # fmt: skip
    """A CONV_2D, or FULLY_CONNECTED of a matrix, of outputs about as large as bytes."""
    dense = len(shape) == 2
    w = some(rng, dtype, (filters, shape[-1]) if dense else (filters, taps, taps, shape[-1]))
    if dtype == "INT8":
        w[w == -128] = 5
    k = w[0].size
    scales: Any = rng.uniform(0.5, 2, 1 if dtype == "UINT8" or dense else filters) / 5500 / k**0.5
    zeros = np.full(scales.size, 127 if dtype == "UINT8" else 0)
    weights = g.constant(w, scale=scales.astype(np.float32), zero_point=zeros)
    bias = g.constant(rng.integers(-9000, 9000, filters).astype(np.int32), scale=1.0)
    more: dict[str, Any] = {"fused_activation_function": activation}
    if not dense:
        more |= {"padding": 0, "stride_w": stride, "stride_h": stride}
    out = (shape[0], *(-(-n // stride) for n in shape[1:-1]), filters)
    name = "FULLY_CONNECTED" if dense else "CONV_2D"
    given = quantised(rng, dtype, 1 / 40)
    return g.op(name, [x, weights, bias], out, dtype, output=given, **more), out


def summed(
    rng: np.random.Generator, dtype: str, shape: tuple[int, ...], filters: int, *, taps: int = 1,
    order: int = 1, activation: int = 0, own: bool = False, ratio: float | None = None,
) -> Model:  # fmt: skip
    """A product of x plus r, or plus x itself; ratio: all three scales, instead of any."""
    g = Graph()
    x = g.input("x", shape, dtype, **quantised(rng, dtype, 1.0))
    y, out = product(g, rng, x, dtype, shape, filters, taps, activation=activation)
    r = x if own else g.input("r", out, dtype, **quantised(rng, dtype, 1 / 40))
    output = quantised(rng, dtype, 1 / 20)
    if ratio is not None:
        q = g.tensors[y]["quantization"]
        scale = float(q.scale[0])
        g.tensors[r]["quantization"] = type(q)(scale, int(q.zero_point[0]))
        output["scale"] = scale * ratio
    g.output(g.op("ADD", [y, r][::order], out, dtype, output=output,
                  fused_activation_function=activation))  # fmt: skip
    return build(g)


def agrees(model: Model, cpu: Target, *arrays: np.ndarray) -> None:
    """One step, with the bits of NumPy's two."""
    want = pytflite.Interpreter(model, backend="numpy").run(*arrays)
    for at_end in (True, False):
        got = run_guarded(model, cpu, *arrays, at_end=at_end)
        np.testing.assert_array_equal(got, want)
    assert len(np.unique(want)) > min(want.size, 40) // 4


@cpus
@types
@pytest.mark.parametrize("filters", [3, 16, 24, 33, 64, 72])
@pytest.mark.parametrize(("channels", "taps"), [(8, 1), (13, 1), (8, 3), (64, 3)])
def test_convolution(cpu: Target, dtype: str, filters: int, channels: int, taps: int) -> None:
    rng = np.random.default_rng(filters * channels)
    shape = 2, 7, 9, channels
    order, activation = (1, -1)[filters % 2], filters % 3 % 2 * RELU
    model = summed(rng, dtype, shape, filters, taps=taps, order=order, activation=activation)
    agrees(model, cpu, some(rng, dtype, shape), some(rng, dtype, (2, 7, 9, filters)))


@cpus
@types
@pytest.mark.parametrize("rows", [1, 5, 40])
@pytest.mark.parametrize("units", [5, 32, 65])
def test_dense(cpu: Target, dtype: str, rows: int, units: int) -> None:
    rng = np.random.default_rng(rows * units)
    model = summed(rng, dtype, (rows, 24), units, order=-1)
    agrees(model, cpu, some(rng, dtype, (rows, 24)), some(rng, dtype, (rows, units)))


@cpus
@types
@pytest.mark.parametrize("taps", [1, 3])
def test_its_own_input(cpu: Target, dtype: str, taps: int) -> None:
    """What is added is read by the product, too."""
    rng = np.random.default_rng(taps)
    model = summed(rng, dtype, (1, 5, 6, 40), 40, taps=taps, own=True)
    agrees(model, cpu, some(rng, dtype, (1, 5, 6, 40)))


@cpus
@types
@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
def test_ties(cpu: Target, dtype: str, ratio: float) -> None:
    """Half of all sums lie between two outputs: whatever decides, they are NumPy's."""
    rng = np.random.default_rng(3)
    model = summed(rng, dtype, (1, 8, 8, 16), 48, ratio=ratio)
    agrees(model, cpu, some(rng, dtype, (1, 8, 8, 16)), some(rng, dtype, (1, 8, 8, 48)))


@cpus
@pytest.mark.parametrize("name", ["CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("shift", range(0, 20, 3))
def test_rounding_of_the_product(cpu: Target, name: str, shift: int) -> None:
    """Products around every step of their output, and at ties: there the definition decides."""
    rng = np.random.default_rng(shift)
    real = 2.0**-shift
    steps = np.arange(-128, 129) - 3.5
    sums = (np.rint(steps[:, None] / real) + np.arange(-2, 3)).reshape(-1)
    bias = np.clip(sums, -(2**31), 2**31 - 1).astype(np.int32)
    dense = name == "FULLY_CONNECTED"
    shape = (3, 1) if dense else (3, 1, 1, 1)
    weights = np.zeros((bias.size, *shape[1:]), np.int8)
    weights[::2] = 1
    g = Graph()
    x = g.input("x", shape, "INT8", scale=1.0)
    out = (*shape[:-1], bias.size)
    r = g.input("r", out, "INT8", scale=0.7, zero_point=-9)
    w, b = g.constant(weights, scale=real), g.constant(bias)
    more = {} if dense else {"stride_w": 1, "stride_h": 1}
    y = g.op(name, [x, w, b], out, "INT8", output={"scale": 1.0, "zero_point": 3}, **more)
    g.output(g.op("ADD", [y, r], out, "INT8", output={"scale": 1.3, "zero_point": 8}))
    array = np.array([0, 1, -1], np.int8).reshape(shape)
    agrees(build(g), cpu, array, some(rng, "INT8", out))


@cpus
@types
@pytest.mark.parametrize("filters", [5, 16, 40])
@pytest.mark.parametrize("taps", [1, 3])
def test_table(
    cpu: Target, dtype: str, filters: int, taps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no numbers are right for all pairs."""
    monkeypatch.setattr(sums_int8, "_holds", lambda *_: False)
    rng = np.random.default_rng(filters)
    model = summed(rng, dtype, (1, 6, 7, 12), filters, taps=taps)
    agrees(model, cpu, some(rng, dtype, (1, 6, 7, 12)), some(rng, dtype, (1, 6, 7, filters)))


@types
def test_numbers_hold(dtype: str) -> None:
    """What is tried is found to be right as a rule, and then the sum of every pair is."""
    proven = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        model = summed(rng, dtype, (256, 4), 256)
        step = pytflite.Interpreter(model, backend="jit", wait=True).plan().steps[0]
        (work,) = step.work or ()
        proven += int(work.slots[-4].array[-1])
    assert proven >= 10


@cpus
def test_as_shipped(cpu: Target) -> None:
    """LiteRT's own rounding of the product and of the sum."""
    rng = np.random.default_rng(1)
    model = summed(rng, "INT8", (1, 6, 7, 12), 40)
    arrays = some(rng, "INT8", (1, 6, 7, 12)), some(rng, "INT8", (1, 6, 7, 40))
    interpreter = compiled(model, cpu, numerics="litert")
    got = interpreter.run(*arrays)
    assert [len(s.parts) for s in interpreter._engine.plan(0, [a.shape for a in arrays]).steps] == [
        2
    ]
    want = pytflite.Interpreter(model, backend="numpy", numerics="litert").run(*arrays)
    np.testing.assert_array_equal(got, want)


@types
@pytest.mark.parametrize("shape", [(1, 8, 8, 16), (2, 7, 5, 20), (1, 2, 2, 8), (1, 1, 9, 8)])
@pytest.mark.parametrize("strides", [(2, 2), (3, 3), (2, 3), (4, 6)])
def test_what_a_stride_passes_over(
    dtype: str, shape: tuple[int, ...], strides: tuple[int, int]
) -> None:
    """As in a ResNet: two convolutions of one tap look at every second pixel of a sum."""
    rng = np.random.default_rng(shape[1])
    g = Graph()
    x = g.input("x", shape, dtype, **quantised(rng, dtype, 1.0))
    a, inner = product(g, rng, x, dtype, shape, 8, 3)
    b, out = product(g, rng, a, dtype, inner, shape[3])
    s = g.op("ADD", [b, x], out, dtype, output=quantised(rng, dtype, 1.0))
    for stride in strides:
        g.output(product(g, rng, s, dtype, out, 12, 1, stride)[0])
    model = build(g)
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    steps = list(interpreter.plan().steps)
    assert [s.node.name for s in steps] == ["CONV_2D", "ADD", "CONV_2D", "CONV_2D"]
    every = int(np.gcd(*strides))
    assert [s.seen for s in steps] == [(every, every)] * 2 + [(1, 1)] * 2
    array = some(rng, dtype, shape)
    whole = pytflite.Interpreter(
        model, backend="jit", wait=True, experimental_preserve_all_tensors=True
    )
    want = pytflite.Interpreter(model, backend="numpy").run(array)
    for ours in (interpreter.run(array), whole.run(array)):
        for got, theirs in zip(ours, want, strict=True):
            np.testing.assert_array_equal(got, theirs)
    assert check_steps(model) == 4


@pytest.mark.skipif(BY_NAME["avx512vbmi"] not in NATIVE, reason="this CPU has no AVX-512 VBMI")
@types
@pytest.mark.parametrize("filters", [24, 64])
@pytest.mark.parametrize("proven", [True, False])
def test_in_tiles(
    dtype: str, filters: int, proven: bool, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """AMX."""
    amx = BY_NAME["amx"]
    tiles = None if amx in NATIVE else emulate(monkeypatch)
    if not proven:
        monkeypatch.setattr(sums_int8, "_holds", lambda *_: False)
    rng = np.random.default_rng(filters)
    model = summed(rng, dtype, (1, 6, 7, 64), filters)
    arrays = some(rng, dtype, (1, 6, 7, 64)), some(rng, dtype, (1, 6, 7, filters))
    context = compiled_here(model, Library(), amx, *arrays)
    (bound,) = context.bound
    assert [w.kernel.emitter.split(".")[0] for w in bound.step.work or ()] == ["gemm_amx"]
    want = pytflite.Interpreter(model, backend="numpy").run(*arrays)
    np.testing.assert_array_equal(context.arrays[context.plan.outputs[0]], want)
    del tiles
