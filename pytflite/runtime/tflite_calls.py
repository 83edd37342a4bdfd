"""The calls of tf.lite.Interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pytflite.errors import InputError, StateError
from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.ops.spec import Key, Shape
from pytflite.runtime.details import numpy_type
from pytflite.runtime.engine import Engine
from pytflite.runtime.tensors import Tensors

if TYPE_CHECKING:
    from pytflite.runtime.signatures import SignatureRunner

_HELD = (
    "There is at least 1 reference to internal data in the interpreter in the form of a numpy "
    "array or slice. Be sure to only hold the function returned from tensor() if you are using "
    "raw data access."
)


class TFLiteCalls:
    """set_tensor, invoke, get_tensor and the rest, with the dictionaries and errors of LiteRT.

    They share one set of tensors for each subgraph; calls from several threads wait for each
    other.
    """

    def __init__(self, model: Model, engine: Engine, *, preserve: bool) -> None:
        self._model = model
        self._engine = engine
        self._preserve = preserve
        self._tensors: dict[int, Tensors] = {}
        self._called: dict[Key, Array] = {}

    @property
    def model(self) -> Model:
        """The model that it runs."""
        return self._model

    @property
    def _open(self) -> Model:
        if self._model.closed:
            raise StateError("the interpreter is closed", code="state.closed")
        return self._model

    @contextmanager
    def held_tensors(self, subgraph: int = 0) -> Iterator[Tensors]:
        """The tensors of a subgraph, for one thread at a time."""
        with self._engine.tensors_lock:
            yield self._tensors_of(subgraph)

    def _tensors_of(self, subgraph: int) -> Tensors:
        """The tensors of a subgraph, for who has the lock."""
        model = self._open
        found = self._tensors.get(subgraph)
        if found is not None:
            return found
        count = len(model.subgraphs)
        if not 0 <= subgraph < count:
            raise InputError(
                f"Invalid subgraph index {subgraph} exceeds max subgraph index {count}",
                code="input.subgraph",
            )
        made = self._tensors[subgraph] = Tensors(
            self._engine, subgraph, preserve=self._preserve, called=self._called
        )
        return made

    def _shapes_now(self) -> list[Shape]:
        """Of the main subgraph's inputs."""
        tensors = self._tensors.get(0)
        if tensors is None:
            with self.held_tensors() as tensors:
                pass
        return list(tensors.shapes)

    # --- running -------------------------------------------------------------------------------

    def allocate_tensors(self) -> None:
        """Plans for the present input shapes. Inputs keep their values where shapes stay."""
        with self.held_tensors() as tensors:
            self._ensure_safe()
            tensors.allocate()

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copies a value into an input.

        Args:
            tensor_index: "index" of get_input_details().
            value: an array of the tensor's shape and type. Tensors of INT4 and the like take
                int8, BFLOAT16 the type of ml_dtypes or bits in uint16, strings str or bytes.

        Raises:
            InputError: wrong type or shape, or not an input. The message begins as LiteRT's.
        """
        with self._engine.tensors_lock:
            tensors = self._tensors.get(0) or self._tensors_of(0)
            tensors.set(int(tensor_index), value)

    def invoke(self) -> None:
        """Runs the graph on the tensors that were set."""
        with self._engine.tensors_lock:
            tensors = self._tensors.get(0) or self._tensors_of(0)
            self._ensure_safe()
            tensors.invoke()

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Array:
        """A copy of a tensor's value.

        Args:
            tensor_index: "index" of get_output_details().
            subgraph_index: of which subgraph; other than 0 after a signature of it has run, or,
                if all tensors are preserved, after operators have called it.

        Raises:
            StateError: the tensor was not kept: its memory has been used again since.
        """
        with self._engine.tensors_lock:
            tensors = self._tensors.get(subgraph_index) or self._tensors_of(subgraph_index)
            return tensors.get(int(tensor_index))

    def tensor(self, tensor_index: int) -> Callable[[], Array]:
        """A function that gives a live view of a tensor, without a copy.

        Keep the function and not the array: while an array from it (or a slice of one) is held,
        allocate_tensors(), invoke() and resize_tensor_input() raise RuntimeError.

        Example:
            >>> from pytflite.runtime.interpreter import Interpreter
            >>> from pytflite.tools.doodle import model_path
            >>> interpreter = Interpreter(model_path("float32"))
            >>> interpreter.allocate_tensors()
            >>> image = interpreter.tensor(interpreter.get_input_details()[0]["index"])
            >>> image()[...] = 0.5
            >>> interpreter.invoke()
        """

        def view() -> Array:
            with self.held_tensors() as tensors:
                return tensors.view(int(tensor_index))

        return view

    def resize_tensor_input(
        self, input_index: int, tensor_size: Sequence[int], strict: bool = False
    ) -> None:
        """Changes the shape of an input; allocate_tensors() makes it take effect.

        Args:
            input_index: "index" of get_input_details().
            tensor_size: the new shape.
            strict: only sizes that the file leaves open (-1 in shape_signature) may change.

        Raises:
            InputError: not an input, a negative size, or `strict` forbids it.
        """
        with self.held_tensors() as tensors:
            self._ensure_safe()
            tensors.resize(int(input_index), tensor_size, strict)

    def reset_all_variables(self) -> None:
        """Variable tensors of all subgraphs, and signals' streams, begin anew.

        Resource variables, hash tables and random streams stay, as in LiteRT: what initialises
        them runs once. `clone()` gives an interpreter whose whole state is as new.
        """
        with self._engine.tensors_lock, self._engine.lock:
            self._engine.state = self._engine.state.forgetting({}, {})

    def _safe_to_run(self) -> bool:
        """Whether nobody holds an array that tensor() gave."""
        with self._engine.tensors_lock:
            return not any(tensors.viewed for tensors in self._tensors.values())

    def _ensure_safe(self) -> None:
        for tensors in self._tensors.values():
            if tensors.views and tensors.viewed:
                raise StateError(
                    _HELD, code="state.held", hint="del the array, or copy it: np.array(...)"
                )

    # --- signatures ----------------------------------------------------------------------------

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """{key: {"inputs": names, "outputs": names}} of each signature."""
        full = self._get_full_signature_list()
        return {k: {role: list(names) for role, names in s.items()} for k, s in full.items()}

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A callable with the arguments of a signature.

        Args:
            signature_key: which; None is the only one that there is.

        Raises:
            InputError: there is none of this key, or there are several and no key.
        """
        from pytflite.runtime.signatures import SignatureRunner, find_signature

        return SignatureRunner(self, find_signature(self._open, signature_key).key)

    def _get_full_signature_list(self) -> dict[str, dict[str, dict[str, int]]]:
        """{key: {"inputs": {name: index}, "outputs": {name: index}}}, names sorted."""
        return {
            s.key: {
                "inputs": dict(sorted(s.inputs.items())),
                "outputs": dict(sorted(s.outputs.items())),
            }
            for s in self._open.signatures
        }

    # --- details -------------------------------------------------------------------------------

    def get_input_details(self) -> list[dict[str, Any]]:
        """A dictionary per input: name, index, shape, dtype, quantization ..."""
        with self.held_tensors() as tensors:
            return [tensors.details(i) for i in tensors.graph.inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """A dictionary per output: name, index, shape, dtype, quantization ..."""
        with self.held_tensors() as tensors:
            return [tensors.details(i) for i in tensors.graph.outputs]

    def get_tensor_details(self, subgraph_index: int = 0) -> list[dict[str, Any]]:
        """A dictionary per tensor of a subgraph.

        Raises:
            InputError: there is no such subgraph.
        """
        count = self.num_subgraphs()
        if not 0 <= subgraph_index < count:
            raise InputError(
                f"subgraph_index is out of range: {subgraph_index} for the model, which has "
                f"{count} subgraphs.",
                code="input.subgraph",
            )
        with self.held_tensors(subgraph_index) as tensors:
            return [tensors.details(i) for i in range(len(tensors.graph.tensors))]

    def num_subgraphs(self) -> int:
        """How many subgraphs the model has."""
        return len(self._open.subgraphs)

    def _get_tensor_details(self, tensor_index: int, subgraph_index: int = 0) -> dict[str, Any]:
        with self.held_tensors(int(subgraph_index)) as tensors:
            return tensors.details(int(tensor_index))

    def _get_op_details(self, op_index: int) -> dict[str, Any]:
        """Name, and numbers and types of the tensors, of one operator of the main subgraph."""
        main = self._open.main
        if not 0 <= op_index < len(main.operators):
            raise InputError("Invalid node index", code="input.operator", found=op_index)
        operator = main.operators[op_index]

        def types(indices: Sequence[int]) -> list[Any]:
            return [numpy_type(main.tensors[i].dtype) for i in indices if i >= 0]

        return {
            "index": int(op_index),
            "op_name": operator.name,
            "inputs": np.array(operator.inputs, np.int32),
            "outputs": np.array(operator.outputs, np.int32),
            "operand_types": types(operator.inputs),
            "result_types": types(operator.outputs),
        }

    def _get_ops_details(self) -> list[dict[str, Any]]:
        return [self._get_op_details(i) for i in range(len(self._open.operators))]
