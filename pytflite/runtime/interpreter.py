"""Interpreter: the public face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.registry import find
from pytflite.ops.spec import Shape
from pytflite.runtime.arguments import (
    NUMERICS,
    PRECISIONS,
    check_backend,
    check_choice,
    check_resolver,
    check_threads,
    check_wait,
    open_model,
)
from pytflite.runtime.backends import compiled_backend
from pytflite.runtime.batches import Batches
from pytflite.runtime.engine import Engine
from pytflite.runtime.feeding import dequantize as to_real
from pytflite.runtime.inspection import Inspection
from pytflite.runtime.naming import are_plain, input_arrays, plain_kinds
from pytflite.runtime.picture_calls import PictureCalls
from pytflite.runtime.state import State

if TYPE_CHECKING:
    from pytflite.ops.operator import Definition


class Interpreter(Inspection, PictureCalls):
    """Runs a TensorFlow Lite model.

    Args:
        model: a path, bytes, bytearray, memoryview, mmap, open binary file, or a Model
            (`model_path` and `model_content` as in tf.lite, too).
        num_threads: threads that share a run. None: one for NumPy's matrix products, and for
            compiled kernels as many as there are physical cores, if they are faster than one.
        experimental_preserve_all_tensors: keep every tensor, so that get_tensor can read all.
        custom_ops: custom operators for this interpreter alone, by name: functions of arrays, as
            for `pytflite.operator`. A builtin operator's name replaces that operator.
        limits: what the model may take of memory and work.
        backend: "auto" (compiled kernels as soon as there are any, NumPy's until then), "jit" (the
            same, but an error where there cannot be any), or "numpy". None: what
            the environment variable PYTFLITE_BACKEND says, else "auto".
        precision: of float32 products in compiled kernels: "float32"; "high" or "medium" may be
            faster where the CPU has bfloat16, with errors of about 1e-5 or 1e-2.
        numerics: how integers are rounded: "reference" (as LiteRT's reference kernels do) or
            "litert" (as LiteRT as shipped does, that is mostly XNNPACK).
        wait: plan only when the compiled kernels are there (None: what the environment variable
            PYTFLITE_WAIT says, else not).
        experimental_delegates and the others: as in tf.lite; they choose among that runtime's
            implementations and mean nothing here.

    Raises:
        FormatError, ModelError: not a model.
        InputError: an argument is wrong.

    Example:
        >>> from pytflite.runtime.interpreter import Interpreter
        >>> from pytflite.tools.doodle import model_path
        >>> interpreter = Interpreter(model_path("float32"))
        >>> interpreter.run(np.zeros((28, 28, 1))).shape
        (1, 10)

    One interpreter may be used from several threads: `run()` calls overlap where the model keeps
    no state. The calls of tf.lite (set_tensor, invoke, get_tensor) share one set of tensors. It
    can be pickled and deep-copied with its state, and used after a fork.
    """

    def __init__(
        self,
        model: Any = None,
        model_content: Any = None,
        experimental_delegates: Any = None,
        num_threads: int | None = None,
        experimental_op_resolver_type: Any = None,
        experimental_preserve_all_tensors: bool = False,
        experimental_disable_delegate_clustering: bool = False,
        experimental_default_delegate_latest_features: bool = False,
        experimental_compress_quantization_zero_points: bool = False,
        experimental_disable_delegate_node_fusion: bool = False,
        experimental_force_delegate_node_profiling: bool = False,
        *,
        model_path: Any = None,
        custom_ops: Mapping[str, Callable[..., Any] | Definition] | None = None,
        limits: Limits | None = None,
        backend: str | None = None,
        precision: str = "float32",
        numerics: str = "reference",
        wait: bool | None = None,
    ) -> None:
        check_resolver(experimental_op_resolver_type)
        check_choice("precision", precision, PRECISIONS)
        check_choice("numerics", numerics, NUMERICS)
        threads = check_threads(num_threads)
        self.experimental_compress_quantization_zero_points = (
            experimental_compress_quantization_zero_points
        )
        opened = open_model(model, model_path, model_content)
        self._options: dict[str, Any] = {
            "num_threads": num_threads,
            "experimental_preserve_all_tensors": bool(experimental_preserve_all_tensors),
            "custom_ops": dict(custom_ops or {}),
            "limits": limits or Limits(),
            "backend": backend,
            "precision": precision,
            "numerics": numerics,
            "wait": wait,
        }
        self._custom = _definitions(self._options["custom_ops"])
        preserve = self._options["experimental_preserve_all_tensors"]
        compiled, self._no_backend = compiled_backend(
            opened,
            check_backend(backend),
            precision,
            num_threads,
            check_wait(wait),
            numerics,
            usual=not self._custom and self._options["limits"] == Limits(),
        )
        engine = Engine(
            opened, self._lookup, self._options["limits"], preserve=preserve, numerics=numerics,
            threads=threads, backend=compiled,
        )  # fmt: skip
        self._kinds = plain_kinds(opened)
        super().__init__(opened, engine, preserve=preserve)

    def _lookup(self, name: str, custom: bool) -> Definition | None:
        return self._custom.get(name) or find(name, custom=custom)

    def run(self, *inputs: Any, dequantize: bool | None = None, **named: Any) -> Any:
        """Runs the model.

        Args:
            inputs: one value per input, in order; or
            named: one value per input, by its name or its name in the signature.
            dequantize: whether integer outputs become real numbers. By default they do if floats
                were given for a quantised input.

        Returns:
            The output array, or a list of them in order if there are several. New arrays.

        Raises:
            InputError: an input is missing, unknown, or does not fit.
            DataError and other TFLiteErrors: an operator refuses what it is given.
        """
        model = self._open
        arrays: Sequence[Array] = inputs
        quantized = False
        if named or not are_plain(inputs, self._kinds):
            arrays, quantized = input_arrays(model, inputs, named)
        outputs = Batches(self._engine, arrays, self._shapes_now()).run()
        if quantized if dequantize is None else dequantize:
            outputs = [
                to_real(o, t) if t.dtype.is_integer and t.is_quantized else o
                for o, t in zip(outputs, model.outputs, strict=True)
            ]
        return outputs[0] if len(outputs) == 1 else outputs

    async def arun(self, *inputs: Any, dequantize: bool | None = None, **named: Any) -> Any:
        """run() in a thread of asyncio's pool: `y = await interpreter.arun(x)`."""
        from asyncio import to_thread

        return await to_thread(self.run, *inputs, dequantize=dequantize, **named)

    # --- copies --------------------------------------------------------------------------------

    def clone(self) -> Self:
        """Another interpreter of the same model with the same options, its state as new."""
        return _restored(type(self), self._open, self._options, None, {})

    def __reduce__(self) -> tuple[Any, ...]:
        """State, shapes and the values of inputs and outputs go along; hooks do not."""
        with self._engine.tensors_lock, self._engine.lock:
            tensors = {i: t.snapshot() for i, t in self._tensors.items()}
            state = self._engine.state.successor()
        return _restored, (type(self), self._open, self._options, state, tensors)

    def close(self) -> None:
        """Gives up the model and all memory; the interpreter cannot be used any more."""
        with self._engine.tensors_lock:
            self._tensors.clear()
            self._called.clear()
            self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Interpreter of {self._model!r}>"

    def _repr_html_(self) -> str:
        from pytflite.runtime.html import interpreter_html

        return interpreter_html(self)


def _definitions(operators: Mapping[str, Any]) -> dict[str, Definition]:
    if not operators:
        return {}
    from pytflite.ops.custom_operator import definition_of
    from pytflite.ops.operator import Definition

    return {
        name: op if isinstance(op, Definition) else definition_of(name, op)
        for name, op in operators.items()
    }


_T = TypeVar("_T", bound=Interpreter)


def _restored(
    kind: type[_T],
    model: Model,
    options: dict[str, Any],
    state: State | None,
    tensors: dict[int, tuple[list[Shape], dict[int, Array] | None]],
) -> _T:
    """An interpreter of this (sub)class, made again in a copy or in another process."""
    interpreter = object.__new__(kind)
    Interpreter.__init__(interpreter, model, **options)
    for subgraph, (shapes, values) in tensors.items():
        with interpreter.held_tensors(subgraph) as held:
            held.restore(shapes, values)
    if state is not None:
        interpreter._engine.state = state
    return interpreter
