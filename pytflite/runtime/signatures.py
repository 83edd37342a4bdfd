"""SignatureRunner: calling a model by the names of its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.graph import Array, Signature
from pytflite.model.model import Model
from pytflite.runtime.feeding import fit_shape, to_tensor

if TYPE_CHECKING:
    from pytflite.runtime.tflite_calls import TFLiteCalls


class SignatureRunner:
    """A callable with the arguments of a signature; `get_signature_runner()` makes it.

    Its tensors are the interpreter's own of the signature's subgraph, and state is shared by all
    signatures of the interpreter.

    Example:
        >>> from pytflite.runtime.interpreter import Interpreter
        >>> from pytflite.tools.doodle import model_path
        >>> runner = Interpreter(model_path("int8")).get_signature_runner()
        >>> sorted(runner.get_input_details())
        ['image']
        >>> runner(image=np.zeros((1, 28, 28, 1), np.int8))["probabilities"].shape
        (1, 10)
    """

    def __init__(self, interpreter: TFLiteCalls, signature_key: str) -> None:
        if not interpreter:
            raise InputError("None interpreter provided.", code="input.signature")
        if not signature_key:
            raise InputError("None signature_key provided.", code="input.signature")
        self._interpreter = interpreter
        self._signature = find_signature(interpreter.model, signature_key)
        self._signature_key = signature_key
        self._subgraph_index = self._signature.subgraph  # which ai-edge-quantizer reads

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        """Runs the signature.

        Args:
            inputs: an array of the tensor's type for each input (lists and scalars become one).

        Returns:
            Output arrays by name; new ones.

        Raises:
            InputError: an input is missing, unknown, or does not fit.
        """
        names = self._signature.inputs
        if len(inputs) != len(names):
            raise InputError(
                "Invalid number of inputs provided for running a SignatureDef, "
                f"expected {len(names)} vs provided {len(inputs)}",
                code="input.count",
                expected=", ".join(names),
                found=", ".join(inputs),
            )
        for name in inputs:
            if name not in names:
                raise InputError(
                    f"Invalid Input name ({name}) for SignatureDef",
                    code="input.name",
                    expected=", ".join(names),
                )
        with self._interpreter.held_tensors(self._signature.subgraph) as tensors:
            arrays = {}
            for name, value in inputs.items():
                tensor = tensors.known(names[name])
                if not hasattr(value, "shape"):
                    value, _ = to_tensor(value, tensor)
                    value = fit_shape(value, tensor.shape_signature or tensor.shape)
                arrays[names[name]] = value
            for index, value in arrays.items():
                tensors.resize(index, np.shape(value))
            tensors.allocate()
            for index, value in arrays.items():
                tensors.set(index, value)
            tensors.invoke()
            return {n: tensors.get(i) for n, i in sorted(self._signature.outputs.items())}

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """Details of each input, by its name in the signature."""
        return self._details(self._signature.inputs)

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """Details of each output, by its name in the signature."""
        return self._details(self._signature.outputs)

    def _details(self, tensors: dict[str, int]) -> dict[str, dict[str, Any]]:
        subgraph = self._signature.subgraph
        return {
            name: self._interpreter._get_tensor_details(index, subgraph)
            for name, index in sorted(tensors.items())
        }

    def __repr__(self) -> str:
        inputs, outputs = ", ".join(self._signature.inputs), ", ".join(self._signature.outputs)
        return f"<SignatureRunner {self._signature_key}({inputs}) -> {outputs}>"


def find_signature(model: Model, key: str | None) -> Signature:
    """The signature of this key; None is the only one that there is."""
    if key is None:
        if len(model.signatures) != 1:
            raise InputError(
                "SignatureDef signature_key is None and model has "
                f"{len(model.signatures)} Signatures. None is only allowed when the model has 1 "
                "SignatureDef",
                code="input.signature",
                expected=", ".join(s.key for s in model.signatures) or None,
            )
        return model.signatures[0]
    for signature in model.signatures:
        if signature.key == key:
            return signature
    raise InputError(
        f'Invalid signature_key provided: "{key}".',
        code="input.signature",
        expected=", ".join(s.key for s in model.signatures) or "a model with signatures",
    )
