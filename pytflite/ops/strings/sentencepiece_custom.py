"""TFSentencepieceTokenizeOp, TFSentencepieceDetokenizeOp: texts to codes of pieces, and back.

    codes, splits = TFSentencepieceTokenizeOp(model, texts, nbest_size, alpha, add_bos, add_eos,
                                              reverse)
    texts = TFSentencepieceDetokenizeOp(model, codes, splits, ...)

model UINT8 or INT8 [bytes]: a FlatBuffer (see sentencepiece_tables). A text is normalised, then
cut into the pieces whose scores have the greatest sum; bytes that are no piece are unknown. codes
INT32 [all], splits INT32 or INT64 [texts + 1]: where each text's codes begin. nbest_size and
alpha have no effect; add_bos, add_eos and reverse are BOOL, one value each.
Source: custom operators of tflite-support and MediaPipe (custom_ops/kernel/sentencepiece,
tasks/cc/text/custom_ops/sentencepiece).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from pytflite.errors import DataError, FormatError, ModelError
from pytflite.model.graph import Array
from pytflite.ops.arguments import check_one
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec
from pytflite.ops.strings.sentencepiece_tables import (
    Decoding,
    Encoder,
    decoded,
    encoded,
    normalized,
    read_decoder,
    read_encoder,
)

T = TypeVar("T")
_ADD_BOS, _ADD_EOS, _REVERSE = 4, 5, 6


def guarded(node: Node, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """`function(...)`, whose FormatErrors become errors of the operator.

    Raises:
        DataError: it raised one.
    """
    try:
        return function(*args, **kwargs)
    except FormatError as error:
        raise node.error(
            DataError, error.problem, code=error.code, expected=error.expected, found=error.found
        ) from error


def infer_tokenize(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """As many codes as the texts give, and a place more than there are texts."""
    texts = inputs[1]
    if None in inputs:
        raise node.error(ModelError, "an input is left out", code="op.arity", expected=7)
    assert texts is not None
    for number in (_ADD_BOS, _ADD_EOS, _REVERSE):
        spec = inputs[number]
        assert spec is not None
        check_one(node, spec, number, "an option")
    rows = texts.size + 1 if texts.is_static else None
    return (node.output(0, (None,)), node.output(1, (rows,)))


def prepare_tokenize(
    node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> Encoder | None:
    """The model, if it is constant."""
    model = inputs[0]
    assert model is not None
    if model.value is None:
        return None
    return guarded(node, read_encoder, model.value.tobytes())


def eval_tokenize(p: Encoder | None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Text by text."""
    node = run.node
    model = p if p is not None else guarded(node, read_encoder, inputs[0].tobytes())
    options = {
        name: bool(inputs[number].reshape(-1)[0])
        for name, number in (("add_bos", _ADD_BOS), ("add_eos", _ADD_EOS), ("reverse", _REVERSE))
    }
    codes: list[int] = []
    ends = [0]
    for text in inputs[1].reshape(-1).tolist():
        normal = guarded(node, normalized, model, text, run.limits.string_bytes)
        codes += guarded(node, encoded, model, normal, **options)
        ends.append(len(codes))
    splits = node.outputs[1]
    assert splits is not None
    return [np.array(codes, np.int32), np.array(ends, splits.dtype.storage)]


def infer_detokenize(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """A text for each row."""
    splits = inputs[2]
    assert splits is not None
    if splits.is_static and not splits.size:
        raise node.error(ModelError, "there are no rows", code="op.shape", tensor=2, found=[0])
    return (node.output(0, (splits.size - 1 if splits.is_static else None,)),)


def prepare_detokenize(
    node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> Decoding | None:
    """The model, if it is constant."""
    model = inputs[0]
    assert model is not None
    if model.value is None:
        return None
    return guarded(node, read_decoder, model.value.tobytes())


def eval_detokenize(p: Decoding | None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Row by row."""
    model = p if p is not None else guarded(run.node, read_decoder, inputs[0].tobytes())
    codes, splits = inputs[1].reshape(-1).tolist(), inputs[2].reshape(-1).tolist()
    check_splits(run, splits, len(codes))
    texts = run.empty((len(splits) - 1,), object)
    left = run.limits.string_bytes
    for row, (start, stop) in enumerate(pairwise(splits)):
        texts[row] = guarded(run.node, decoded, model, codes[start:stop], left)
        left -= len(texts[row])
    return [texts]


def check_splits(run: Run, splits: Sequence[int], count: int) -> None:
    """Refuses rows that do not rise from 0 to the number of elements.

    Raises:
        DataError: these do not.
    """
    if not splits or splits[0] != 0 or splits[-1] != count or list(splits) != sorted(splits):
        raise run.node.error(
            DataError, "the rows make no sense", code="data.partition", tensor=2,
            expected=f"numbers that rise from 0 to {count}", found=list(splits[:8]),
        )  # fmt: skip


define(
    "TFSentencepieceTokenizeOp",
    module=__name__,
    custom=True,
    signature=Signature(
        "UINT8|INT8, STRING, INT32, FLOAT32|INT32, BOOL, BOOL, BOOL -> INT32, INT32|INT64"
    ),
    infer=infer_tokenize,
    prepare=prepare_tokenize,
    eval=eval_tokenize,
    packs=(0,),
)
define(
    "TFSentencepieceDetokenizeOp",
    module=__name__,
    custom=True,
    signature=Signature("UINT8|INT8, INT32, INT32|INT64, *... -> STRING"),
    infer=infer_detokenize,
    prepare=prepare_detokenize,
    eval=eval_detokenize,
    packs=(0,),
)
