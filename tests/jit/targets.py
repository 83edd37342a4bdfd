"""Runs a model with the kernels of any target that this CPU has, or that can be emulated.

interpreter = compiled(model, BY_NAME["avx2"], numerics="litert")
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytflite
from pytflite.jit.backend import Compiled
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target, architecture
from tests.jit.foreign import ForeignCompiled
from tests.jit.native import loaded


class InProcess:
    """A library that compiles at once, and keeps no files."""

    def __init__(self) -> None:
        self.failures: dict[Any, str] = {}

    def find(self, kernels: Iterable[Kernel], target: Target) -> dict[Kernel, int]:
        """All of them."""
        return {k: loaded(k, target).address for k in kernels}

    def wait(self, kernels: Iterable[Kernel], target: Target) -> None:
        """Nothing has to be waited for."""

    request = wait


def compiled(
    model: Any, target: Target, numerics: str = "reference", precision: str = "float32"
) -> pytflite.Interpreter:
    """An interpreter whose steps are native, as far as there are lowerings."""
    interpreter = pytflite.Interpreter(model, backend="numpy", numerics=numerics)
    engine = interpreter._engine
    if target.architecture != architecture():
        backend: Compiled = ForeignCompiled(engine.model, precision, 1, target=target)
    else:
        backend = Compiled(engine.model, precision, wait=True, target=target)
        backend.library = InProcess()  # type: ignore[assignment]  # what it asks of one
    engine.backend = engine.planner.backend = backend
    return interpreter


def reasons(interpreter: pytflite.Interpreter, *shapes: tuple[int, ...]) -> list[str]:
    """Why steps are not native; nothing if all are."""
    return [s.reason or "?" for s in interpreter._engine.plan(0, shapes).steps if s.work is None]
