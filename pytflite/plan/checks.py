"""Checks of the file's tensors, as operators come to them: types, quantisation, constants."""

from __future__ import annotations

import warnings

from pytflite.errors import DTypeError, ModelError, ModelWarning
from pytflite.format.verifier import verify_quantization
from pytflite.model.dtypes import is_known
from pytflite.model.graph import Tensor
from pytflite.model.model import Model
from pytflite.ops.spec import Key, Node


class TensorChecks:
    """Remembers which tensors of a model have passed: plans for other shapes meet them again."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._passed: set[Key | None] = {None}
        self._warned = False

    def check(self, node: Node) -> None:
        """Checks the tensors of an operator.

        Raises:
            DTypeError: a type has no name.
            ModelError: the quantisation makes no sense, or the operator writes a constant.
        """
        for tensors, keys in (
            (node.inputs, node.input_keys),
            (node.outputs, node.output_keys),
            (node.intermediates, node.intermediate_keys),
        ):
            for tensor, key in zip(tensors, keys, strict=True):
                if tensor is not None and key not in self._passed:
                    if not is_known(tensor.dtype):
                        raise node.error(
                            DTypeError, "a tensor's type has no name", tensor=tensor.name,
                            found=tensor.dtype,
                        )  # fmt: skip
                    verify_quantization(tensor, node.label)
                    self._passed.add(key)
        for output in node.outputs:
            if output is not None and not output.is_variable and self._is_constant(output):
                raise node.error(
                    ModelError, "an operator writes a constant", code="model.producer",
                    tensor=output.name, expected="a tensor without data of its own",
                )  # fmt: skip

    def _is_constant(self, tensor: Tensor) -> bool:
        buffers = self._model.buffers
        data = buffers[tensor.buffer].data if buffers else None
        return data is not None and data.size > 0

    def warn_of_dimension(self, tensor: Tensor) -> None:
        """Scales along a dimension that the tensor lacks: harmless for biases, whose scales
        follow from the weights. Published models have it, and LiteRT refuses them."""
        q = tensor.quantization
        if q is None or not q.is_per_channel or q.quantized_dimension < len(tensor.shape):
            return
        if not self._warned:
            warnings.warn(
                f"tensor {tensor.name!r} (and maybe others) of rank {len(tensor.shape)} has scales "
                f"along dimension {q.quantized_dimension}",
                ModelWarning,
                stacklevel=2,
            )
            self._warned = True
