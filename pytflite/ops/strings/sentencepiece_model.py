"""SentencePiece models as SentencePiece itself writes them: a protocol buffer.

    ModelProto     pieces 1 (each: piece 1, score 2, type 3), trainer_spec 2, normalizer_spec 3,
                   denormalizer_spec 5
    TrainerSpec    model_type 3, treat_whitespace_as_suffix 24, byte_fallback 35, unk_surface 44,
                   bos_piece 46, eos_piece 47
    NormalizerSpec precompiled_charsmap 2, add_dummy_prefix 3, remove_extra_whitespaces 4,
                   escape_whitespaces 5

The charsmap is the size of a trie, the trie, and what it leads to: strings, each ended by a 0.
Source: SentencePiece (src/sentencepiece_model.proto, normalizer.cc, model_interface.cc).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytflite.errors import FormatError
from pytflite.format.protobuf import fields, floating
from pytflite.ops.strings.double_array_trie import longest, trie

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
UNIGRAM, BPE, WORD, CHAR = range(1, 5)
SPACE = "\u2581".encode()  # what stands for white space in pieces
REPLACEMENT = "\ufffd".encode()
_UNKNOWN_SURFACE = " \u2047 ".encode()


class Normalizer(NamedTuple):
    """A NormalizerSpec, and what else decides how a text is normalised."""

    charsmap: array[int]
    strings: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    escape_whitespaces: bool
    suffix: bool
    kept: Vocabulary


class Vocabulary(NamedTuple):
    """Strings to numbers, for finding those that a text begins with.

    Attributes:
        ids: the strings. lengths: that there are, rising.
    """

    ids: Mapping[bytes, int]
    lengths: tuple[int, ...]

    def prefixes(self, text: bytes, start: int) -> Iterator[tuple[int, int]]:
        """(length, number) of each that begins at `start`, shorter ones first."""
        left = len(text) - start
        for length in self.lengths:
            if length > left:
                return
            number = self.ids.get(text[start : start + length])
            if number is not None:
                yield length, number

    def longest(self, text: bytes, start: int) -> int:
        """The length of the longest that begins at `start`; 0 if there is none."""
        return max((length for length, _ in self.prefixes(text, start)), default=0)


class Model(NamedTuple):
    """A ModelProto.

    Attributes:
        pieces, scores, types: by id. vocabulary: the pieces that texts consist of.
        reserved: ids of the other pieces. unknown: id of the unknown piece.
    """

    kind: int
    pieces: tuple[bytes, ...]
    scores: tuple[float, ...]
    types: bytes
    vocabulary: Vocabulary
    reserved: Mapping[bytes, int]
    unknown: int
    byte_fallback: bool
    unknown_surface: bytes
    bos_piece: bytes
    eos_piece: bytes
    normalizer: Normalizer
    denormalizer: Normalizer | None

    def id_of(self, piece: bytes) -> int:
        """The id of a piece; that of the unknown one if there is none such."""
        found = self.reserved.get(piece)
        return self.vocabulary.ids.get(piece, self.unknown) if found is None else found


def vocabulary(ids: Mapping[bytes, int]) -> Vocabulary:
    """A vocabulary of these strings."""
    return Vocabulary(ids, tuple(sorted({len(piece) for piece in ids})))


def read_model(data: bytes) -> Model:
    """A ModelProto.

    Raises:
        FormatError: malformed, or it makes no sense.
    """
    pieces, scores, types = [], [], bytearray()
    specs: dict[int, dict[int, Any]] = {2: {}, 3: {}, 5: {}}
    for number, _, value in fields(data):
        if number == 1:
            piece = {n: v for n, _, v in fields(_bytes(value))}
            pieces.append(_bytes(piece.get(1, b"")))
            scores.append(floating(_int(piece.get(2, 0)) & 0xFFFFFFFF))
            types.append(_int(piece.get(3, NORMAL)) & 0xFF)
        elif number in specs:
            specs[number].update({n: v for n, _, v in fields(_bytes(value))})
    trainer, normalizer, denormalizer = specs.values()
    normal, reserved = _ids(pieces, types)
    unknown = [i for i, kind in enumerate(types) if kind == UNKNOWN]
    kind = _int(trainer.get(3, UNIGRAM))
    if len(unknown) != 1 or not UNIGRAM <= kind <= CHAR:
        raise _senseless("one unknown piece, a known kind of model", f"{len(unknown)}, {kind}")
    kept = vocabulary({p: i for p, i in normal.items() if types[i] == USER_DEFINED})
    suffix = bool(_int(trainer.get(24, 0)))
    return Model(
        kind,
        tuple(pieces),
        tuple(scores),
        bytes(types),
        vocabulary(normal),
        reserved,
        unknown[0],
        bool(_int(trainer.get(35, 0))),
        _bytes(trainer.get(44, _UNKNOWN_SURFACE)),
        _bytes(trainer.get(46, b"")) or b"<s>",
        _bytes(trainer.get(47, b"")) or b"</s>",
        _normalizer(normalizer, kept, suffix),
        _normalizer(denormalizer, kept, False) if denormalizer.get(2) else None,
    )


def _ids(pieces: list[bytes], types: bytearray) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """Ids of the pieces that texts consist of, and of the others."""
    normal: dict[bytes, int] = {}
    reserved: dict[bytes, int] = {}
    for number, (piece, kind) in enumerate(zip(pieces, types, strict=True)):
        ids = normal if kind in (NORMAL, USER_DEFINED, UNUSED) else reserved
        if not piece or piece in ids:
            raise _senseless("pieces that differ", piece[:40])
        ids[piece] = number
    return normal, reserved


def _normalizer(spec: Mapping[int, Any], kept: Vocabulary, suffix: bool) -> Normalizer:
    charsmap = _bytes(spec.get(2, b""))
    size = int.from_bytes(charsmap[:4], "little")
    if charsmap and (len(charsmap) <= 4 or size > len(charsmap) - 4):
        raise _senseless("a charsmap with a trie", f"{len(charsmap)} bytes")
    return Normalizer(
        trie(charsmap[4 : 4 + size]),
        charsmap[4 + size :],
        bool(_int(spec.get(3, 1))),
        bool(_int(spec.get(4, 1))),
        bool(_int(spec.get(5, 1))),
        suffix,
        kept,
    )


def normalize(p: Normalizer, text: bytes, limit: int) -> bytes:
    """A text as the pieces have it.

    Raises:
        FormatError: it grows beyond `limit` bytes, or the charsmap leads outside itself.
    """
    space = SPACE if p.escape_whitespaces else b" "
    parts: list[bytes] = []
    size, at = 0, 0
    after_space = p.remove_extra_whitespaces
    while at < len(text):
        part, length = _prefix(p, text, at)
        at += length
        if after_space:
            part = part.lstrip(b" ")
        if part:
            after_space = p.remove_extra_whitespaces and part.endswith(b" ")
            parts.append(part.replace(b" ", space))
            size += len(parts[-1])
            if size > limit:
                raise FormatError(
                    "a text grows beyond limits", code="limit.strings", expected=limit
                )
    if not text or (not parts and p.remove_extra_whitespaces and _only_spaces(p, text)):
        return b""
    result = b"".join(parts)
    if p.add_dummy_prefix and not p.suffix:
        result = space + result
    if p.remove_extra_whitespaces:
        while result.endswith(space):
            result = result[: -len(space)]
    if p.add_dummy_prefix and p.suffix:
        result += space
    return result


def _only_spaces(p: Normalizer, text: bytes) -> bool:
    """Whether each prefix becomes one space: then there is no dummy prefix, either."""
    at = 0
    while at < len(text):
        part, length = _prefix(p, text, at)
        if part != b" ":
            return False
        at += length
    return True


def _prefix(p: Normalizer, text: bytes, at: int) -> tuple[bytes, int]:
    """What the beginning of a text becomes, and how many bytes of it that was."""
    length = p.kept.longest(text, at)
    if length:
        return text[at : at + length], length
    length, place = longest(p.charsmap, text, at)
    if length:
        end = p.strings.find(b"\0", place)
        if end < 0:
            raise _senseless("a charsmap whose strings end", place)
        return p.strings[place:end], length
    length = character_length(text, at)
    part = text[at : at + length]
    try:
        part.decode()
    except UnicodeDecodeError:
        return REPLACEMENT, 1
    return part, length


def character_length(text: bytes, at: int) -> int:
    """How many bytes a character has, going by its first one; those that there are."""
    first = text[at]
    length = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    return min(length, len(text) - at)


def _int(value: Any) -> int:
    if not isinstance(value, int):
        raise _senseless("a number", "bytes")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _senseless("a string or message", value)
    return value


def _senseless(expected: str, found: object) -> FormatError:
    return FormatError(
        "a SentencePiece model makes no sense", code="protobuf.malformed", expected=expected,
        found=found,
    )  # fmt: skip
