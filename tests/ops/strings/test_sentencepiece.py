"""SentencePiece: TensorFlow Text's answers, and round trips."""

from __future__ import annotations

from typing import Any

import pytest

from pytflite.ops.strings.sentencepiece_encoding import decode, encode
from pytflite.ops.strings.sentencepiece_model import read_model
from tests.ops.strings.sentencepiece_files import model_proto
from tests.ops.strings.sentencepiece_texts import LIMIT, PAIRED, TEXTS, S, proto

WORDS: list[tuple[dict[str, Any], list[list[int]]]] = [
    ({}, [[0], [0], [], [], [0], [0], [0], [0]]),
    ({"plain": True}, [[0], [0, 6, 0, 6], [], [6, 6, 6], [0], [0], [9, 0], [11]]),
    ({"suffix": True}, [[0, 6], [0, 6], [], [], [0, 6], [0, 6], [9, 0, 6], [11, 6]]),
]

CHARACTERS: list[tuple[dict[str, Any], list[list[int]]]] = [
    ({}, [[6, 0, 5, 5, 7], [6, 0, 5, 5, 7, 6, 0, 7, 0, 5, 0], [], [],
          [6, 0, 5, 5, 7, 10, 0, 5, 5, 7, 6, 0, 6, 0], [6, 0], [6, 5, 7, 6, 5, 7], [6, 0, 5, 5]]),
    ({"plain": True},
     [[0, 5, 5, 7], [6, 0, 5, 5, 7, 6, 6, 0, 7, 0, 5, 0, 6], [], [6, 6, 6],
      [0, 5, 5, 7, 10, 0, 5, 5, 7, 6, 0, 6, 0], [0], [5, 7, 6, 5, 7], [0, 5, 5]]),
]  # fmt: skip

CASES = [
    pytest.param(kind, options, ids, id=f"{kind}-{next(iter(options), 'usual')}")
    for kind, table in ((1, PAIRED), (2, PAIRED), (3, WORDS), (4, CHARACTERS))
    for options, ids in table
]


@pytest.mark.parametrize(("kind", "options", "ids"), CASES)
def test_ids(kind: int, options: Any, ids: list[list[int]]) -> None:
    p = read_model(proto(kind, **options))
    assert [[number for _, number in encode(p, text, LIMIT)] for text in TEXTS] == ids


def test_pieces() -> None:
    p = read_model(proto())
    pieces = [piece.decode() for piece, _ in encode(p, TEXTS[4], LIMIT)]
    assert pieces == [S + "he", "llo", "<sep>", "he", "llo", S, "\U0001f600\u4f60", S, "x"]


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({}, ["hello l", "llo", "he \u2047 ", " \u2047  he"]),
        ({"plain": True}, [" hello l", "  llo", "  he \u2047 ", " \u2047  he"]),
        ({"denormalizer": {"he": "HE"}, "plain": True},
         [S + "HEllo" + S + "l", S + "llo", S + "HE" + S + "\u2047", S + "\u2047" + S + "HE"]),
    ],
)  # fmt: skip
def test_decoding(options: Any, texts: list[str]) -> None:
    p = read_model(proto(**options))
    rows = [[3, 4, 6, 5], [6, 6, 4], [1, 6, 3, 0, 2], [0, 3]]
    got = [decode(p, [(p.pieces[n], n) for n in row], LIMIT).decode() for row in rows]
    assert got == texts


def test_bytes_become_characters() -> None:
    p = read_model(proto(fallback=True))
    euro = [p.id_of(b"<0x%02X>" % b) for b in "\u20ac".encode()]
    for ids, text in (
        ([*euro, 3], "\u20ac he".encode()),
        ([3, *euro[:2]], b"he\xef\xbf\xbd\xef\xbf\xbd"),
        ([euro[0], *euro], "\ufffd\u20ac".encode()),
    ):
        assert decode(p, [(p.pieces[n], n) for n in ids], LIMIT) == text


def test_merged_pieces_that_are_not_used_are_taken_apart() -> None:
    pieces = [("<unk>", 0.0, 2), *((c, -9.0, 1) for c in "abcd"), ("ab", -1.0, 5), ("cd", -2.0, 1),
              ("abcd", -3.0, 5)]  # fmt: skip
    p = read_model(model_proto(pieces, trainer=[(3, 2)], normalizer=[(3, 0)]))
    assert [piece for piece, _ in encode(p, b"abcdab", LIMIT)] == [b"a", b"b", b"cd", b"a", b"b"]


def test_scores_are_float32() -> None:
    """Two ways that differ by less than a float32 tells: the first one found stays."""
    pieces = [("<unk>", 0.0, 2), ("ab", -1.0000001, 1), ("a", -0.5, 1), ("b", -0.5000001, 1)]
    p = read_model(model_proto(pieces, normalizer=[(3, 0)]))
    assert [n for _, n in encode(p, b"ab", LIMIT)] == [1]
