"""The compiled backend, if there is one: the one place that imports pytflite.jit.

Deleting pytflite/jit leaves everything running on NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytflite.errors import UnsupportedOperatorError
from pytflite.model.model import Model

if TYPE_CHECKING:
    from pytflite.plan.backend import CompiledBackend


def compiled_backend(
    model: Model,
    backend: str,
    precision: str,
    threads: int | None,
    wait: bool,
    numerics: str,
    usual: bool,
) -> tuple[CompiledBackend | None, str]:
    """The compiled backend for a model, or None and the reason.

    Args:
        usual: whether plans depend on the model and on these arguments alone: then they are kept
            for later processes.

    Raises:
        UnsupportedOperatorError: backend is "jit", and there cannot be one.
    """
    if backend == "numpy":
        return None, "backend='numpy' was asked for"
    try:
        from pytflite.jit.backend import Compiled, unavailable
    except ImportError as error:
        reason = f"pytflite.jit cannot be imported: {error}"
    else:
        reason = unavailable()
        if not reason:
            compiled = Compiled(model, precision, threads, wait)
            if usual:
                compiled.numerics = numerics
            return compiled, ""
    if backend == "jit":
        raise UnsupportedOperatorError(
            "there is no compiled backend here", code="backend.jit", found=reason,
            hint="backend='auto' runs on NumPy where it must",
        )  # fmt: skip
    return None, reason
