"""A small SentencePiece model, texts, and what TensorFlow Text makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.strings.sentencepiece_files import model_proto

LIMIT = 1 << 20
S = "\u2581"
PIECES = [
    ("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), (S + "he", -1.0, 1), ("llo", -2.0, 1),
    ("l", -4.0, 1), (S, -3.0, 1), ("o", -4.5, 1), ("he", -2.5, 1), ("lo", -3.5, 1),
    ("<sep>", 0.0, 4), ("hell", -1.5, 5), (S + "w", -3.25, 1), ("or", -3.75, 1), ("ld", -4.25, 1),
]  # fmt: skip
BYTES = [(f"<0x{i:02X}>", 0.0, 6) for i in range(256)]
REPLACEMENTS = {"H": "h", "\u00a0": " ", "\t": " ", "\ufb01": "fi", "e\u0301": "\u00e9"}
TEXTS = [
    b"hello", b" Hello  world ", b"", b"   ", b"hello<sep>hello \xf0\x9f\x98\x80\xe4\xbd\xa0 x",
    b"\xffhe\xe2\x82", b"lo\tlo", b"hell",
]  # fmt: skip


def proto(kind: int = 1, *, fallback: bool = False, plain: bool = False, suffix: bool = False,
          **more: Any) -> bytes:  # fmt: skip
    trainer = [(3, kind), *([(35, 1)] if fallback else []), *([(24, 1)] if suffix else [])]
    return model_proto(
        PIECES + (BYTES if fallback else []), replacements=REPLACEMENTS, trainer=trainer,
        normalizer=[(3, 0), (4, 0)] if plain else [], **more,
    )  # fmt: skip


# Ids that TensorFlow Text 2.21 gives for TEXTS. Unigram and BPE give the same.
PAIRED: list[tuple[dict[str, Any], list[list[int]]]] = [
    ({}, [[3, 4], [3, 4, 12, 13, 14], [], [], [3, 4, 10, 8, 4, 6, 0, 6, 0], [6, 0, 8, 0],
          [6, 9, 6, 9], [3, 5, 5]]),
    ({"fallback": True},
     [[3, 4], [3, 4, 12, 13, 14], [], [],
      [3, 4, 10, 8, 4, 6, 255, 174, 167, 143, 243, 204, 175, 6, 135],
      [6, 254, 206, 204, 8, 254, 206, 204, 254, 206, 204], [6, 9, 6, 9], [3, 5, 5]]),
    ({"plain": True},
     [[8, 4], [3, 4, 6, 12, 13, 14, 6], [], [6, 6, 6], [8, 4, 10, 8, 4, 6, 0, 6, 0], [0, 8, 0],
      [9, 6, 9], [8, 5, 5]]),
    ({"suffix": True},
     [[8, 4, 6], [8, 4, 12, 13, 14, 6], [], [], [8, 4, 10, 8, 4, 6, 0, 6, 0, 6], [0, 8, 0, 6],
      [9, 6, 9, 6], [8, 5, 5, 6]]),
]  # fmt: skip


def strings(*texts: bytes) -> np.ndarray:
    return np.array([*texts, None], object)[:-1]
