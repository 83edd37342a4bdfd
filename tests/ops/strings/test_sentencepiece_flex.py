"""SentencePiece: the operators of TensorFlow Text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite import DataError, Interpreter, LimitError, Limits, Model, ModelError
from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import BOOL, FLOAT32, INT32, INT64, STRING
from pytflite.model.graph import Buffer, Operator, OperatorCode, Subgraph, Tensor
from pytflite.model.writing import write
from pytflite.ops.strings.sentencepiece_encoding import encode
from pytflite.ops.strings.sentencepiece_model import read_model
from tests.harness import single_op, tensor
from tests.ops.custom.node_defs import flex_options
from tests.ops.strings.sentencepiece_files import double_array, message, model_proto
from tests.ops.strings.sentencepiece_texts import LIMIT, PAIRED, PIECES, TEXTS, S, proto, strings


def flex(name: str, more: list[tuple[Any, Any]], outputs: list[Any], data: bytes | None = None,
         **attributes: Any) -> Model:  # fmt: skip
    """A graph of SentencepieceOp and an operator that takes its handle.

    Args:
        more: inputs (dtype, constant value or shape).
        outputs: their types.
    """
    buffers = [Buffer()]
    tensors = [Tensor("handle", (), INT32, 0)]
    given = []
    for number, (dtype, value) in enumerate(more, 1):
        buffer = 0
        if isinstance(value, tuple):
            given.append(number)
        else:
            buffer = len(buffers)
            buffers.append(Buffer(np.asarray(value).astype(dtype.storage).tobytes()))
        shape = value if isinstance(value, tuple) else np.shape(value)
        tensors.append(Tensor(f"t{number}", shape, dtype, buffer))
    first = len(tensors)
    tensors += [Tensor(f"out{n}", (1,), t, 0) for n, t in enumerate(outputs)]
    codes = tuple(
        OperatorCode(BuiltinOperator.CUSTOM, f"FlexSentencepiece{n}Op", 1) for n in ("", name)
    )
    model = flex_options("SentencepieceOp", model=proto() if data is None else data)
    operators = (
        Operator(codes[0], (), (0,), None, model),
        Operator(
            codes[1], tuple(range(first)), tuple(range(first, len(tensors))), None,
            flex_options(f"Sentencepiece{name}Op", **attributes),
        ),
    )  # fmt: skip
    graph = Subgraph("main", tuple(tensors), tuple(given), operators[1].outputs, operators)
    return Model.open(write(Model((graph,), codes, tuple(buffers))))


def tokenizer(outputs: Any = (INT32, INT64), *, size: int = 0, flags: Any = (0, 0, 0)) -> Model:
    return flex(
        "Tokenize",
        [(STRING, (len(TEXTS),)), (INT32, np.array(size)), (FLOAT32, np.array(0.1)),
         *((BOOL, np.array(bool(f))) for f in flags)],
        list(outputs),
    )  # fmt: skip


@pytest.mark.parametrize("flags", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1), (0, 0, 1)])
@pytest.mark.parametrize("kind", [INT32, INT64])
def test_tokenize(flags: Any, kind: Any) -> None:
    values, splits = Interpreter(tokenizer((INT32, kind), flags=flags)).run(strings(*TEXTS))
    rows = [[1] * flags[0] + row + [2] * flags[1] for row in PAIRED[0][1]]
    want = [row[::-1] if flags[2] else row for row in rows]
    assert values.tolist() == [n for row in want for n in row]
    assert splits.tolist() == [0, *np.cumsum([len(row) for row in want])]
    assert values.dtype == np.int32 and splits.dtype == kind.storage


def test_tokenize_to_pieces_and_back() -> None:
    pieces, splits = Interpreter(tokenizer((STRING, INT64))).run(strings(*TEXTS))
    assert pieces[:2].tolist() == [(S + "he").encode(), b"llo"]
    back = flex(
        "Detokenize",
        [(STRING, pieces.shape), (INT64, splits.shape), *[(BOOL, np.array(False))] * 3], [STRING],
    )  # fmt: skip
    texts = Interpreter(back).run(pieces, splits).tolist()
    assert texts[:4] == [b"hello", b"hello world", b"", b""]
    assert texts[4] == TEXTS[4] and texts[6:] == [b"lo lo", b"hell"]


def test_detokenize_ids() -> None:
    flags = [(BOOL, np.array(flag)) for flag in (True, True, True)]
    model = flex("Detokenize", [(INT32, (5,)), (INT64, (3,)), *flags], [STRING])
    got = Interpreter(model).run(np.int32([3, 4, 5, 3, 4]), np.int64([0, 3, 5]))
    assert got.tolist() == [b"lllo he", b"llo he"]  # the space of the first piece is within now
    with pytest.raises(DataError, match="id without a piece"):
        Interpreter(model).run(np.int32([3, 4, 5, 3, 15]), np.int64([0, 3, 5]))
    for splits in ([0, 3, 4], [1, 3, 5], [0, 6, 5], [0, -1, 5]):
        with pytest.raises(DataError, match="rows"):
            Interpreter(model).run(np.int32([3, 4, 5, 3, 4]), np.int64(splits))


def test_looking_up() -> None:
    assert int(Interpreter(flex("VocabSize", [], [INT32])).run()) == len(PIECES)
    to_string = flex("IdToString", [(INT32, (2, 2))], [STRING])
    got = Interpreter(to_string).run(np.int32([[3, 0], [10, 5]]))
    assert got.tolist() == [[(S + "he").encode(), b"<unk>"], [b"<sep>", b"l"]]
    with pytest.raises(DataError):
        Interpreter(to_string).run(np.int32([[3, 0], [-1, 5]]))
    to_id = flex("StringToId", [(STRING, (3,))], [INT32])
    assert Interpreter(to_id).run(strings(b"llo", b"none", b"</s>")).tolist() == [4, 0, 2]


def test_flex_refusals() -> None:
    x = strings(*TEXTS)
    with pytest.raises(DataError, match="sampling"):
        Interpreter(tokenizer(size=2)).run(x)
    with pytest.raises(DataError, match="sampling"):
        Interpreter(tokenizer(size=-1)).run(x)
    inputs = [(STRING, (1,)), (INT32, np.array(0)), (FLOAT32, np.array(0)),
              *[(BOOL, np.array(True))] * 3]  # fmt: skip
    with pytest.raises(ModelError, match="nbest"):
        model = flex("Tokenize", inputs, [INT32, INT64], return_nbest=True)
        Interpreter(model).allocate_tensors()
    with pytest.raises(ModelError, match="model is missing"):
        Interpreter(flex("VocabSize", [], [INT32], b"")).allocate_tensors()
    with pytest.raises(DataError, match="no such piece"):
        lacking = model_proto([PIECES[0], *PIECES[3:]])
        Interpreter(flex("Tokenize", inputs, [INT32, INT64], lacking)).run(strings(b"he"))
    two = [*inputs[:5], (BOOL, np.array([True, True]))]
    with pytest.raises(ModelError, match="one value"):
        Interpreter(flex("Tokenize", two, [INT32, INT64])).allocate_tensors()
    with pytest.raises(LimitError):
        model = flex("StringToId", [(STRING, (3,))], [INT32])
        Interpreter(model, limits=Limits(tensor_bytes=8)).run(strings(b"a", b"b", b"c"))
    lonely = single_op("FlexSentencepieceVocabSizeOp", [tensor((), "INT32")], [tensor((), "INT32")])
    with pytest.raises(ModelError, match="handle"):
        Interpreter(lonely).allocate_tensors()


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\x0f",
        message((1, message((1, "<unk>"), (3, 2)))) + b"\x0b",
        message((1, 5)),
        message((1, message((1, 5), (3, 2)))),
        model_proto(PIECES[3:]),  # nothing is unknown
        model_proto([*PIECES, PIECES[0]]),
        model_proto([*PIECES, ("llo", -1.0, 1)]),
        model_proto([*PIECES, ("", -1.0, 1)]),
        proto(5),
        model_proto(PIECES, normalizer=[(2, b"abc")]),
        model_proto(PIECES, normalizer=[(2, b"\xff\x00\x00\x00abcd")]),
    ],
)
def test_malformed_models(data: bytes) -> None:
    with pytest.raises((DataError, ModelError), match="Sentencepiece"):
        Interpreter(flex("VocabSize", [], [INT32], data)).allocate_tensors()


def test_a_charsmap_that_leads_outside() -> None:
    trie = double_array({b"a": 99})
    data = trie.nbytes.to_bytes(4, "little") + trie.tobytes() + b"x\0"
    p = read_model(model_proto(PIECES, normalizer=[(2, data)]))
    assert encode(p, b"b", LIMIT)
    model = flex(
        "Tokenize",
        [(STRING, (1,)), (INT32, np.array(0)), (FLOAT32, np.array(0.0)),
         *[(BOOL, np.array(False))] * 3],
        [INT32, INT64], model_proto(PIECES, normalizer=[(2, data)]),
    )  # fmt: skip
    with pytest.raises(DataError, match="charsmap"):
        Interpreter(model).run(strings(b"a"))


def test_texts_that_grow_are_refused() -> None:
    data = model_proto(PIECES, replacements={"a": "b" * 1000})
    inputs = [(STRING, (1,)), (INT32, np.array(0)), (FLOAT32, np.array(0.0)),
              *[(BOOL, np.array(False))] * 3]  # fmt: skip
    model = flex("Tokenize", inputs, [INT32, INT64], data)
    with pytest.raises(DataError) as caught:
        Interpreter(model, limits=Limits(string_bytes=10_000)).run(strings(b"a" * 11))
    assert caught.value.code == "limit.strings"
