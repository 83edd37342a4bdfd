"""The gate for meaning: what a well-formed FlatBuffer must say to be a model.

Structure (offsets, vtables, sizes) is checked by `flatbuffer.Decoder` while it reads. Here a
model's parts are checked against each other: every index points at something, every tensor has
one producer. What a run would never come upon may be wrong: constants and scales are checked when
they are first used, options and shapes by the operators, in their infer.
`CHECKS` lists the codes; docs/errors.md is made from it.

Models, subgraphs and so on are those of pytflite.model, known here by their attributes alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pytflite.errors import ModelError, QuantizationError

CHECKS = {
    # Structure: by flatbuffer.Decoder, while it reads.
    "format.truncated": "there are as many bytes as the header alone takes",
    "format.identifier": "bytes 4 to 8 are the format's identifier",
    "format.offset": "every table, vector and string lies inside the file",
    "format.vtable": "a vtable has an even size, and room for itself and its table",
    "format.field": "the fields of a table lie inside it and do not overlap",
    "format.depth": "tables nest no deeper than 64",
    "format.bomb": "offsets that share their targets describe no more than the file can hold",
    # The zip behind the FlatBuffer: by archive.py, when it is asked for.
    "format.zip": "a zip can be read, and is neither encrypted nor compressed in unknown ways",
    "format.zip-name": "names in a zip are relative paths that stay where they are",
    "format.zip-bomb": "a zip holds no more files, and no more bytes, than is sensible",
    # Meaning: here, on opening.
    "model.version": "the schema version is 3",
    "model.subgraphs": "there is at least one subgraph",
    "model.buffer": "a buffer outside the FlatBuffer lies inside the file",
    "model.custom-options": "custom options outside the FlatBuffer lie inside the file",
    "model.buffer-index": "tensors and metadata refer to buffers that exist",
    "model.opcode-index": "operators refer to operator codes that exist",
    "model.tensor-index": "operators, subgraphs and signatures refer to tensors that exist",
    "model.producer": "a tensor is written once: by one operator, or by the caller",
    "model.signature": "a signature refers to a subgraph that exists, and names its tensors",
    "model.rank": "shape and shape_signature have the same length, at most 32 where it matters",
    "model.variable": "a variable tensor holds numbers",
    # Meaning of what is used: on planning, when a tensor or an operator is come upon.
    "model.shape": "no size is negative",
    "model.quantization": "scales are finite and not negative, as many as zero points (or those "
    "are left out), and one, or as many as the quantized dimension is long; zero points are "
    "numbers of the tensor's type",
    "model.constant-size": "a constant has the bytes that its shape and type take",
    "model.constant-shape": "a constant has a shape that an array can have",
    "model.constant-type": "a constant is of a type that the format names, no handle",
    "model.strings": "a string tensor has rising offsets inside its buffer, one string an element",
    "model.sparsity": "sparsity describes each element once, inside the shape",
    "model.external-buffer": "constants lie in this file",
    "model.no-data": "a tensor that is read is constant, an input, or written before",
    "model.recursion": "subgraphs do not call each other in a circle",
    "op.arity": "an operator has as many inputs and outputs as it takes",
    "op.dtype": "inputs and outputs have types that the operator takes; none is left out but "
    "where it says so",
    "op.option": "options are those of the operator, and in its range",
}

# What a weaker check let through elsewhere: advisories on other interpreters of the format.
CLOSES = {
    "model.tensor-index": "CVE-2020-15211",
    "model.producer": "CVE-2020-15210",
    "model.no-data": "CVE-2020-15209",
    "model.recursion": "CVE-2021-29591",
    "model.sparsity": "CVE-2022-23560",
    "model.shape": "CVE-2022-23558",
}

VERSION = 3


def verify(model: Any) -> None:
    """Checks that the parts of a model fit each other.

    Raises:
        ModelError: with one of the codes in `CHECKS`.
    """
    if model.version != VERSION:
        raise ModelError(
            f"Model provided is schema version {model.version} not equal to supported version 3.",
            code="model.version",
            expected=VERSION,
            found=model.version,
        )
    if not model.subgraphs:
        raise ModelError("No subgraph in the model.", code="model.subgraphs")
    buffers = len(model.buffers)
    for index, subgraph in enumerate(model.subgraphs):
        _verify_tensors(subgraph, buffers)
        _verify_operators(index, subgraph)
    for name, buffer in model.metadata_entries:
        check_index("model.buffer-index", f"metadata {name!r}", buffer, buffers)
    for signature in model.signatures:
        _verify_signature(signature, model.subgraphs)


def _verify_tensors(subgraph: Any, buffers: int) -> None:
    for number, tensor in enumerate(subgraph.tensors):
        # Some models have no buffers at all, and no constants.
        if tensor.buffer >= buffers > 0:
            raise _bad_index("model.buffer-index", f"tensor {number}", tensor.buffer, buffers)
        if tensor.is_variable and tensor.dtype.is_handle:
            raise ModelError(
                "a variable tensor holds no numbers",
                code="model.variable",
                tensor=tensor.name,
                found=tensor.dtype,
            )
        signature = tensor.shape_signature
        if signature and len(signature) != len(tensor.shape):
            raise ModelError(
                f"shape and shape_signature of tensor {number} differ in length",
                code="model.rank",
                tensor=tensor.name,
                expected=tensor.shape,
                found=signature,
            )


def verify_quantization(tensor: Any, operator: str | None = None) -> None:
    """Checks the scales and zero points of a tensor that is used.

    Not on opening: that would touch pages all over a mapped file.

    Raises:
        QuantizationError: "model.quantization".
    """
    quantization = tensor.quantization
    if quantization is None or not (quantization.scale.size or quantization.zero_point.size):
        return
    scale, count = quantization.scale, quantization.scale.size
    axis = quantization.quantized_dimension
    if count and not 0 <= scale.min() <= scale.max() < math.inf:  # nor so if one is not a number
        problem, expected = "a scale makes no sense", "finite, not negative"
    elif quantization.zero_point.size not in (0, count):
        problem, expected = "scales and zero points differ in number", f"{count} zero points"
    elif not _points_fit(quantization.zero_point, tensor.dtype):
        problem, expected = "a zero point does not fit its type", f"one of {tensor.dtype}"
    elif count > 1 and len(tensor.shape) > 1 and not 0 <= axis < len(tensor.shape):
        # Of a vector there is but one: some published biases name that of their weights.
        problem, expected = f"there is no dimension {axis} to quantize", "one of the shape's"
    elif count > 1 and 0 <= axis < len(tensor.shape) and tensor.shape[axis] not in (count, -1):
        problem, expected = "scales do not fit the shape", f"1 or {tensor.shape[axis]} scales"
    else:
        return
    raise QuantizationError(
        problem, code="model.quantization", operator=operator, tensor=tensor.name,
        expected=expected,
        found=f"{count} scales, {quantization.zero_point.size} zero points",
    )  # fmt: skip


def _points_fit(points: Any, dtype: Any) -> bool:
    """Whether short integers can be zero points of their tensor; others have no use for any."""
    if dtype.bits > 16 or not dtype.is_integer or not points.size:
        return True
    low = 0 if dtype.storage.kind == "u" else -(1 << (dtype.bits - 1))
    return bool(low <= points.min() and points.max() < low + (1 << dtype.bits))


def _verify_operators(index: int, subgraph: Any) -> None:
    count = len(subgraph.tensors)
    inputs, outputs = subgraph.inputs, subgraph.outputs
    _verify_tensor_indices(f"the list of inputs of subgraph {index}", inputs, 0, count)
    _verify_tensor_indices(f"the list of outputs of subgraph {index}", outputs, 0, count)
    written = set(inputs)
    for number, operator in enumerate(subgraph.operators):
        for indices in (operator.inputs, operator.outputs, operator.intermediates):
            if indices:
                _verify_tensor_indices(f"operator {number}", indices, -1, count)
        for tensor in operator.outputs:
            if tensor in written:
                raise ModelError(
                    f"operator {number} writes a tensor that has a value already",
                    code="model.producer",
                    tensor=subgraph.tensors[tensor].name,
                    expected="one producer for each tensor",
                )
            if tensor >= 0:
                written.add(tensor)


def _verify_tensor_indices(what: str, indices: Sequence[int], low: int, count: int) -> None:
    for tensor in indices:
        if not low <= tensor < count:
            raise _bad_index("model.tensor-index", what, tensor, count)


def _verify_signature(signature: Any, subgraphs: Sequence[Any]) -> None:
    what = f"signature {signature.key!r}"
    check_index("model.signature", what, signature.subgraph, len(subgraphs))
    subgraph = subgraphs[signature.subgraph]
    for name, tensor in signature.inputs.items():
        if name is not None and tensor not in subgraph.inputs:
            raise ModelError(
                f"{name!r} of {what} is no input of its subgraph", code="model.signature",
                expected=f"one of tensors {list(subgraph.inputs)}", found=tensor,
            )  # fmt: skip
    count = len(subgraph.tensors)
    for names in (signature.inputs, signature.outputs):
        for name, tensor in names.items():
            if name is None:
                raise ModelError(f"a tensor of {what} has no name", code="model.signature")
            check_index("model.signature", f"{name!r} of {what}", tensor, count)


def check_index(code: str, what: str, found: int, count: int) -> None:
    """Refuses an index that is not one of `count` things."""
    if not 0 <= found < count:
        raise _bad_index(code, what, found, count)


def check_span(code: str, what: str, offset: int, length: int, size: int) -> None:
    """Refuses bytes behind the FlatBuffer that do not lie within the `size` bytes of the file."""
    if offset + length > size:
        raise ModelError(
            f"{what} lies outside the file",
            code=code,
            expected=f"within {size} bytes",
            found=f"bytes {offset} to {offset + length}",
        )


def _bad_index(code: str, what: str, found: int, count: int) -> ModelError:
    return ModelError(
        f"{what} has an index out of range",
        code=code,
        expected=f"0 to {count - 1}" if count else "none, for there are none",
        found=found,
    )
