"""operator: a custom operator from a function of arrays.

    @pytflite.operator("Sinh")
    def sinh(x):
        return np.sinh(x)

The function gets the inputs as arrays that it must not write (None where an optional input is
left out) and the options of the model's FlexBuffer as keywords, those that it names, or all if it
takes `**options`. It returns one array, or a sequence of them. Without `infer`, the shapes are
known when it returns.

A function that Numba compiles (`@pytflite.operator("Sinh")` above `@numba.njit`) is one as any
other; its options' lists come as tuples, for Numba compiles for the types of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pytflite.errors import DataError, OptionError, TFLiteError
from pytflite.model.graph import Array
from pytflite.ops.operator import Definition, Inputs, Outputs, Run
from pytflite.ops.registry import BUILTINS, CUSTOM
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_ANY = 1 << 31
F = TypeVar("F", bound=Callable[..., Any])
ShapesOf = Callable[..., Any]  # (*specs, **options) -> one shape, or a sequence of them


class Parameters(NamedTuple):
    """What a function takes: names by position, and all keywords (None: any)."""

    positional: tuple[str, ...]
    keywords: frozenset[str] | None


class Call(NamedTuple):
    """What eval needs: the function, its keywords, and the declared types of the outputs."""

    function: Callable[..., Any]
    options: dict[str, Any]
    types: tuple[Any, ...]


def operator(
    name: str,
    *,
    infer: ShapesOf | None = None,
    types: str | Signature = "*... -> *...",
    pure: bool = True,
    override: bool = False,
) -> Callable[[F], F]:
    """Registers a function as a custom operator, for all interpreters.

    Args:
        name: the operator's name in models.
        infer: `infer(*specs, **options)` gives the output shape (or a sequence of shapes);
            a Spec has shape, dtype, quantization and, for constants, value.
        types: which types it takes and gives, e.g. "FLOAT32, INT32? -> FLOAT32".
        pure: False if a second call may give another answer.
        override: replace the builtin operator of that name instead.

    Returns:
        The function, unchanged.
    """

    def register(function: F) -> F:
        definition = definition_of(name, function, infer=infer, types=types, pure=pure)
        (BUILTINS if override else CUSTOM)[name] = definition
        return function

    return register


def definition_of(
    name: str,
    function: Callable[..., Any],
    *,
    infer: ShapesOf | None = None,
    types: str | Signature = "*... -> *...",
    pure: bool = True,
) -> Definition:
    """The definition behind `operator`, not registered (for `Interpreter(custom_ops=...)`)."""
    from inspect import getdoc  # here and below: it takes milliseconds to import

    accepts = _parameters(function)
    infer_accepts = None if infer is None else _parameters(infer)

    def infer_specs(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
        count = len(node.outputs)
        if infer is None or infer_accepts is None:
            return tuple(node.output(n, None) for n in range(count))
        try:
            shapes = infer(*inputs, **_chosen(node, infer_accepts))
        except TFLiteError:
            raise
        except Exception as error:
            raise node.error(
                OptionError, "the custom operator's infer failed", code="op.custom",
                found=f"{type(error).__name__}: {error}",
            ) from error  # fmt: skip
        return tuple(node.output(n, shape) for n, shape in enumerate(_checked(node, shapes)))

    def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Call:
        declared = tuple(None if t is None else t.dtype.storage for t in node.outputs)
        options = _chosen(node, accepts)
        if hasattr(function, "py_func"):  # Numba's
            options = {name: _tuples(value) for name, value in options.items()}
        return Call(function, options, declared)

    return Definition(
        name=name,
        module=getattr(function, "__module__", None) or "",
        doc=getdoc(function) or "",
        signature=types if isinstance(types, Signature) else Signature(types),
        infer=infer_specs,
        prepare=prepare,
        eval=evaluate,
        versions=(1, _ANY),  # it may stand for a builtin one
        pure=pure,
    )


def _checked(node: Node, given: Any) -> list[list[int | None] | None]:
    """What a function's infer gave, as a shape for each output."""
    count = len(node.outputs)
    try:
        shapes = list(given)
        if count == 1 and all(d is None or isinstance(d, (int, np.integer)) for d in shapes):
            shapes = [shapes]
        sizes = [s if s is None else [d if d is None else index(d) for d in s] for s in shapes]
    except TypeError:
        sizes = []
    if len(sizes) != count:
        raise node.error(
            OptionError, "the custom operator's infer gave no shapes that serve", code="op.custom",
            expected=f"{count}, each a sequence of integers or None", found=given,
        )  # fmt: skip
    return sizes


def evaluate(p: Call, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Calls the function; its results become arrays of the declared types, our own."""
    try:
        results = p.function(*inputs, **p.options)
    except TFLiteError:
        raise
    except Exception as error:
        raise run.node.error(
            DataError, "the custom operator failed", code="op.custom",
            found=f"{type(error).__name__}: {error}",
        ) from error  # fmt: skip
    given = list(results) if isinstance(results, (tuple, list)) else [results]
    if len(given) != len(outputs):
        raise run.node.error(
            DataError, "the custom operator gave a wrong number of arrays", code="op.custom",
            expected=len(outputs), found=len(given),
        )  # fmt: skip
    arrays = []
    for value, storage, place in zip(given, p.types, outputs, strict=True):
        array = np.asarray(value)
        if storage is not None and not np.can_cast(array.dtype, storage, "same_kind"):
            raise run.node.error(
                DataError, "the custom operator gave another type", code="op.custom",
                expected=storage, found=array.dtype,
            )  # fmt: skip
        if place is not None and place.shape != array.shape:
            raise run.node.error(
                DataError, "the custom operator gave another shape than its infer said",
                code="op.custom", expected=list(place.shape), found=list(array.shape),
            )  # fmt: skip
        if place is None:
            place = np.array(array, storage)  # a copy: it may be a view of an input
        else:
            np.copyto(place, array, casting="same_kind")
        arrays.append(place)
    return arrays


def _parameters(function: Callable[..., Any]) -> Parameters:
    """What can be told of a function's parameters."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Parameters((), frozenset())  # a NumPy ufunc, say
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return Parameters(
        tuple(p.name for p in parameters if p.kind in by_position),
        None
        if any(p.kind is p.VAR_KEYWORD for p in parameters)
        else frozenset(p.name for p in parameters if p.kind in by_name),
    )


def _chosen(node: Node, accepted: Parameters) -> dict[str, Any]:
    """The options that a function takes, but for names of parameters that inputs fill."""
    filled = accepted.positional[: len(node.inputs)]
    return {
        k: v
        for k, v in node.custom.items()
        if k not in filled and (accepted.keywords is None or k in accepted.keywords)
    }


def _tuples(value: Any) -> Any:
    """Lists, also within lists, as tuples."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
