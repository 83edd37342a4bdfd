"""A model on one runtime or another, every tensor kept: pytflite's backends, or LiteRT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pytflite.errors import InputError, StateError, TFLiteError
from pytflite.model.graph import Array, Tensor
from pytflite.model.model import Model
from pytflite.runtime.feeding import dequantize
from pytflite.runtime.interpreter import Interpreter

Shape = tuple[int, ...]


class Running:
    """A model that can be fed, and asked for any tensor of its main subgraph.

    Args:
        model: the model.
        runtime: 'numpy' or 'jit' for pytflite's backends, 'litert' for LiteRT's reference kernels.

    Raises:
        InputError: there is no such runtime, or it is not installed.
        UnsupportedOperatorError: 'jit' is asked for where nothing can be compiled.
        TFLiteError: the runtime refuses the model.
    """

    def __init__(self, model: Model, runtime: str) -> None:
        if runtime not in RUNTIMES:
            raise InputError(
                f"there is no runtime {runtime!r}", code="compare.runtime",
                expected=", ".join(RUNTIMES),
            )  # fmt: skip
        self.model = model
        self.runtime = runtime
        self._interpreter = RUNTIMES[runtime](model)
        self._guarded(self._interpreter.allocate_tensors)

    def feed(self, arrays: Sequence[Array]) -> None:
        """Runs the model on arrays of its inputs' types, in order."""
        inputs = self.model.main.inputs
        for index, array in zip(inputs, arrays, strict=True):
            tensor = self.model.main.tensors[index]
            if array.shape != tuple(1 if d < 0 else d for d in tensor.shape):
                self._guarded(self._interpreter.resize_tensor_input, index, array.shape, True)
        self._guarded(self._interpreter.allocate_tensors)
        for index, array in zip(inputs, arrays, strict=True):
            self._guarded(self._interpreter.set_tensor, index, array)
        self._guarded(self._interpreter.invoke)

    def value(self, index: int) -> Array | None:
        """A tensor's value after a run, or None if this runtime does not keep it."""
        try:
            found: Array = self._interpreter.get_tensor(index)
        except (StateError, ValueError):
            return None
        return found

    def shapes(self) -> list[Shape]:
        """The shapes of all tensors, as planned."""
        details = {d["index"]: d for d in self._interpreter.get_tensor_details()}
        return [
            tuple(int(size) for size in details[i]["shape"]) if i in details else tensor.shape
            for i, tensor in enumerate(self.model.main.tensors)
        ]

    def _guarded(self, call: Callable[..., Any], *arguments: Any) -> None:
        """LiteRT raises what it likes; ours are TFLiteErrors."""
        try:
            call(*arguments)
        except TFLiteError:
            raise
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.runtime} refuses {self.model.name}", code="compare.refused",
                found=str(error),
            ) from error  # fmt: skip


def _numpy(model: Model) -> Any:
    return Interpreter(model, backend="numpy", experimental_preserve_all_tensors=True)


def _jit(model: Model) -> Any:
    return Interpreter(model, backend="jit", wait=True, experimental_preserve_all_tensors=True)


def _litert(model: Model) -> Any:
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError as error:
        raise InputError(
            "LiteRT is not installed here", code="compare.litert", found=str(error),
            hint="pip install ai-edge-litert (Linux, macOS), or compare two files on pytflite",
        ) from error  # fmt: skip
    view = model.file_view
    try:
        return litert.Interpreter(
            model_content=model.to_bytes() if view is None else bytes(view),
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"litert refuses {model.name}", code="compare.refused", found=str(error)
        ) from error


RUNTIMES: dict[str, Callable[[Model], Any]] = {"litert": _litert, "numpy": _numpy, "jit": _jit}

ONE_MODEL = {"litert": ("litert", "numpy"), "jit": ("numpy", "jit")}
"""For one model on two runtimes: which is held to (the reference) and which is tested."""


def real_values(array: Array, tensor: Tensor) -> Array | None:
    """What a tensor's elements stand for, as float64; None for strings, handles and the like."""
    if tensor.dtype.is_handle or array.dtype.kind not in "fiubc":
        return None
    if tensor.dtype.name == "BFLOAT16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    elif tensor.dtype.name.startswith("FLOAT8"):
        return None
    elif tensor.dtype.is_integer and tensor.is_quantized:
        array = dequantize(array, tensor)
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    return array.astype(np.float64)
