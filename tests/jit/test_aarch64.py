"""Whole models on AArch64, under emulation, against the NumPy backend.

Steps without a lowering run on NumPy in between. test_aarch64_steps.py has each kernel alone.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

import pytflite
from pytflite.jit.kernel import kernel
from pytflite.jit.target import BY_NAME, Target
from pytflite.model.model import Model
from pytflite.tools.doodle import VARIANTS, model_path
from pytflite.tools.sampling import random_inputs
from tests.harness import single_op, tensor
from tests.jit.emulated import Machine, emulator
from tests.jit.foreign import ForeignCompiled
from tests.jit.targets import compiled

pytestmark = pytest.mark.skipif(
    emulator("aarch64") is None, reason="qemu-aarch64 is not installed here"
)
targets = pytest.mark.parametrize(
    "target", [BY_NAME[name] for name in ("neon", "dotprod", "i8mm")], ids=lambda t: t.name
)

_PATIENCE = 30.0  # seconds: on a busy machine the helper may come late

# Of the public models, those that are small and have most kinds of layers between them.
MODELS = (
    "Android-MobileFace__rnet",
    "ML-examples__ds_cnn_s_quantized",
    "TinyMaix__mnist_resnet_f",
    "DTLN__model_quant_2",
    "micro-wake-word-mo__alexa",
    "mltk__keyword_spotting_alexa.float32",
    "openmv__yolo_lc_192",
    "tflite-micro__person_detect",
    "tiny__kws_ref_model",
    "tiny__model_ToyCar_quant_fullint_micro_intio",
    "tiny__pretrainedResnet",
    "tiny__pretrainedResnet_quant",
    "tiny__str_ww_ref_model",
)


def listed(result: Any) -> list[np.ndarray]:
    """Outputs, one or several."""
    return list(result) if isinstance(result, (list, tuple)) else [result]


def same(got: Any, want: Any) -> None:
    """Integers to the bit, floats as far as sums in another order allow."""
    for g, w in zip(listed(got), listed(want), strict=True):
        if w.dtype.kind != "f":
            np.testing.assert_array_equal(g, w)
        else:
            largest = float(np.abs(w).max(initial=0))
            np.testing.assert_allclose(g, w, rtol=0, atol=4e-6 * largest)


def inputs_of(model: Model) -> list[np.ndarray]:
    """Inputs that are always the same."""
    return random_inputs(model, 0)


@targets
@pytest.mark.parametrize("variant", VARIANTS)
def test_doodle(target: Target, variant: str) -> None:
    model = pytflite.load_model(model_path(variant))
    xs = inputs_of(model)
    interpreter = compiled(model, target)
    same(interpreter.run(*xs), pytflite.Interpreter(model, backend="numpy").run(*xs))
    native = {row.backend for row in interpreter.backend_report()}
    assert native == {"jit"} or variant == "int16x8"


@targets
@pytest.mark.parametrize("name", MODELS)
def test_models(target: Target, name: str, shared_models: Path) -> None:
    model = pytflite.load_model(shared_models / f"{name}.tflite")
    xs = inputs_of(model)
    interpreter = compiled(model, target)
    same(interpreter.run(*xs), pytflite.Interpreter(model, backend="numpy").run(*xs))
    assert "jit" in {row.backend for row in interpreter.backend_report()}


@targets
def test_threads(target: Target) -> None:
    """A helper shares the tiles, and nothing changes."""
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-127, 128, s, np.int8) for s in ((4, 24, 24, 16), (40, 3, 3, 16)))
    inputs = [tensor(x.shape, "INT8", scale=1.0), tensor(value=w, scale=1e-4),
              tensor(value=np.zeros(40, np.int32))]  # fmt: skip
    model = single_op("CONV_2D", inputs, [tensor(dtype="INT8", scale=1.0)], stride_w=1, stride_h=1)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    interpreter = compiled(model, target)
    engine = interpreter._engine
    engine.backend = engine.planner.backend = ForeignCompiled(model, threads=2, target=target)
    program: Any = engine.plan(0, (x.shape,)).program
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        same(interpreter.run(x), want)
        of_helpers = [b.scratch[program.tables.scratch : -64] for b in program.bounds]
        if any((memory != 0xA5).any() for memory in of_helpers):
            return
    raise AssertionError(f"no tile was done by the helper in {_PATIENCE} seconds of runs")


def test_what_is_forbidden_is_seen() -> None:
    """A kernel that reads beyond its memory ends the emulated process."""
    machine = Machine(BY_NAME["neon"])
    adds = machine.kernel(kernel("selftest.adds"))
    page = machine.empty(3 * 4096, 4096)
    start = page.ctypes.data
    machine.forbid(start + 4096, 4096)
    slots = machine.place(np.array([0, start + 4080, start], np.int64))
    machine.call(adds, slots.ctypes.data, 0, 1, 0)
    np.testing.assert_array_equal(page[:16].view(np.float32), [1, 2, 3, 4])
    slots[1] += 4
    with pytest.raises(RuntimeError, match="ended with"):
        machine.call(adds, slots.ctypes.data, 0, 1, 0)


@pytest.mark.parametrize(("code", "cpu"), [("dotprod", "neon"), ("i8mm", "dotprod")])
def test_instructions_that_a_cpu_lacks_are_seen(code: str, cpu: str) -> None:
    """The CPU that is emulated for neon has no sdot, that for dotprod no smmla."""
    lacking = BY_NAME[code]._replace(name=cpu)
    x = np.ones((1, 64), np.int8)
    weights = tensor(value=np.ones((8, 64), np.int8), scale=1.0)
    inputs = [tensor(x.shape, "INT8", scale=1.0), weights, tensor(value=np.zeros(8, np.int32))]
    model = single_op("FULLY_CONNECTED", inputs, [tensor(dtype="INT8", scale=1.0)])
    with pytest.raises(RuntimeError, match="ended with"):
        compiled(model, lacking).run(x)
