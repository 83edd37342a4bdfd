"""AMX in software: kernels for it run, slowly, on any CPU with AVX-512.

The text of a kernel calls LLVM's intrinsics for tiles; here these are functions of our own, in the
same module, on tiles in an array. What the instructions do: Intel's Architecture Instruction Set
Extensions manual, chapter 3.
"""

from __future__ import annotations

import numpy as np
import pytest

from pytflite.jit.ir import Function, Module

_TILE = 1024  # bytes
_WORDS, _FLOATS = "<16 x i32>", "<16 x float>"


class Tiles:
    """Eight tile registers."""

    def __init__(self) -> None:
        self._memory = np.zeros(8 * _TILE, np.uint8)

    def emulated(self, text: str) -> str:
        """The text of a module, without instructions of AMX."""
        ours = "declare void @llvm.x86.t", "declare void @llvm.x86.ldtile"
        lines = [line for line in text.splitlines() if not line.startswith(ours)]
        known = {line for line in lines if line.startswith("declare")}
        lines += [line for line in self._functions().splitlines() if line not in known]
        changed = "\n".join(lines).replace("@llvm.x86.t", "@emulated.t")
        return changed.replace("@llvm.x86.ldtile", "@emulated.ldtile")

    def _functions(self) -> str:
        m = Module()
        m.function("emulated.ldtilecfg", "ptr configuration")
        m.function("emulated.tilerelease")
        f = m.function("emulated.tileloadd64", "i8 tile", "ptr memory", "i64 stride")
        self._lines(f, "%memory", load=True)
        f = m.function("emulated.tilestored64", "i8 tile", "ptr memory", "i64 stride")
        self._lines(f, "%memory", load=False)
        for name, x, w in (("tdpbusd", "zext", "sext"), ("tdpbssd", "sext", "sext")):
            f = m.function(f"emulated.{name}", "i8 sums", "i8 x", "i8 w")
            self._products(f, x, w)
        self._bfloat16(m.function("emulated.tdpbf16ps", "i8 sums", "i8 x", "i8 w"))
        return m.text().replace("attributes #0", "attributes #1").replace(" #0 {", " #1 {")

    def _tile(self, f: Function, number: str) -> str:
        base = f.op(f"inttoptr i64 {self._memory.ctypes.data} to ptr")
        return f.at(base, f.mul(f.op(f"zext i8 {number} to i64"), _TILE))

    def _lines(self, f: Function, memory: str, *, load: bool) -> None:
        tile = self._tile(f, "%tile")
        with f.loop(0, 16) as line:
            inside = f.at(tile, f.mul(line.index, 64))
            outside = f.at(memory, f.mul(line.index, "%stride"))
            source, target = (outside, inside) if load else (inside, outside)
            f.store("<64 x i8>", f.load("<64 x i8>", source), target)

    def _products(self, f: Function, extend_x: str, extend_w: str) -> None:
        """sums[m, n] += sum over k < 16, j < 4 of x[m, 4 k + j] * w[k, 4 n + j]."""
        sums, x, w = (self._tile(f, f"%{name}") for name in ("sums", "x", "w"))
        with f.loop(0, 16) as m, f.loop(0, 16) as n:
            place = f.at(sums, f.add(f.mul(m.index, 64), f.mul(n.index, 4)))
            with f.loop(0, 16) as k, f.loop(0, 4) as j:
                at = f.add(f.add(f.mul(m.index, 64), f.mul(k.index, 4)), j.index)
                a = f.op(f"{extend_x} i8 {f.load('i8', x, at)} to i32")
                at = f.add(f.add(f.mul(k.index, 64), f.mul(n.index, 4)), j.index)
                b = f.op(f"{extend_w} i8 {f.load('i8', w, at)} to i32")
                total = f.op(f"add i32 {f.load('i32', place)}, {f.op(f'mul i32 {a}, {b}')}")
                f.store("i32", total, place)

    def _bfloat16(self, f: Function) -> None:
        """sums[m, n] += even + odd: sums over k < 16 of x[m, 2 k + i] * w[k, 2 n + i], i = 0, 1.

        Each multiplication is added with one rounding, to even; each number that goes in or comes
        out is zero where it is denormal.
        """
        sums, x, w = (self._tile(f, f"%{name}") for name in ("sums", "x", "w"))
        with f.loop(0, 16) as m:
            row = f.mul(m.index, 64)
            carried = [(_FLOATS, "zeroinitializer")] * 2
            with f.loop(0, 16, 1, *carried) as k:
                word = f.splat("i32", 16, f.load("i32", x, f.add(row, f.mul(k.index, 4))))
                line = f.load(_WORDS, w, f.mul(k.index, 64))
                pairs = zip(_halves(f, word), _halves(f, line), strict=True)
                added = [
                    f.call(_FLOATS, "llvm.fma.v16f32", *(f"{_FLOATS} {v}" for v in (a, b, total)))
                    for (a, b), total in zip(pairs, k.carried, strict=True)
                ]
                k.carry(*(_flushed(f, total) for total in added))
            even, odd = k.results
            both = _flushed(f, f.op(f"fadd {_FLOATS} {even}, {odd}"))
            before = _flushed(f, f.load(_FLOATS, sums, row))
            f.store(_FLOATS, _flushed(f, f.op(f"fadd {_FLOATS} {before}, {both}")), sums, row)


def _halves(f: Function, words: str) -> list[str]:
    """The lower and the upper bfloat16 of words, as floats."""
    lower = f.op(f"shl {_WORDS} {words}, splat (i32 16)")
    upper = f.op(f"and {_WORDS} {words}, splat (i32 -65536)")
    return [_flushed(f, f.op(f"bitcast {_WORDS} {half} to {_FLOATS}")) for half in (lower, upper)]


def _flushed(f: Function, x: str) -> str:
    """Zero of the same sign instead of a denormal number."""
    bits = f.op(f"bitcast {_FLOATS} {x} to {_WORDS}")
    exponent = f.op(f"and {_WORDS} {bits}, splat (i32 {0x7F800000})")
    sign = f.op(f"and {_WORDS} {bits}, splat (i32 {-(2**31)})")
    small = f.op(f"icmp eq {_WORDS} {exponent}, zeroinitializer")
    kept = f.op(f"select <16 x i1> {small}, {_WORDS} {sign}, {_WORDS} {bits}")
    return f.op(f"bitcast {_WORDS} {kept} to {_FLOATS}")


_TILES: list[Tiles] = []  # kernels that were compiled hold the address of the one


def emulate(monkeypatch: pytest.MonkeyPatch) -> Tiles:
    """Has kernels that are compiled from here on use tiles in software."""
    if not _TILES:
        _TILES.append(Tiles())
    tiles = _TILES[0]
    original = Module.text

    def text(self: Module) -> str:
        found = original(self)
        return tiles.emulated(found) if "llvm.x86.tile" in found else found

    monkeypatch.setattr(Module, "text", text)
    return tiles
