"""Whole pictures of float32 quantised in the run, once for all threads and steps that need them so.

They are taken in chunks: `ends` measures all of them, then `quantise` brings together what was
measured of a picture, and writes its integers (quantising.py says which).
"""

from __future__ import annotations

from pytflite.jit.emit.quantising import FINITE, HIGH, LOW, NUMBERS, Quantiser
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

_CHUNKS = "ptr x", "ptr table", "i64 size", "i64 chunk", "i64 chunks"


def ends(module: Module, target: Target, *, asymmetric: bool) -> None:
    """Slots: x; a table, NUMBERS of each chunk; elements of a picture, of a chunk; chunks of one.

    A tile is a chunk.
    """
    f = module.kernel(*_CHUNKS)
    Quantiser(module, target, asymmetric=asymmetric, narrow=True)
    with f.loop("%begin", "%end") as tile:
        _, _, x, size = _chunk(f, tile.index)
        numbers = f.at("%table", f.mul(tile.index, NUMBERS))
        f.call("void", "measure", f"ptr {x}", f"i64 {size}", f"ptr {numbers}")


def quantise(module: Module, target: Target, *, asymmetric: bool) -> None:
    """Slots: as before; to, numbers of pictures, bytes from one to the next. Scratch: NUMBERS.

    Pictures are int8, or with the first bit turned if dot.py wants bytes so. Behind each there must
    be room for a vector.
    """
    f = module.kernel(*_CHUNKS, "ptr to", "ptr numbers", "i64 stride")
    Quantiser(module, target, asymmetric=asymmetric, narrow=True)
    with f.loop("%begin", "%end", 1, ("i64", "-1")) as tile:
        picture, number, x, size = _chunk(f, tile.index)
        with f.when(f.compare("ne", picture, tile.carried[0])):
            _merge(f, f.mul(picture, "%chunks"), asymmetric=asymmetric)
            f.call("void", "choose", "ptr %scratch")
        tile.carry(picture)
        with f.when(f.compare("eq", number, 0)):
            kind = f"<{NUMBERS} x i8>"
            own = f.at("%numbers", f.mul(picture, NUMBERS))
            f.store(kind, f.load(kind, "%scratch"), own)
        to = f.at(f.at("%to", f.mul(picture, "%stride")), f.mul(number, "%chunk"))
        f.call("void", "quantise", f"ptr {to}", f"ptr {x}", f"i64 {size}", "ptr %scratch")


def _chunk(f: Function, tile: str) -> tuple[str, str, str, str]:
    """The picture, the number of the chunk in it, its address, and its elements."""
    picture = f.op(f"udiv i64 {tile}, %chunks")
    number = f.sub(tile, f.mul(picture, "%chunks"))
    first = f.mul(number, "%chunk")
    x = f.at("%x", f.mul(f.add(f.mul(picture, "%size"), first), 4))
    return picture, number, x, f.min(f.sub("%size", first), "%chunk")


def _merge(f: Function, first: str, *, asymmetric: bool) -> None:
    """Brings together in scratch what was measured of all chunks of a picture."""
    whole = ("float", "0.0")
    with f.loop(0, "%chunks", 1, whole, whole, ("i32", "1")) as loop:
        low, high, finite = loop.carried
        at = f.at("%table", f.mul(f.add(first, loop.index), NUMBERS))
        if asymmetric:
            other = f.load("float", at, LOW)
            low = f.select(f.op(f"fcmp olt float {other}, {low}"), "float", other, low)
            other = f.load("float", at, HIGH)
            high = f.select(f.op(f"fcmp ogt float {other}, {high}"), "float", other, high)
            finite = f.op(f"and i32 {finite}, {f.load('i32', at, FINITE)}")
        else:  # bits of magnitudes
            bits = f.call("i32", "llvm.smax.i32", f"i32 {f.op(f'bitcast float {high} to i32')}",
                          f"i32 {f.load('i32', at, HIGH)}")  # fmt: skip
            high = f.op(f"bitcast i32 {bits} to float")
        loop.carry(low, high, finite)
    for value, kind, place in zip(loop.results, ("float", "float", "i32"), (LOW, HIGH, FINITE),
                                  strict=True):  # fmt: skip
        f.store(kind, value, "%scratch", place)
