"""What Interpreter() is given: the model, and the arguments of tf.lite.Interpreter."""

from __future__ import annotations

import os
from typing import Any

from pytflite.errors import FormatError, InputError
from pytflite.model.model import Model

# Names of tf.lite.OpResolverType. All mean the same here.
RESOLVERS = ("AUTO", "BUILTIN", "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES")
BACKENDS = ("auto", "jit", "numpy")
PRECISIONS = ("float32", "high", "medium")
NUMERICS = ("reference", "litert")
_NO_BYTES = ("format.open", "format.source")


def open_model(model: Any, model_path: Any, model_content: Any) -> Model:
    """The one model that was given.

    Raises:
        FormatError, ModelError: it is none. Messages begin as LiteRT's.
        InputError: none was given, or several.
    """
    given = [m for m in (model, model_path, model_content) if m is not None]
    if len(given) != 1:
        raise InputError(
            "Can't both provide `model_path` and `model_content`"
            if given
            else "`model_path` or `model_content` must be specified.",
            code="input.model",
            expected="one model",
            found=f"{len(given)} models",
        )
    try:
        return Model.open(given[0])
    except FormatError as error:
        if error.code in _NO_BYTES:
            raise
        raise FormatError(
            f"The model is not a valid Flatbuffer buffer: {error.problem}",
            code=error.code, operator=error.operator, tensor=error.tensor,
            expected=error.expected, found=error.found, hint=error.hint,
        ) from error  # fmt: skip


def check_threads(num_threads: Any) -> int:
    """The number of threads; one if None."""
    if num_threads is None:
        return 1
    if not isinstance(num_threads, int):
        raise InputError("type of num_threads should be int", code="input.threads",
                         found=type(num_threads).__name__)  # fmt: skip
    if num_threads < 1:
        raise InputError("num_threads should >= 1", code="input.threads", found=num_threads)
    return int(num_threads)


def check_resolver(resolver: Any) -> None:
    """Refuses what is no OpResolverType (that of tf.lite or of ai_edge_litert will do, too)."""
    if resolver is not None and getattr(resolver, "name", None) not in RESOLVERS:
        raise InputError(
            f"Unrecognized passed in op resolver type: {resolver}",
            code="input.resolver",
            expected=f"OpResolverType.{', '.join(RESOLVERS)}",
        )


def check_backend(backend: Any) -> str:
    """The backend; by default PYTFLITE_BACKEND says which, or else it is "auto"."""
    return check_choice(
        "backend", backend or os.environ.get("PYTFLITE_BACKEND") or "auto", BACKENDS
    )


def check_wait(wait: Any) -> bool:
    """Whether to wait for compiled kernels; by default PYTFLITE_WAIT says so."""
    return bool(os.environ.get("PYTFLITE_WAIT")) if wait is None else bool(wait)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of several words."""
    if value not in choices:
        raise InputError(
            f"there is no such {name}", code=f"input.{name}",
            expected=" or ".join(map(repr, choices)), found=repr(value),
        )  # fmt: skip
    return str(value)
