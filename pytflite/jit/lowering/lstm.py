"""UNIDIRECTIONAL_SEQUENCE_LSTM and LSTM in float32: the plain cell, its gates coupled or not."""

from __future__ import annotations

import numpy as np

from pytflite.format.schema import ActivationFunctionType, LSTMKernelType
from pytflite.jit.emit.lstm import VECTORS
from pytflite.jit.kernel import At, Work, kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.recurrent.lstm_weights import SINGLE
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step


@lowering("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", stateful=True)
def lstm(step: Step, to: Lowering) -> Lowered:
    """One tile: each step of time needs the one before it."""
    options, inputs = step.node.options, _given(step)
    if step.node.name == "LSTM" and int(options.kernel_type) != LSTMKernelType.FULL:
        return "compiled for the full cell"
    if any(s is not None and s.dtype is not FLOAT32 for s in (*inputs, *step.output_specs)):
        return "compiled for FLOAT32 alone"
    extras = (*SINGLE.peephole, SINGLE.projection, SINGLE.projection_bias, *SINGLE.norm)
    if any(inputs[n] is not None for n in extras):
        return "compiled without peepholes, projection and layer normalisation"
    if int(options.fused_activation_function) != ActivationFunctionType.TANH:
        return "compiled for TANH alone"
    gates = [n for n in range(4) if inputs[SINGLE.x[n]] is not None]
    positions = [p[n] for p in (SINGLE.x, SINGLE.h, SINGLE.bias) for n in gates]
    specs = [s for p in positions if (s := inputs[p]) is not None]
    if len(specs) != len(positions) or any(s.value is None for s in specs):
        return "its weights are computed at run time"
    if any(s.rank != 2 for s in specs[len(gates) : 2 * len(gates)]):
        return "compiled for whole recurrent matrices"
    values = [s.value for s in specs if s.value is not None]
    units, depth = values[0].shape
    lanes = to.target.lanes
    width = VECTORS * lanes

    def make() -> Array:
        columns = np.concatenate([
            np.stack(values[2 * len(gates) :]).reshape(1, -1),
            np.concatenate(values[: len(gates)]).T,
            np.concatenate(values[len(gates) : 2 * len(gates)]).T,
        ])  # fmt: skip
        padded = np.pad(columns, ((0, 0), (0, -columns.shape[1] % width)))
        return np.ascontiguousarray(
            padded.reshape(len(columns), -1, width).swapaxes(0, 1), np.float32
        )

    packed = to.packed(step, positions, ("lstm", width), make)
    x = inputs[0]
    assert x is not None
    time_major = bool(getattr(options, "time_major", False))
    batch, time = x.static[:-1] if x.rank == 3 else (x.static[0], 1)
    if time_major and x.rank == 3:
        batch, time = time, batch
    graph = step.node.graph
    if graph is not None and time > graph.limits.loop_iterations:
        return "it has more steps than the limits allow"  # NumPy's kernel says so
    x_step, x_row = (batch, 1) if time_major else (1, time)
    panels = -(-len(gates) * units // width)
    clip = float(options.cell_clip)
    slots = (
        to.input(step, 0), to.output(step), packed,
        At(step.inputs[SINGLE.state]), At(step.inputs[SINGLE.cell_state]),
        time, batch, depth, units, panels,
        4 * depth * x_step, 4 * depth * x_row, 4 * units * x_step, 4 * units * x_row, clip,
    )  # fmt: skip
    code = kernel("lstm.float32", coupled=len(gates) == 3, clips=clip > 0)
    return [Work(code, slots, scratch=4 * panels * width)]


def _given(step: Step) -> list[Spec | None]:
    """Inputs by number; those behind the last are left out."""
    missing = max((*SINGLE.norm, SINGLE.cell_state)) + 1 - len(step.input_specs)
    return [*step.input_specs, *[None] * missing]
