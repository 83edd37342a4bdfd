"""SentencePiece: the operators of tflite-support and MediaPipe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite import DataError, FormatError, Interpreter, Limits, Model, ModelError
from pytflite.ops.strings.sentencepiece_tables import (
    decoded,
    encoded,
    normalized,
    read_decoder,
    read_encoder,
)
from tests.harness import run_pytflite, single_op, tensor
from tests.ops.strings.sentencepiece_files import decoder_config, encoder_config
from tests.ops.strings.sentencepiece_texts import LIMIT, S, strings

FLAT = {
    b"<unk>": 0.0, "\u2581he".encode(): -1.0, b"llo": -2.0, b"l": -4.0, "\u2581".encode(): -3.0,
    b"o": -4.5, b"he": -2.5,
}  # fmt: skip

SETTINGS: dict[str, Any] = {
    "start_code": 1, "end_code": 2, "unknown_code": 0, "unknown_penalty": -15.0,
    "encoding_offset": 3, "remove_extra_whitespaces": True, "add_dummy_prefix": True,
    "escape_whitespaces": True,
}  # fmt: skip


def custom(config: np.ndarray, flags: Any = (False, False, False), rows: int = 3) -> Model:
    return single_op(
        "TFSentencepieceTokenizeOp",
        [tensor(value=config), tensor((rows,), "STRING"), tensor(value=np.array(0, np.int32)),
         tensor(value=np.array(0, np.float32)), *(tensor(value=np.array(f)) for f in flags)],
        [tensor((1,), "INT32"), tensor((1,), "INT32")],
    )  # fmt: skip


@pytest.mark.parametrize("flags", [(False,) * 3, (True, True, False), (True, True, True)])
def test_custom_tokenize(flags: Any) -> None:
    config = encoder_config(FLAT, replacements={"H": "h", "\u00e9": "e"}, **SETTINGS)
    texts = strings(b"Hello \t hxllo ", b"", "h\u00e9 \u4f60lo".encode())
    codes, splits = run_pytflite(custom(config, flags), texts)[0]
    rows = [[4, 5, 7, 0, 5], [], [4, 7, 0, 6, 8]]
    rows = [[1] * flags[0] + row + [2] * flags[1] for row in rows]
    rows = [row[::-1] if flags[2] else row for row in rows]
    assert codes.tolist() == [n for row in rows for n in row]
    assert splits.tolist() == [0, *np.cumsum([len(row) for row in rows])]


def test_custom_normalisation() -> None:
    def normal(text: bytes, **changes: Any) -> bytes:
        config = encoder_config(FLAT, replacements={"ab": "", "a": "  "}, **(SETTINGS | changes))
        return normalized(read_encoder(config.tobytes()), text, LIMIT)

    space = S.encode()
    assert normal(b"x \n y\t") == space + b"x" + space + b"y"
    assert normal(b"ab") == b"" and normal(b"") == b""
    assert normal(b"aa", remove_extra_whitespaces=False) == space * 5
    assert normal(b"x y", add_dummy_prefix=False, escape_whitespaces=False) == b"x y"
    assert normal(b"x\r\n", escape_whitespaces=False) == b" x"


def test_custom_without_an_unknown_code() -> None:
    """A text that the pieces do not cover has no codes."""
    p = read_encoder(encoder_config(FLAT, **(SETTINGS | {"unknown_code": -1})).tobytes())
    options = {"add_bos": True, "add_eos": True, "reverse": False}
    assert encoded(p, b"hello", **options) == [1, 9, 5, 2]
    assert encoded(p, b"help", **options) == [1, 2]


def test_custom_models_that_are_not_constant() -> None:
    config = encoder_config(FLAT, **SETTINGS)
    model = single_op(
        "TFSentencepieceTokenizeOp",
        [tensor(config.shape, "UINT8"), tensor((1,), "STRING"),
         tensor(value=np.array(0, np.int32)), tensor(value=np.array(0, np.float32)),
         *[tensor(value=np.array(False))] * 3],
        [tensor((1,), "INT32"), tensor((1,), "INT64")],
    )  # fmt: skip
    codes, splits = run_pytflite(model, config, strings(b"hello"))[0]
    assert codes.tolist() == [4, 5] and splits.dtype == np.int64


def detokenizer(config: np.ndarray, count: int, rows: int) -> Model:
    return single_op(
        "TFSentencepieceDetokenizeOp",
        [tensor(value=config), tensor((count,), "INT32"), tensor((rows,), "INT32")],
        [tensor((1,), "STRING")],
    )  # fmt: skip


def test_custom_detokenize() -> None:
    pieces = [" \u2047 ", "", "", " he", "llo", "a\0b"]
    config = decoder_config(pieces, encoding_offset=2, remove_dummy_prefix=True)
    model = detokenizer(config, 7, 4)
    codes = np.int32([5, 6, 5, 2, 5, 7, 3])
    (got,) = run_pytflite(model, codes, np.int32([0, 3, 3, 7]))[0]
    assert got.tolist() == [b"hello he", b"", "\u2047  hea".encode()]
    keeping = read_decoder(decoder_config(pieces).tobytes())
    assert decoded(keeping, [3, 4], LIMIT) == b" hello"
    for wrong in (1, 8):
        with pytest.raises(DataError, match="without a piece"):
            run_pytflite(model, np.int32([wrong] * 7), np.int32([0, 3, 3, 7]))
    with pytest.raises(DataError, match="rows"):
        run_pytflite(model, codes, np.int32([0, 3, 3, 6]))
    with pytest.raises(ModelError, match="no rows"):
        Interpreter(detokenizer(config, 7, 0)).allocate_tensors()
    with pytest.raises(DataError) as caught:
        Interpreter(model, limits=Limits(string_bytes=8)).run(codes, np.int32([0, 3, 3, 7]))
    assert caught.value.code == "limit.strings"


def test_custom_refusals() -> None:
    fine = encoder_config(FLAT, **SETTINGS)
    run_pytflite(custom(fine, rows=1), strings(b"he"))
    short = encoder_config({}, **SETTINGS)
    for config in (
        fine[:6], fine[:40], np.full(64, 0xFF, np.uint8), np.zeros(64, np.uint8),
        encoder_config(FLAT, version=1, **SETTINGS),
    ):  # fmt: skip
        with pytest.raises((DataError, ModelError), match="Sentencepiece"):
            Interpreter(custom(config, rows=1)).allocate_tensors()
    codes, _ = run_pytflite(custom(short, rows=1), strings(b"he"))[0]
    assert codes.tolist() == [0]  # nothing is known
    with pytest.raises(ModelError, match="one value"):
        flags = (np.array([True, True]), False, False)
        Interpreter(custom(fine, flags, rows=1)).allocate_tensors()


def test_custom_pieces_without_scores_and_replacements_without_ends() -> None:
    p = read_encoder(encoder_config(FLAT, **SETTINGS).tobytes())
    for broken, text in (
        (p._replace(scores=p.scores[:2]), b"l"),
        (p._replace(replaced=p.pieces, replacements=b"ab"), b"llo"),
    ):
        with pytest.raises(FormatError, match="without a"):
            encoded(broken, normalized(broken, text, LIMIT), add_bos=False, add_eos=False,
                    reverse=False)  # fmt: skip
