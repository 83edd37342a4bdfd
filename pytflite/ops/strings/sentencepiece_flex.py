"""FlexSentencepieceOp and its kin: SentencePiece as TensorFlow Text has it.

    handle = SentencepieceOp()                         the model, a protocol buffer, in an attribute
    values, splits = SentencepieceTokenizeOp(handle, texts, nbest_size, alpha, add_bos, add_eos,
                                             reverse)
    texts = SentencepieceDetokenizeOp(handle, values, splits, add_bos, add_eos, reverse)
    SentencepieceVocabSizeOp(handle)                   INT32 []: how many pieces there are
    SentencepieceIdToStringOp(handle, ids)             STRING: pieces by id
    SentencepieceStringToIdOp(handle, pieces)          INT32: ids by piece

values are ids (INT32) or pieces (STRING), splits INT32 or INT64 where each text's begin. nbest_size
is 0 or 1: sampling is refused. Converters call the handle's type INT32.
Source: TensorFlow Text (core/kernels/sentencepiece_kernels.cc); SentencePiece.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pytflite.errors import DataError, ModelError
from pytflite.model.dtypes import STRING
from pytflite.model.graph import Array
from pytflite.ops.arguments import check_one
from pytflite.ops.custom.tensorflow import attributes
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec
from pytflite.ops.strings.sentencepiece_custom import check_splits, guarded
from pytflite.ops.strings.sentencepiece_encoding import Piece, decode, encode
from pytflite.ops.strings.sentencepiece_model import Model, read_model


class Handle:
    """A model that nobody has read yet: what the tensor of a handle holds."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def infer_handle(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """A constant: the model."""
    model = attributes(node).get("model")
    if isinstance(model, str):
        model = model.encode()
    if not isinstance(model, bytes) or not model:
        raise node.error(
            ModelError, "the model is missing", code="op.option", expected="an attribute 'model'"
        )
    handle = np.empty((), object)
    handle[()] = Handle(model)
    return (node.output(0, ()).replace(value=handle),)


def eval_handle(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Never asked: infer gives the value."""
    raise AssertionError("SentencepieceOp is folded when it is inferred")


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Model:
    """Reads the model."""
    handle = inputs[0]
    assert handle is not None
    value = handle.value
    held = None if value is None or not value.size else value.reshape(-1)[0]
    if not isinstance(held, Handle):
        raise node.error(
            ModelError, "no SentencepieceOp of this graph gives the handle", code="model.no-data",
            tensor=0,
        )  # fmt: skip
    return guarded(node, read_model, held.data)


def infer_tokenize(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """As many values as the texts give, and a place more than there are texts."""
    texts = inputs[1]
    assert texts is not None
    if attributes(node).get("return_nbest"):
        raise node.error(ModelError, "return_nbest is not supported", code="op.option", found=True)
    _check_flags(node, inputs, 4)
    rows = texts.size + 1 if texts.is_static else None
    return (node.output(0, (None,)), node.output(1, (rows,)))


def _check_flags(node: Node, inputs: Sequence[Spec | None], first: int) -> None:
    for number in range(first, first + 3):
        spec = inputs[number]
        assert spec is not None
        check_one(node, spec, number, "an option")


def _flags(inputs: Inputs, first: int) -> tuple[bool, bool, bool]:
    """add_bos, add_eos, reverse."""
    bos, eos, reverse = (bool(x.reshape(-1)[0]) for x in inputs[first : first + 3])
    return bos, eos, reverse


def _extended(p: Model, run: Run, pieces: list[Piece], bos: bool, eos: bool) -> list[Piece]:
    for wanted, piece in ((bos, p.bos_piece), (eos, p.eos_piece)):
        number = p.id_of(piece)
        if wanted and number == p.unknown:
            raise run.node.error(
                DataError, "the model has no such piece", code="data.index", expected=piece
            )
        if wanted:
            pieces = (
                [(piece, number), *pieces] if piece is p.bos_piece else [*pieces, (piece, number)]
            )
    return pieces


def eval_tokenize(p: Model, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Text by text."""
    if any(size not in (0, 1) for size in inputs[2].reshape(-1).tolist()):
        raise run.node.error(
            DataError, "sampling is not supported", tensor=2, expected="0 or 1",
            found=inputs[2].reshape(-1)[:8].tolist(),
        )  # fmt: skip
    bos, eos, reverse = _flags(inputs, 4)
    values: list[Piece] = []
    ends = [0]
    for text in inputs[1].reshape(-1).tolist():
        pieces = guarded(run.node, encode, p, text, run.limits.string_bytes)
        pieces = _extended(p, run, pieces, bos, eos)
        values += reversed(pieces) if reverse else pieces
        ends.append(len(values))
    kind, splits = run.node.outputs
    assert kind is not None and splits is not None
    if kind.dtype is STRING:
        found = run.empty((len(values),), object)
        found[:] = [piece for piece, _ in values]
    else:
        found = np.array([number for _, number in values], np.int32)
    return [found, np.array(ends, splits.dtype.storage)]


def infer_detokenize(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """A text for each row."""
    splits = inputs[2]
    assert splits is not None
    _check_flags(node, inputs, 3)
    if splits.is_static and not splits.size:
        raise node.error(ModelError, "there are no rows", code="op.shape", tensor=2, found=[0])
    return (node.output(0, (splits.size - 1 if splits.is_static else None,)),)


def eval_detokenize(p: Model, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Row by row."""
    values, splits = inputs[1].reshape(-1).tolist(), inputs[2].reshape(-1).tolist()
    check_splits(run, splits, len(values))
    if inputs[1].dtype == object:
        pieces = [(piece, p.id_of(piece)) for piece in values]
    else:
        pieces = [(p.pieces[number], number) for number in _checked(p, run, values)]
    bos, eos, reverse = _flags(inputs, 3)
    texts = run.empty((len(splits) - 1,), object)
    left = run.limits.string_bytes
    for row, (start, stop) in enumerate(pairwise(splits)):
        chosen = _extended(p, run, pieces[start:stop], bos, eos)
        chosen = chosen[::-1] if reverse else chosen
        texts[row] = guarded(run.node, decode, p, chosen, left)
        left -= len(texts[row])
    return [texts]


def _checked(p: Model, run: Run, ids: list[int]) -> list[int]:
    if ids and not 0 <= min(ids) <= max(ids) < len(p.pieces):
        raise run.node.error(
            DataError, "an id without a piece", code="data.index", tensor=1,
            expected=f"0 to {len(p.pieces) - 1}", found=f"{min(ids)} to {max(ids)}",
        )  # fmt: skip
    return ids


def infer_size(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """One number."""
    return (node.output(0, ()),)


def eval_size(p: Model, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """How many pieces there are."""
    outputs[0][...] = len(p.pieces)


def infer_same(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of what is looked up."""
    source = inputs[1]
    assert source is not None
    return (node.output(0, source.shape),)


def eval_to_string(p: Model, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Pieces by id."""
    ids = _checked(p, run, inputs[1].reshape(-1).tolist())
    out = run.empty(inputs[1].shape, object)
    out.reshape(-1)[:] = [p.pieces[number] for number in ids]
    return [out]


def eval_to_id(p: Model, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Ids by piece."""
    ids = [p.id_of(piece) for piece in inputs[1].reshape(-1).tolist()]
    return [np.array(ids, np.int32).reshape(inputs[1].shape)]


_HANDLE = "INT32|RESOURCE"
define(
    "FlexSentencepieceOp",
    module=__name__,
    custom=True,
    signature=Signature(f"-> {_HANDLE}"),
    infer=infer_handle,
    eval=eval_handle,
)
for _name, _row, _infer, _eval in (
    (
        "TokenizeOp", "STRING, INT32, FLOAT32, BOOL, BOOL, BOOL -> INT32|STRING, INT32|INT64",
        infer_tokenize, eval_tokenize,
    ),
    (
        "DetokenizeOp", "INT32|STRING, INT32|INT64, BOOL, BOOL, BOOL -> STRING",
        infer_detokenize, eval_detokenize,
    ),
    ("VocabSizeOp", "-> INT32", infer_size, eval_size),
    ("IdToStringOp", "INT32 -> STRING", infer_same, eval_to_string),
    ("StringToIdOp", "STRING -> INT32", infer_same, eval_to_id),
):  # fmt: skip
    define(
        f"FlexSentencepiece{_name}",
        module=__name__,
        custom=True,
        signature=Signature(f"{_HANDLE}, {_row}" if _row[0] != "-" else f"{_HANDLE} {_row}"),
        infer=_infer,
        prepare=prepare,
        eval=_eval,
    )
