"""CONV_2D and DEPTHWISE_CONV_2D of float32 by integer filters: pictures are quantised."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from pytflite.jit.emit import gather
from pytflite.jit.emit.dot import by_rows, dot_of
from pytflite.jit.emit.gemm import ENTRY
from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering.ahead import ahead
from pytflite.jit.lowering.convolution_int8 import Seen, trimmed
from pytflite.jit.lowering.dense_hybrid import pack
from pytflite.jit.lowering.depthwise_float32 import lacking, lying, phases_of
from pytflite.jit.lowering.depthwise_float32 import tile_of as tile_of_windows
from pytflite.jit.lowering.depthwise_integer import packed_order
from pytflite.jit.lowering.direct_works import Place, hybrid_work, lines_of_words, whole_words
from pytflite.jit.lowering.padded import windows_of
from pytflite.jit.lowering.products import epilogue, scratch_row
from pytflite.jit.lowering.products_int8 import tile_of
from pytflite.jit.lowering.quantised import Pictures, pictures_of
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.tiles import Product
from pytflite.jit.work import At, Packed, Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import cut
from pytflite.ops.convolution.numbers import Numbers, read_numbers
from pytflite.ops.spec import Spec
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_COMPUTED = "the filter or the bias is computed at run time"
_MOST = 1 << 26  # elements of a picture
_SHORT = 4  # vectors that are copied without a loop
_MOST_TAPS = 512  # whose products float32 sums exactly
_WORK = 1 << 17  # products of a tile of a depthwise one, and its scratch:
_PAST = 64  # bytes behind what stands for padding


def conv_2d(step: Step, to: Lowering) -> Lowered:
    """A product of windows and filters; several groups quantise the pictures each."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    if not _is_constant(step):
        return _COMPUTED
    _, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    groups = channels // depth
    numbers = read_numbers(
        step.node, x, weights, _bias(step), step.output_specs[0], filters, groups=groups,
        always_asymmetric=False,
    )  # fmt: skip
    if x.size // max(x.static[0], 1) > _MOST:
        return "its pictures are too large"
    windows, seen = trimmed(windows_of(step, sizes, taps))
    assert weights.value is not None and numbers.scales is not None
    values = weights.value[:, cut(seen[0]), cut(seen[1])]
    if depth == 1 and groups > 1:
        return _depthwise(step, to, windows, seen, values[..., 0].transpose(1, 2, 0), numbers)
    scales = np.broadcast_to(numbers.scales, (filters,)).reshape(groups, -1)
    given = np.zeros(filters) if (bias := _bias(step)) is None else bias.value
    assert given is not None
    split, offsets = values.reshape(groups, filters // groups, -1), given.reshape(groups, -1)

    def make_lines(words: Array) -> Array:
        return pack(by_rows(to.target), words, scales[0], offsets[0])

    works, pictures = pictures_of(step, to, asymmetric=numbers.asymmetric)
    work = _in_lines(step, to, windows[1:], split, numbers, pictures, make_lines, seen)
    if work is not None:
        return [*works, work]
    for group in range(groups):
        make = partial(pack, to.target, split[group], scales[group], offsets[group])
        packed = to.packed(step, _positions(step), ("hybrid", seen, group, groups), make)
        works.append(_product(step, to, windows, numbers, pictures, packed, (group, groups)))
    return works


def _in_lines(
    step: Step, to: Lowering, along: tuple[Window, Window], values: Array, numbers: Numbers,
    pictures: Pictures, make: Callable[[Array], Array], seen: Seen,
) -> Work | None:  # fmt: skip
    """Windows of few channels in lines, if they are; values: [1, n, k]."""
    h, w = along
    if h.is_pointwise and w.is_pointwise:
        return None
    lines = lines_of_words(to.target, along, values.shape)
    if lines is None:
        return None
    x = step.input_specs[0]
    assert x is not None
    packed = to.packed(
        step, _positions(step), ("hybrid lines", seen),
        lambda: make(whole_words(to.target, values, h.filter)[0]),
    )  # fmt: skip
    _, n, k = values.shape
    batch, pixel = x.static[0], 4 * n
    steps = h.output * w.output * pixel, w.output * pixel, pixel
    tensors = pictures.x, packed, to.output(step)
    place = Place(lines, k, n, batch, pictures.stride, steps, tensors)
    return hybrid_work(
        to.target, place, pictures.numbers, numbers.limits, asymmetric=numbers.asymmetric
    )


def _product(
    step: Step, to: Lowering, windows: Windows, numbers: Numbers, pictures: Pictures,
    packed: Packed, which: tuple[int, int],
) -> Work:  # fmt: skip
    """The product of a group, of so many."""
    x, output = step.input_specs[0], to.output(step)
    assert x is not None
    group, groups = which
    batch, _, _, channels = x.static
    each, depth = step.output_specs[0].static[3] // groups, channels // groups
    _, h, w = windows
    dot, k = dot_of(to.target), h.filter * w.filter * depth
    words, row = -(-k // dot.group), dot.row(k)
    pointwise = h.is_pointwise and w.is_pointwise and k * dot.width == row and groups == 1
    row = row if pointwise else scratch_row(row)
    p = Product(h.output * w.output, each, k, row, 4 * each * groups, batch)
    tile = tile_of(to.target, p)
    panels = -(-each // tile.columns)
    panel_bytes = (4 * len(rows("hybrid")) + dot.groups(k) * dot.word) * tile.columns
    blocks = -(-p.m // tile.row_block), -(-panels // tile.panel_block)
    steps = np.array([pictures.stride, 0, p.m * p.output_row], np.int64)
    limits = numbers.limits
    settings: dict[str, Setting] = {
        "rows": tile.rows, "vectors": tile.vectors, "tail": tile.tail, "masked": tile.masked,
        "chains": tile.chains, "asymmetric": numbers.asymmetric, "clamp": epilogue(limits),
    }  # fmt: skip
    gathering: tuple[int, ...] = ()
    if not pointwise:
        runs = (w.dilation == 1 and groups == 1) or w.filter == 1
        read = to.target.vector // dot.width
        short = -(-depth * w.filter // read) if runs and to.target.vector == 64 else 0
        settings.update(runs=runs, short=short if short <= _SHORT else 0)
        gathering = (
            h.input, w.input, h.output, w.output, h.filter, w.filter, h.stride, w.stride,
            h.dilation, w.dilation, h.before, w.before, channels, depth,
            p.m * p.output_row, w.output * p.output_row, p.output_row,
        )  # fmt: skip
    fetched = ahead(p.m, tile, panel_bytes, words, dot.word * tile.columns)
    slots: tuple[Slot, ...] = (
        pictures.x._replace(offset=group * depth), packed,
        At(output.tensor, output.offset + 4 * group * each),
        np.arange(batch, dtype=np.int64)[:, None] * steps, p.m, each, words, p.x_row,
        p.output_row, panel_bytes, tile.row_block, blocks[0], tile.panel_block, blocks[1],
        *gathering, *fetched, pictures.numbers, *(float(b or 0) for b in limits),
    )  # fmt: skip
    made = kernel("gemm_hybrid." + ("pixels" if pointwise else "convolution"), **settings)
    scratch = tile.row_block * (p.x_row + ENTRY) + gather.PAST
    return Work(made, slots, batch * blocks[0] * blocks[1], scratch)


def depthwise_conv_2d(step: Step, to: Lowering) -> Lowered:
    """Channel by channel."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    if not _is_constant(step):
        return _COMPUTED
    numbers = read_numbers(
        step.node, x, weights, _bias(step), step.output_specs[0], weights.static[-1]
    )  # fmt: skip
    windows, seen = trimmed(windows_of(step, x.static[1:3], weights.static[1:3]))
    assert weights.value is not None
    values = weights.value[0, cut(seen[0]), cut(seen[1])]
    return _depthwise(step, to, windows, seen, values, numbers)


def _depthwise(
    step: Step, to: Lowering, windows: Windows, seen: Seen, values: Array, numbers: Numbers
) -> Lowered:
    """Filters [taps_h, taps_w, filters]: tiles in registers where windows are plain."""
    x, bias = step.input_specs[0], _bias(step)
    assert x is not None and numbers.scales is not None
    batch, height, width, channels = x.static
    filters = values.shape[-1]
    windows, values = lying(to.target, windows, values, (2, 1))
    _, h, w = windows
    lanes, limits = to.target.lanes, numbers.limits
    if height * width * channels > _MOST:
        return "its pictures are too large"
    if h.filter * w.filter > _MOST_TAPS:
        return "its sums might pass 2^24"
    shape = tile_of_windows(to.target, windows, (2, 1)) if filters == channels else None
    values = values.reshape(-1, filters)
    offset, scales = None if bias is None else bias.value, numbers.scales
    order = packed_order(channels, filters, lanes)

    def make() -> Array:
        return _taps(values, scales, offset, order)

    kind = "hybrid depthwise", seen, lanes
    packed = to.packed(step, _positions(step), kind, make)
    works, pictures = pictures_of(step, to, asymmetric=numbers.asymmetric)
    place = pictures.x, packed, to.output(step)
    if shape is None:
        total = batch * h.output
        block = max(1, min(total, _WORK // max(1, w.output * filters * len(values))))
        zeros, multiplied = max(channels, lanes), filters > channels
        made = kernel(
            "depthwise_hybrid.general", masked=channels < lanes and not multiplied,
            multiplied=multiplied, clamp=epilogue(limits),
        )  # fmt: skip
        slots: tuple[Slot, ...] = (
            *place, h.input, w.input, channels, h.output, w.output, h.filter, w.filter, h.stride,
            w.stride, h.dilation, w.dilation, h.before, w.before, filters // channels, total, block,
            pictures.stride, zeros, pictures.numbers, *(float(b or 0) for b in limits),
        )  # fmt: skip
        return [*works, Work(made, slots, -(-total // block), zeros + _PAST)]
    bands = -(-h.output // shape.rows)
    total = batch * bands
    each = shape.rows * w.output * channels * len(values)
    block = max(1, min(total, _WORK // max(1, each)))
    row = phases_of(w)[0]
    zeros = shape.seen_w * max(channels, lanes) * w.dilation
    made = kernel(
        "depthwise_hybrid.tiled", **shape._asdict(), left=row.before,
        right=lacking(row, row.output - 1), single=w.output == shape.columns * w.dilation,
        masked=channels < lanes, clamp=epilogue(limits),
    )  # fmt: skip
    slots = (
        *place, h.input, h.output, w.output, channels, w.input * channels, h.before, h.dilation,
        w.dilation, bands, total, block, pictures.stride, zeros, pictures.numbers,
        *(float(b or 0) for b in limits),
    )  # fmt: skip
    return [*works, Work(made, slots, -(-total // block), zeros + _PAST)]


def _taps(values: Array, scales: Array, bias: Array | None, order: Array) -> Array:
    """[vectors][zeros, sums, scale, offset, taps ...][lanes]; order: which filters."""
    filters = values.shape[1]
    table = np.zeros((4 + len(values), filters), np.float32)
    table[1] = values.sum(axis=0, dtype=np.int64)
    table[2] = scales
    if bias is not None:
        table[3] = bias.reshape(-1)
    table[4:] = values
    packed: Array = np.ascontiguousarray(table[:, order].transpose(1, 0, 2))
    return packed


def _bias(step: Step) -> Spec | None:
    return step.input_specs[2] if len(step.input_specs) > 2 else None


def _positions(step: Step) -> tuple[int, ...]:
    """Of the filter, and of the bias if there is one."""
    return (1,) if _bias(step) is None else (1, 2)


def _is_constant(step: Step) -> bool:
    """Whether filter and bias are."""
    specs = (step.input_specs[p] for p in _positions(step))
    return all(spec is not None and spec.value is not None for spec in specs)


LOWER: dict[str, Lower] = {"CONV_2D": conv_2d, "DEPTHWISE_CONV_2D": depthwise_conv_2d}
