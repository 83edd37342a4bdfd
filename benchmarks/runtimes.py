"""The runtimes that are compared, each as a function that makes a model ready to be invoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Array = Any


class Ready(NamedTuple):
    """A model with its inputs set."""

    invoke: Callable[[], Any]
    outputs: Callable[[], list[Array]]


Runtime = Callable[[Path, Sequence[Array], int], Ready]


def pytflite(**options: Any) -> Runtime:
    """pytflite, its kernels compiled before it begins."""

    def make(path: Path, arrays: Sequence[Array], threads: int) -> Ready:
        from pytflite import Interpreter

        return _lite(Interpreter(path, num_threads=threads, wait=True, **options), arrays)

    return make


def litert(path: Path, arrays: Sequence[Array], threads: int) -> Ready:
    """LiteRT as shipped: XNNPACK where it has the operator."""
    from ai_edge_litert.interpreter import Interpreter

    return _lite(Interpreter(str(path), num_threads=threads), arrays)


def reference(path: Path, arrays: Sequence[Array], threads: int) -> Ready:
    """LiteRT's reference kernels, whose integers are the right ones."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.BUILTIN_REF
    return _lite(Interpreter(str(path), experimental_op_resolver_type=kind), arrays)


def _lite(interpreter: Any, arrays: Sequence[Array]) -> Ready:
    """Anything with the calls of tf.lite."""
    interpreter.allocate_tensors()
    for details, array in zip(interpreter.get_input_details(), arrays, strict=True):
        interpreter.set_tensor(details["index"], array)
    wanted = [details["index"] for details in interpreter.get_output_details()]
    return Ready(interpreter.invoke, lambda: [interpreter.get_tensor(i) for i in wanted])


def openvino(**hints: str) -> Runtime:
    """OpenVINO on its tflite frontend, asked for latency."""

    def make(path: Path, arrays: Sequence[Array], threads: int) -> Ready:
        import openvino as ov

        core = ov.Core()
        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", **hints}
        request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
        for n, array in enumerate(arrays):
            request.set_input_tensor(n, ov.Tensor(np.ascontiguousarray(array)))
        count = len(request.model_outputs)
        return Ready(
            request.infer,
            lambda: [np.array(request.get_output_tensor(n).data) for n in range(count)],
        )

    return make


# What is timed: the first is ours, the others are compared with it.
RUNTIMES: dict[str, Runtime] = {
    "pytflite": pytflite(),
    "pytflite numpy": pytflite(backend="numpy"),
    "LiteRT": litert,
    "OpenVINO f32": openvino(INFERENCE_PRECISION_HINT="f32"),
    "OpenVINO": openvino(),
}
# On a CPU with AMX pytflite can do with less precision, as OpenVINO does there by default.
RELAXED: dict[str, Runtime] = {
    "pytflite high": pytflite(precision="high"),
    "pytflite medium": pytflite(precision="medium"),
}
