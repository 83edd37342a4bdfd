"""Float32 tensors that are quantised in the run: once for all steps that need them so."""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.quantising import NUMBERS
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.lowering.tiles import Product
from pytflite.jit.work import At, Slot, Work
from pytflite.plan.plan import Step

_LINE = 64
_CHUNK = 1 << 14  # elements that a tile quantises, unless that made more than ...
_MOST = 32  # ... so many tiles of a picture: each brings together what was measured of all


class Pictures(NamedTuple):
    """Quantised pictures.

    Attributes:
        x: where they are, `stride` bytes from one to the next.
        numbers: where those of each are.
    """

    x: At
    numbers: At
    stride: int


def pictures_of(step: Step, to: Lowering, *, asymmetric: bool) -> tuple[list[Work], Pictures]:
    """The pictures of a step's first input, and what makes them unless an earlier step did."""
    spec = step.input_specs[0]
    assert spec is not None
    batch = spec.static[0]
    image = spec.size // max(batch, 1)
    stride = _lines(image) + _LINE
    chunk = max(_CHUNK, _lines(-(-image // _MOST)))
    chunks = max(1, -(-image // chunk))
    sizes = batch * stride, _lines(batch * NUMBERS), batch * chunks * NUMBERS
    place = to.shared(step, ("pictures", step.inputs[0], asymmetric), sum(sizes))
    numbers = place._replace(offset=sizes[0])
    table = place._replace(offset=sizes[0] + sizes[1])
    slots: tuple[Slot, ...] = to.input(step, 0), table, image, chunk, chunks
    first = kernel("quantised_pictures.ends", asymmetric=asymmetric)
    second = kernel("quantised_pictures.quantise", asymmetric=asymmetric)
    tiles = batch * chunks
    works = [
        Work(first, slots, tiles, 0, (place, "ends")),
        Work(second, (*slots, place, numbers, stride), tiles, NUMBERS, (place, "pictures")),
    ]
    return works, Pictures(place, numbers, stride)


def rows_of(
    step: Step, to: Lowering, p: Product, place: int, *, asymmetric: bool
) -> tuple[list[Work], At]:
    """The rows of a step's first input, as a product wants them in memory; place: of numbers."""
    at = to.shared(step, ("rows", step.inputs[0], p.k, asymmetric), p.m * p.x_row)
    block = max(1, _CHUNK // p.k)
    slots = to.input(step, 0), at, p.m, block, p.k, p.x_row, place
    code = kernel("gemm_hybrid.rows", asymmetric=asymmetric)
    return [Work(code, slots, -(-p.m // block), 0, (at, "rows"))], at


def _lines(size: int) -> int:
    """Rounded up to whole cache lines."""
    return -(-size // _LINE) * _LINE
