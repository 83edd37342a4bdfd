"""Panels of float32 packed in the run, of weights that no constant holds.

    panel[0, n] = bias[n]        panel[1 + k, n] = weights[k, n], or weights[n, k] if turned

A panel is packed into scratch when its turn comes, and used for a block of rows. Lanes past the
width of the last panel hold anything: nothing is computed of them that is kept.
"""

from __future__ import annotations

from pytflite.jit.emit import gemm, turning
from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SLOTS = (
    "ptr bias",
    "i64 x_source",  # bytes from line to line of x in memory, if it is turned
    "i64 weights_row",  # bytes from line to line of the weights
    "i64 panel_place",  # where in scratch the panel is packed
)


def packer(columns: int, turned: bool) -> gemm.Panel:
    """What gemm.product calls to have a panel."""

    def panel(f: Function, weights: str, number: str) -> str:
        begin = f.mul(number, columns)
        width = f.min(f.sub("%n", begin), columns)
        to = f.at("%scratch", "%panel_place")
        source = f.at(weights, f.mul(begin, "%weights_row" if turned else 4))
        bias = f.at("%bias", f.mul(begin, 4))
        arguments = f"ptr {to}", f"ptr {source}", f"ptr {bias}", f"i64 {width}"
        f.call("void", "pack", *arguments, "i64 %k", "i64 %weights_row")
        return to

    return panel


def pack(module: Module, target: Target, vectors: int, *, turned: bool, bias: bool) -> None:
    """Writes @pack(to, from, bias, width, k, row)."""
    f = module.function(
        "pack", "ptr to", "ptr from", "ptr bias", "i64 width", "i64 k", "i64 row"
    )  # fmt: skip
    v = Floats(f, target)
    masks = [v.mask(f.sub("%width", n * v.lanes)) for n in range(vectors)]
    for n, mask in enumerate(masks):
        value = v.load_some(mask, "%bias", n * v.bytes) if bias else "zeroinitializer"
        v.store(value, "%to", n * v.bytes)
    first = f.at("%to", vectors * v.bytes)
    if turned:
        row = str(vectors * v.bytes)
        turning.call_turn(f, first, row, "%from", "%row", "%width", "%k")
        return
    whole = f.compare("eq", "%width", vectors * v.lanes)
    with f.when(whole):
        _copy(v, first, [""] * vectors)
    with f.when(f.op(f"xor i1 {whole}, true")):
        _copy(v, first, masks)


def _copy(v: Floats, to: str, masks: list[str]) -> None:
    """Line by line; what a mask leaves out becomes zero."""
    f = v.f
    with f.loop(0, "%k") as loop:
        source = f.at("%from", f.mul(loop.index, "%row"))
        place = f.at(to, f.mul(loop.index, len(masks) * v.bytes))
        for n, mask in enumerate(masks):
            at = n * v.bytes
            value = v.load_some(mask, source, at) if mask else v.load(source, at)
            v.store(value, place, at)
